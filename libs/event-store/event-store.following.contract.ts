import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import type { EventStore } from './event-store.js';
import { newStreamName, newEvents, followUntil } from './event-store.test-support.js';

/** The part of the contract about `follow`; run by `describeEventStore`. */
export function describeFollowing(current: () => EventStore): void {
  describe('following', () => {
    let store: EventStore;
    beforeAll(() => {
      store = current();
    });

    it('gives everything from the start, once and in order, then what comes', async () => {
      const stream = newStreamName();
      await store.append(stream, 0, newEvents(3));
      const ours = (seen: readonly RecordedEvent[]): RecordedEvent[] => seen.filter((event) => event.stream === stream);
      let later: Promise<unknown> | undefined;
      const { seen } = await followUntil(store, store.start, (all) => {
        if (ours(all).length === 3) later ??= store.append(stream, 3, newEvents(1));
        return ours(all).length === 4;
      });
      await later;
      expect(ours(seen)).toEqual(await store.read(stream, 0, 10));
      const positions = seen.map(({ position }) => position);
      expect(positions).toEqual([...new Set(positions)].sort());
    });

    it('goes on right behind a position, in batches no larger than asked for', async () => {
      const stream = newStreamName();
      await store.append(stream, 0, newEvents(3));
      const after = await store.head();
      await store.append(stream, 3, newEvents(7));
      const { seen, batches } = await followUntil(store, after, (all) => all.length === 7, 3);
      expect(seen.map(({ version }) => version)).toEqual([4, 5, 6, 7, 8, 9, 10]);
      for (const batch of batches) {
        expect(batch.events.length).toBeLessThanOrEqual(3);
        expect(batch.position).toBe(batch.events.at(-1)!.position);
      }
    });

    it('never misses an event, whatever is appended where and when, and however slowly it is pulled', async () => {
      const moves = fc.array(
        fc.record({ stream: fc.nat(3), count: fc.integer({ min: 1, max: 4 }), wait: fc.boolean() }),
        {
          minLength: 1,
          maxLength: 40,
        },
      );
      await fc.assert(
        fc.asyncProperty(moves, fc.integer({ min: 1, max: 7 }), async (list, batchSize) => {
          const after = await store.head();
          const names = Array.from({ length: 4 }, newStreamName);
          const versions = [0, 0, 0, 0];
          const total = list.reduce((sum, { count }) => sum + count, 0);
          const tail = followUntil(store, after, (seen) => seen.length >= total, batchSize);
          // One after another in each stream: an append names the version that the one before it left.
          const pending = names.map((): Promise<unknown> => Promise.resolve());
          for (const { stream, count, wait } of list) {
            const expected = versions[stream]!;
            const appending = pending[stream]!.then(() => store.append(names[stream]!, expected, newEvents(count)));
            versions[stream]! += count;
            pending[stream] = appending;
            if (wait) await appending;
          }
          await Promise.all(pending);
          const { seen } = await tail;
          const positions = seen.map(({ position }) => position);
          expect(positions).toEqual([...new Set(positions)].sort());
          for (const name of names) {
            const mine = seen.filter(({ stream }) => stream === name);
            expect(mine.map(({ version }) => version)).toEqual(mine.map((_, i) => i + 1));
          }
          expect(seen).toHaveLength(total);
        }),
        { numRuns: 30 },
      );
    });

    it('serves several followers, each at its own pace', async () => {
      const after = await store.head();
      const two = [
        followUntil(store, after, (seen) => seen.length === 5, 1),
        followUntil(store, after, (seen) => seen.length === 5),
      ];
      for (let i = 0; i < 5; i++) await store.append(newStreamName(), 0, newEvents(1));
      const [one, other] = await Promise.all(two);
      expect(one!.seen).toEqual(other!.seen);
    });

    it('ends when it is told to: before it began, while it waits, and between two batches', async () => {
      const end = async (signal: AbortSignal, after: Position): Promise<number> => {
        let batches = 0;
        for await (const _ of store.follow(after, { signal, batchSize: 1 })) batches += 1;
        return batches;
      };
      const before = await store.head();
      await store.append(newStreamName(), 0, newEvents(2));
      expect(await end(AbortSignal.abort(), before)).toBe(0);

      const waiting = new AbortController();
      const ended = end(waiting.signal, await store.head());
      setImmediate(() => waiting.abort());
      expect(await ended).toBe(0);

      const between = new AbortController();
      const iterator = store.follow(before, { signal: between.signal, batchSize: 1 })[Symbol.asyncIterator]();
      expect((await iterator.next()).done).toBe(false);
      between.abort();
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    });

    it('lets go when its reader leaves, even in the middle of waiting', async () => {
      const { signal } = new AbortController();
      const iterator = store.follow(await store.head(), { signal })[Symbol.asyncIterator]();
      const waiting = iterator.next();
      await iterator.return!();
      expect(await waiting).toEqual({ done: true, value: undefined });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    });

    it.each([0, 10_001, 1.5])('refuses batches of %p', async (batchSize) => {
      await expect(followUntil(store, store.start, () => false, batchSize)).rejects.toThrow(RangeError);
    });
  });
}
