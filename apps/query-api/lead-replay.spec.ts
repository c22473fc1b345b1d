import { expect, it } from '@jest/globals';
import type { RecordedEvent } from '#domain/event';
import type { EventBatch, EventStore } from '#event-store/event-store';
import { leadAsOf, replayLead } from './lead-replay.js';
import { readLogPages } from './log-pages.js';

const streamLength = 4_000;
const leadId = `${'a'.repeat(26)}-1`;
/** Events that were read since the event loop last ran other work, and the maximum of that. */
let readAtOnce = 0;
let maxReadAtOnce = 0;

const count = (events: number): void => {
  maxReadAtOnce = Math.max(maxReadAtOnce, (readAtOnce += events));
};
const event = {
  type: 'ContactProfileChanged',
  data: {},
  meta: { occurredAt: '2025-01-01T00:00:00.000Z' },
} as unknown as RecordedEvent;

/** Returns its events without waiting for I/O, as an embedded log does. */
const log = {
  async head() {
    return 'p9';
  },
  async read(_: string, after: number, limit: number) {
    const events = Array<RecordedEvent>(Math.min(limit, streamLength - after)).fill(event);
    count(events.length);
    return events;
  },
  async *follow(): AsyncGenerator<EventBatch> {
    for (let page = 1; ; page++) {
      count(200);
      yield { events: [], position: page < 20 ? 'p1' : 'p9' };
    }
  },
} as unknown as EventStore;

async function readAll(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items) continue;
}

it.each([
  ['a lead as of a time', () => leadAsOf(log, 'default', leadId, { time: '2026-01-01T00:00:00.000Z' })],
  ['a replay', () => readAll(replayLead(log, 'default', leadId))],
  ['a scan of the log', () => readAll(readLogPages(log, 'p0', 200))],
])('%s lets other work run after each page, however many callers there are', async (_, read) => {
  readAtOnce = maxReadAtOnce = 0;
  let done = false;
  const otherWork = (): void => {
    readAtOnce = 0;
    if (!done) setImmediate(otherWork);
  };
  setImmediate(otherWork);
  // The callers begin one after another, as requests do.
  const callers: Promise<unknown>[] = [];
  for (let caller = 0; caller < 20; caller++) {
    callers.push(read());
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(callers);
  done = true;
  // One page of a caller that begins, and one of a caller that continues.
  expect(maxReadAtOnce).toBeLessThanOrEqual(400);
});
