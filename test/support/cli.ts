import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { StringMap } from './app.js';

const program = join(import.meta.dirname, '..', '..', 'dist', 'apps', 'cli', 'main.js');

/** How a command of the built CLI ended, and what it said. */
export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command that runs; `env` is all of its environment. */
export function startCli(args: readonly string[], env: StringMap): { child: ChildProcess; ran: Promise<CliResult> } {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [program, ...args], { env: { PATH, ...env } });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  const ran = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }));
  return { child, ran };
}

export const runCli = (args: readonly string[], env: StringMap): Promise<CliResult> => startCli(args, env).ran;
