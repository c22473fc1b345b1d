import { randomUUID } from 'node:crypto';
import { sleep } from '#timing/sleep';
import { Unavailable } from '../event-store.js';
import { newEvent, newStreamName } from '../event-store.test-support.js';
import { EventStoreDbLog } from './eventstoredb-log.js';

// The spec runs this in a process of its own, which an unhandled error would end: `node log.child.js <url>`. Appends to three
// streams and follows the log through all faults until it gets input. Then it prints the ids that it appended and saw.
const stop = new AbortController();
process.stdin.once('data', () => stop.abort());

const log = await EventStoreDbLog.open(process.argv[2]!);
const appended: string[] = [];
const seen: string[] = [];

async function retryUntilAvailable<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      await sleep(20);
    }
  }
}

async function appendUntilStopped(): Promise<void> {
  const stream = newStreamName();
  for (let version = 0; !stop.signal.aborted; version++) {
    const event = newEvent();
    await retryUntilAvailable(() => log.events.append(stream, version, [event]));
    appended.push(event.id);
    await log.responses.find(randomUUID()).catch(() => undefined);
  }
}

/** Resolves with the number of events appended. */
async function appendToThreeStreams(): Promise<number> {
  await Promise.all([appendUntilStopped(), appendUntilStopped(), appendUntilStopped()]);
  // The follower checks whether it has seen everything when it sees an event, so there must be one after all others.
  const last = newEvent();
  await retryUntilAvailable(() => log.events.append(newStreamName(), 0, [last]));
  appended.push(last.id);
  return appended.length;
}

async function followUntilAllSeen(totalAppended: Promise<number>): Promise<void> {
  let reached = log.events.start;
  const end = new AbortController();
  await retryUntilAvailable(async () => {
    for await (const { events, position } of log.events.follow(reached, { signal: end.signal, batchSize: 5 })) {
      seen.push(...events.map(({ id }) => id));
      reached = position;
      if (stop.signal.aborted && seen.length >= (await totalAppended)) end.abort();
    }
  });
}

/** As many as there may be views and automations. They end when the log is closed. */
function startIdleFollowers(): void {
  for (let i = 0; i < 12; i++) {
    const follow = async (): Promise<void> => {
      const { signal } = new AbortController();
      for await (const _ of log.events.follow(log.events.start, { signal }));
    };
    follow().catch(() => undefined);
  }
}

const appending = appendToThreeStreams();
console.log('ready');
startIdleFollowers();
await Promise.all([appending, followUntilAllSeen(appending)]);
await log.close();
console.log(JSON.stringify({ appended, seen }));
process.stdin.destroy();
