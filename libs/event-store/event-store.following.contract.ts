import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import type { EventStore } from './event-store.js';
import { newStreamName, newEvents, followUntil } from './event-store.test-support.js';

/** The part of the contract about `follow`. `describeEventStore` runs it. */
export function describeFollowing(currentStore: () => EventStore): void {
  describe('follow', () => {
    let store: EventStore;
    beforeAll(() => {
      store = currentStore();
    });

    it('a follower from the start gets every event once and in order, then new events', async () => {
      const stream = newStreamName();
      await store.append(stream, 0, newEvents(3));
      const inStream = (events: readonly RecordedEvent[]): RecordedEvent[] =>
        events.filter((event) => event.stream === stream);
      let laterAppend: Promise<unknown> | undefined;
      const { seen } = await followUntil(store, store.start, (events) => {
        if (inStream(events).length === 3) laterAppend ??= store.append(stream, 3, newEvents(1));
        return inStream(events).length === 4;
      });
      await laterAppend;
      expect(inStream(seen)).toEqual(await store.read(stream, 0, 10));
      const positions = seen.map(({ position }) => position);
      expect(positions).toEqual([...new Set(positions)].sort());
    });

    it('a follower from a position gets the events after it, in batches of at most batchSize', async () => {
      const stream = newStreamName();
      await store.append(stream, 0, newEvents(3));
      const after = await store.head();
      await store.append(stream, 3, newEvents(7));
      const { seen, batches } = await followUntil(store, after, (events) => events.length === 7, 3);
      expect(seen.map(({ version }) => version)).toEqual([4, 5, 6, 7, 8, 9, 10]);
      for (const batch of batches) {
        expect(batch.events.length).toBeLessThanOrEqual(3);
        expect(batch.position).toBe(batch.events.at(-1)!.position);
      }
    });

    it('a follower never misses an event, whatever the order of appends and however slowly it reads', async () => {
      const steps = fc.array(
        fc.record({ stream: fc.nat(3), count: fc.integer({ min: 1, max: 4 }), wait: fc.boolean() }),
        { minLength: 1, maxLength: 40 },
      );
      await fc.assert(
        fc.asyncProperty(steps, fc.integer({ min: 1, max: 7 }), async (appends, batchSize) => {
          const after = await store.head();
          const names = Array.from({ length: 4 }, newStreamName);
          const versions = [0, 0, 0, 0];
          const total = appends.reduce((sum, { count }) => sum + count, 0);
          const following = followUntil(store, after, (seen) => seen.length >= total, batchSize);
          // Appends to one stream run one after another, because each expects the version after the previous one.
          const pending = names.map((): Promise<unknown> => Promise.resolve());
          for (const { stream, count, wait } of appends) {
            const expected = versions[stream]!;
            const appending = pending[stream]!.then(() => store.append(names[stream]!, expected, newEvents(count)));
            versions[stream]! += count;
            pending[stream] = appending;
            if (wait) await appending;
          }
          await Promise.all(pending);
          const { seen } = await following;
          const positions = seen.map(({ position }) => position);
          expect(positions).toEqual([...new Set(positions)].sort());
          for (const name of names) {
            const inStream = seen.filter(({ stream }) => stream === name);
            expect(inStream.map(({ version }) => version)).toEqual(inStream.map((_, index) => index + 1));
          }
          expect(seen).toHaveLength(total);
        }),
        { numRuns: 30 },
      );
    });

    it('several followers get the same events, each at its own pace', async () => {
      const after = await store.head();
      const followers = [
        followUntil(store, after, (seen) => seen.length === 5, 1),
        followUntil(store, after, (seen) => seen.length === 5),
      ];
      for (let i = 0; i < 5; i++) await store.append(newStreamName(), 0, newEvents(1));
      const [slow, fast] = await Promise.all(followers);
      expect(slow!.seen).toEqual(fast!.seen);
    });

    it('a follower ends when its signal aborts: before the start, while it waits, or between two batches', async () => {
      const countBatches = async (signal: AbortSignal, after: Position): Promise<number> => {
        let batches = 0;
        for await (const _ of store.follow(after, { signal, batchSize: 1 })) batches += 1;
        return batches;
      };
      const before = await store.head();
      await store.append(newStreamName(), 0, newEvents(2));
      expect(await countBatches(AbortSignal.abort(), before)).toBe(0);

      const whileWaiting = new AbortController();
      const following = countBatches(whileWaiting.signal, await store.head());
      setImmediate(() => whileWaiting.abort());
      expect(await following).toBe(0);

      const betweenBatches = new AbortController();
      const iterator = store.follow(before, { signal: betweenBatches.signal, batchSize: 1 })[Symbol.asyncIterator]();
      expect((await iterator.next()).done).toBe(false);
      betweenBatches.abort();
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    });

    it('a follower ends when its consumer stops iterating, even while it waits for an event', async () => {
      const { signal } = new AbortController();
      const iterator = store.follow(await store.head(), { signal })[Symbol.asyncIterator]();
      const waiting = iterator.next();
      await iterator.return!();
      expect(await waiting).toEqual({ done: true, value: undefined });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    });

    it.each([0, 10_001, 1.5])('rejects a follower with a batchSize of %p', async (batchSize) => {
      await expect(followUntil(store, store.start, () => false, batchSize)).rejects.toThrow(RangeError);
    });
  });
}
