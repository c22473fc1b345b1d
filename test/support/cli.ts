import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { StringMap } from './app.js';

const programOf = (app: string): string => join(import.meta.dirname, '..', '..', 'dist', 'apps', app, 'main.js');

export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts a program of the build; `env` is its whole environment. */
export function startCli(
  args: readonly string[],
  env: StringMap,
  app = 'cli',
): { child: ChildProcess; ran: Promise<CliResult> } {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [programOf(app), ...args], { env: { PATH, ...env } });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  const ran = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }));
  return { child, ran };
}

export const runCli = (args: readonly string[], env: StringMap, app?: string): Promise<CliResult> =>
  startCli(args, env, app).ran;
