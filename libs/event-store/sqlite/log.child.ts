import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { newEvent } from '../event-store.test-support.js';
import { SqliteLog } from './sqlite-log.js';

// The specs run this in another process or thread: `node log.child.js <role> <file>`.
const [role, file] = isMainThread ? process.argv.slice(2) : (workerData as string[]);

// Written synchronously, so that SIGKILL does not lose a line.
function print(line: string): void {
  if (isMainThread) writeSync(1, `${line}\n`);
  else parentPort!.postMessage(line);
}

/** Appends to five streams, with ten appends of each in flight, and prints the acknowledged events with their positions. */
async function append(log: SqliteLog): Promise<void> {
  const appendTo = async (stream: string): Promise<void> => {
    let version = (await log.events.read(stream, 0, 10_000)).length;
    for (;;) {
      const burst = Array.from({ length: 10 }, async (_, index) => {
        const event = newEvent(randomUUID());
        const { position } = await log.events.append(stream, version + index, [event]);
        print(`${stream} ${version + index + 1} ${position} ${event.id}`);
      });
      await Promise.all(burst);
      version += burst.length;
    }
  };
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((letter) => appendTo(`agent-demo-${letter}`)));
}

/** Prints each position until it receives a message. Terminating a thread inside a SQLite call would abort the process. */
async function follow(log: SqliteLog): Promise<void> {
  const stop = new AbortController();
  parentPort?.once('message', () => stop.abort());
  print('ready');
  for await (const { position } of log.events.follow(log.events.start, { signal: stop.signal })) print(position);
  await log.close();
}

try {
  const log = SqliteLog.open({ file: file!, readOnly: role === 'follow' });
  if (role === 'append') await append(log);
  if (role === 'follow') await follow(log);
  if (role === 'hold') {
    print('ready');
    // Without a reference the log would be garbage-collected, which closes the file and releases the lock.
    setInterval(() => log.events.start, 1_000);
  }
} catch (error) {
  print(`${(error as Error).name}: ${(error as Error).message}`);
}
