import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { newEvent } from '../event-store.test-support.js';
import { SqliteLog } from './sqlite-log.js';

// What the specs run in another process or thread: `node log.child.js <role> <file>`.
const [role, file] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
// At once and to the end: a line that was said is not lost by kill -9.
const say = (line: string): void => (isMainThread ? void writeSync(1, `${line}\n`) : parentPort!.postMessage(line));

/** Five streams, ten appends of each in flight; says which events were acknowledged, and where. */
async function append(log: SqliteLog): Promise<void> {
  const appendTo = async (stream: string): Promise<void> => {
    let version = (await log.events.read(stream, 0, 10_000)).length;
    for (;;) {
      const burst = Array.from({ length: 10 }, async (_, i) => {
        const event = newEvent(randomUUID());
        const { position } = await log.events.append(stream, version + i, [event]);
        say(`${stream} ${version + i + 1} ${position} ${event.id}`);
      });
      await Promise.all(burst);
      version += burst.length;
    }
  };
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((letter) => appendTo(`agent-demo-${letter}`)));
}

/** Says each position as it comes, until told to stop: a thread in SQLite must not be terminated, that aborts the process. */
async function follow(log: SqliteLog): Promise<void> {
  const stop = new AbortController();
  parentPort?.once('message', () => stop.abort());
  say('ready');
  for await (const { position } of log.events.follow(log.events.start, { signal: stop.signal })) say(position);
  await log.close();
}

try {
  const log = SqliteLog.open({ file: file!, readOnly: role === 'follow' });
  if (role === 'append') await append(log);
  if (role === 'follow') await follow(log);
  if (role === 'hold') {
    say('ready');
    // A log that nothing refers to is closed when garbage is collected, and then holds nothing any more.
    setInterval(() => log.events.start, 1_000);
  }
} catch (error) {
  say(`${(error as Error).name}: ${(error as Error).message}`);
}
