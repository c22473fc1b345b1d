import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const buildFolder = join(import.meta.dirname, '../../../dist/libs/event-store/sqlite');

/** The compiled log.child.ts, which `npm test` builds. A process or a thread cannot run the TypeScript sources. */
export const childModule = join(buildFolder, 'log.child.js');

export interface Child {
  /** The lines of its output, as they arrive. */
  readonly lines: AsyncIterableIterator<string>;
  /** Sends SIGKILL. */
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

/** Runs `test` with a temporary folder. Removes the folder afterwards and kills the children that the test started. */
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
