import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { App, Sent } from './app.js';

/** The built command line, as `npm run cli` runs it. */
const program = join(import.meta.dirname, '..', '..', 'dist', 'apps', 'cli', 'main.js');

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** On the data of an app, unless `env` says otherwise. */
export function startCli(
  app: App,
  args: readonly string[],
  env: Sent = {},
): { readonly child: ChildProcess; readonly ran: Promise<Ran> } {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [program, ...args], { env: { PATH, DATA_DIR: app.dataDir, ...env } });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  const ran = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }));
  return { child, ran };
}
