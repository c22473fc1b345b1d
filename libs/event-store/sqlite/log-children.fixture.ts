import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const built = join(import.meta.dirname, '../../../dist/libs/event-store/sqlite');

/** What `npm test` built of log.child.ts: a process or a thread can't run the sources. */
export const childModule = join(built, 'log.child.js');

export interface Child {
  /** What it said, line by line, while it says it. */
  readonly lines: AsyncIterableIterator<string>;
  /** kill -9. */
  kill(): void;
}

const children = new Set<ChildProcess>();

export function startChild(role: 'append' | 'follow' | 'hold', file: string): Child {
  const child: ChildProcess = spawn(process.execPath, [childModule, role, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]() as AsyncIterableIterator<string>;
  return { lines, kill: () => void child.kill('SIGKILL') };
}

/** Runs `test` with a folder of its own, gone afterwards, and so are the children that it started. */
export async function withTempFolder<T>(test: (folder: string) => T): Promise<Awaited<T>> {
  const folder = mkdtempSync(join(tmpdir(), 'leadstream-log-'));
  try {
    return await test(folder);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    rmSync(folder, { recursive: true, force: true });
  }
}
