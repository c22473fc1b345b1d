import { randomUUID } from 'node:crypto';
import { Unavailable } from '../event-store.js';
import { newEvent } from '../event-store.test-support.js';
import { EventStoreDbLog } from './eventstoredb-log.js';

// What the spec runs in a process of its own, which a stray error would end: `node log.child.js <url>`. Appends to three streams
// and follows the log, whatever comes, until it is told to stop; says what it appended and saw.
const stop = new AbortController();
process.stdin.once('data', () => stop.abort());

const log = await EventStoreDbLog.open(process.argv[2]!);
const appended: string[] = [];
const seen: string[] = [];

async function untilAvailable<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function append(): Promise<void> {
  const stream = `agent-demo-${randomUUID()}`;
  for (let version = 0; !stop.signal.aborted; version++) {
    const event = newEvent();
    await untilAvailable(() => log.events.append(stream, version, [event]));
    appended.push(event.id);
    await log.responses.find(randomUUID()).catch(() => undefined);
  }
}

async function follow(): Promise<void> {
  let reached = log.events.start;
  const end = new AbortController();
  await untilAvailable(async () => {
    for await (const { events, position } of log.events.follow(reached, { signal: end.signal, batchSize: 5 })) {
      seen.push(...events.map(({ id }) => id));
      reached = position;
      if (stop.signal.aborted && seen.length >= (await everything)) end.abort();
    }
  });
}

const everything = Promise.all([append(), append(), append()]).then(async () => {
  // So that the follower has something to see once all else is there.
  const last = newEvent();
  await untilAvailable(() => log.events.append(`agent-demo-${randomUUID()}`, 0, [last]));
  appended.push(last.id);
  return appended.length;
});
console.log('ready');
// As many more as views and automations may be, until the log is closed.
const others = Array.from({ length: 12 }, async () => {
  const { signal } = new AbortController();
  for await (const _ of log.events.follow(log.events.start, { signal }));
});
for (const other of others) other.catch(() => undefined);
await Promise.all([everything, follow()]);
await log.close();
console.log(JSON.stringify({ appended, seen }));
process.stdin.destroy();
