import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UnreadableEvent } from '#domain/event-codec';
import type { StoredEvent } from '#domain/event-envelope';
import { ConcurrencyError, type EventStore, Unavailable } from './event-store.js';
import { describeFollowing } from './event-store.following.contract.js';
import { newStreamName, newEvent, newEvents, followUntil, eventIds } from './event-store.test-support.js';

/**
 * Tests that every event store must pass.
 * @param open Opens the same log each time. The log may hold other events that can be decoded. Called again after `close`.
 */
export function describeEventStore(name: string, open: () => Promise<EventStore>): void {
  describe(`event store on ${name}`, () => {
    let store: EventStore;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(() => store.close());

    describe('append', () => {
      it('an append to a new stream starts at version 1, and read returns its events with versions and positions', async () => {
        const stream = newStreamName();
        const appended = [newEvent('Zoë 🦊 \u0000 "quoted"\n'), newEvent('x'.repeat(64 * 1024))];
        const { version, position } = await store.append(stream, 0, appended);
        const read = await store.read(stream, 0, 10);
        expect(version).toBe(2);
        expect(read).toEqual(
          appended.map((event, index) => ({
            ...event,
            stream,
            version: index + 1,
            position: read[index]!.position,
          })),
        );
        expect(read[1]!.position).toBe(position);
      });

      it('an append stores events as they were when it was called, even if the caller changes them later', async () => {
        const stream = newStreamName();
        const data = { agentId: 'a-1' };
        const appending = store.append(stream, 0, [{ ...newEvent(), data }]);
        data.agentId = 'changed';
        await appending;
        expect((await store.read(stream, 0, 1))[0]!.data).toEqual({ agentId: 'a-1' });
      });

      it.each([
        [0, 'no stream is expected'],
        [1, 'too low'],
        [3, 'too high'],
      ])('rejects the expected version %i (%s) on a stream at version 2 and appends nothing', async (expected) => {
        const stream = newStreamName();
        await store.append(stream, 0, newEvents(2));
        const error = await store.append(stream, expected, newEvents(2)).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(ConcurrencyError);
        expect(error).toMatchObject({ stream, expectedVersion: expected, actualVersion: 2 });
        expect(await store.read(stream, 0, 10)).toHaveLength(2);
      });

      it('rejects an expected version above 0 for a stream that does not exist', async () => {
        const stream = newStreamName();
        await expect(store.append(stream, 1, newEvents(1))).rejects.toThrow(ConcurrencyError);
        expect(await store.read(stream, 0, 10)).toEqual([]);
      });

      it('accepts exactly one of many concurrent appends that create the same stream', async () => {
        const stream = newStreamName();
        const contenders = Array.from({ length: 20 }, () => newEvents(2));
        const outcomes = await Promise.allSettled(contenders.map((events) => store.append(stream, 0, events)));
        const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
        const rejected = outcomes.filter((outcome) => outcome.status === 'rejected');
        expect(rejected).toHaveLength(19);
        for (const { reason } of rejected) expect(reason).toBeInstanceOf(ConcurrencyError);
        expect(eventIds(await store.read(stream, 0, 10))).toEqual(eventIds(contenders[winner]!));
      });

      it('a rejected append does not affect concurrent appends to other streams', async () => {
        const streams = Array.from({ length: 10 }, newStreamName);
        const outcomes = await Promise.allSettled(
          streams.map((stream, index) => store.append(stream, index % 2, newEvents(1))),
        );
        expect(outcomes.map(({ status }) => status)).toEqual(
          streams.map((_, index) => (index % 2 === 0 ? 'fulfilled' : 'rejected')),
        );
      });

      it.each([
        ['no events', TypeError, () => []],
        ['an id that is not a UUID', TypeError, () => [newEvent(), { ...newEvent(), id: 'not-a-uuid' }]],
        ['an id in upper case', TypeError, () => [{ ...newEvent(), id: randomUUID().toUpperCase() }]],
        ['an event without a type', TypeError, () => [{ ...newEvent(), type: '' }]],
        ['the same id twice', TypeError, () => ((event) => [event, { ...event }])(newEvent())],
      ])('rejects an append with %s as invalid input and appends nothing', async (_, errorClass, invalidEvents) => {
        const stream = newStreamName();
        await expect(store.append(stream, 0, invalidEvents())).rejects.toThrow(errorClass);
        expect(await store.read(stream, 0, 10)).toEqual([]);
      });

      it.each(['', 'answer-1', 'unknown-demo-1', '$all'])(
        'rejects an append to the stream %p, whose kind is not in streamKinds',
        async (stream) => {
          await expect(store.append(stream, 0, newEvents(1))).rejects.toThrow(
            new TypeError(`"${stream}" is not a stream of the log. Add its kind to libs/event-store/stream-name.ts.`),
          );
        },
      );

      it('accepts appends of up to a million bytes and rejects larger ones as invalid input', async () => {
        const stream = newStreamName();
        const large = (count: number): StoredEvent[] =>
          Array.from({ length: count }, () => newEvent('x'.repeat(99_000)));
        await expect(store.append(stream, 0, large(11))).rejects.toThrow(RangeError);
        await expect(store.append(stream, 0, [newEvent('ü'.repeat(500_001))])).rejects.toThrow(RangeError);
        expect(await store.append(stream, 0, large(10))).toMatchObject({ version: 10 });
      });

      it.each([-1, 1.5, NaN])('rejects %p as an expected version', async (version) => {
        await expect(store.append(newStreamName(), version, newEvents(1))).rejects.toThrow(RangeError);
      });
    });

    describe('a repeated append', () => {
      it('a repeated append returns its first result, also after later appends and after the log is opened again', async () => {
        const stream = newStreamName();
        const [first, second] = [newEvents(2), newEvents(1)];
        const results = [await store.append(stream, 0, first), await store.append(stream, 2, second)];
        const repeat = async (): Promise<unknown> => [
          await store.append(stream, 0, first),
          await store.append(stream, 2, second),
        ];
        expect(await repeat()).toEqual(results);
        await store.append(stream, 3, newEvents(3));
        expect(await repeat()).toEqual(results);
        await store.close();
        store = await open();
        expect(await repeat()).toEqual(results);
        expect(await store.read(stream, 0, 10)).toHaveLength(6);
      });

      it('a repeated append returns the same result as the first one while that is still pending', async () => {
        const stream = newStreamName();
        const events = newEvents(2);
        const [first, repeated] = await Promise.all([store.append(stream, 0, events), store.append(stream, 0, events)]);
        expect(first).toEqual(repeated);
        expect(await store.read(stream, 0, 10)).toHaveLength(2);
      });

      it('rejects an append of stored event ids with new ones, in another order, or at another version', async () => {
        const stream = newStreamName();
        const [a, b] = newEvents(2) as [StoredEvent, StoredEvent];
        await store.append(stream, 0, [a, b]);
        for (const [version, events] of [
          [0, [a, newEvent()]],
          [0, [b, a]],
          [1, [a]],
          [0, [a, b, newEvent()]],
        ] as const) {
          await expect(store.append(stream, version, events)).rejects.toThrow(ConcurrencyError);
        }
        expect(eventIds(await store.read(stream, 0, 10))).toEqual([a.id, b.id]);
      });
    });

    describe('read', () => {
      it('reads no events from a stream that does not exist', async () => {
        expect(await store.read(newStreamName(), 0, 10)).toEqual([]);
      });

      it('reads pages of events after a version, oldest first', async () => {
        const stream = newStreamName();
        const appended = newEvents(5);
        await store.append(stream, 0, appended);
        const page = async (after: number): Promise<string[]> => eventIds(await store.read(stream, after, 2));
        expect([await page(0), await page(2), await page(4), await page(5)]).toEqual([
          eventIds(appended.slice(0, 2)),
          eventIds(appended.slice(2, 4)),
          eventIds(appended.slice(4)),
          [],
        ]);
      });

      it.each([
        [0, 0],
        [0, 10_001],
        [0, 1.5],
        [-1, 10],
      ])('rejects a read after version %p with limit %p', async (after, limit) => {
        await expect(store.read(newStreamName(), after, limit)).rejects.toThrow(RangeError);
      });
    });

    describe('positions', () => {
      it('positions are URL-safe texts that sort in log order, and the log recognizes its own', async () => {
        const positions = [store.start];
        for (let i = 0; i < 20; i++) positions.push((await store.append(newStreamName(), 0, newEvents(1))).position);
        expect([...positions].sort()).toEqual(positions);
        expect(new Set(positions).size).toBe(positions.length);
        for (const position of positions) {
          expect(position).toMatch(/^[A-Za-z][A-Za-z0-9._~-]*$/);
          expect(store.isPosition(position)).toBe(true);
        }
        expect(await store.head()).toBe(positions.at(-1));
      });

      it('countBetween counts the events between two positions, or returns null if the engine cannot count them', async () => {
        const before = await store.head();
        const { position } = await store.append(newStreamName(), 0, newEvents(3));
        expect([3, null]).toContain(store.countBetween(before, position));
        expect([0, null]).toContain(store.countBetween(position, before));
      });

      it.each(['', '0', 'p', 'palien00.0000000000001', '../../etc', '💥'])(
        'does not accept %p as a position',
        async (text) => {
          expect(store.isPosition(text)).toBe(false);
          await expect(followUntil(store, text, () => false)).rejects.toThrow(RangeError);
        },
      );
    });

    describeFollowing(() => store);

    describe('close', () => {
      it('a log that closes finishes pending appends, then rejects every call as Unavailable and ends followers', async () => {
        const stream = newStreamName();
        const closing = await reopen();
        const following = followUntil(closing, await closing.head(), () => false).catch((error: unknown) => error);
        const appending = closing.append(stream, 0, newEvents(1));
        await Promise.all([closing.close(), closing.close()]);
        await closing.close();
        await expect(appending).resolves.toMatchObject({ version: 1 });
        expect(await following).toBeInstanceOf(Unavailable);
        await expect(closing.append(stream, 1, newEvents(1))).rejects.toThrow(Unavailable);
        await expect(closing.read(stream, 0, 1)).rejects.toThrow(Unavailable);
        await expect(closing.head()).rejects.toThrow(Unavailable);
        store = await open();
        expect(await store.read(stream, 0, 10)).toHaveLength(1);
      });

      // The log may allow only one writer, so the shared store is closed first.
      const reopen = async (): Promise<EventStore> => {
        await store.close();
        return open();
      };
    });

    // Last, because it leaves an event in the log that stops every follower from the start.
    describe('an event that cannot be decoded', () => {
      it('read and follow stop at an event that cannot be decoded, after returning all events before it', async () => {
        const stream = newStreamName();
        const after = await store.head();
        const readable = newEvents(2);
        const unknown = { ...newEvent(), type: 'FromTheFuture' };
        await store.append(stream, 0, [...readable, unknown, newEvent()]);
        const error = await store.read(stream, 0, 10).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(UnreadableEvent);
        expect(error).toMatchObject({ eventId: unknown.id, location: { stream, version: 3 } });
        expect(eventIds(await store.read(stream, 0, 2))).toEqual(eventIds(readable));

        const seen: string[] = [];
        const { signal } = new AbortController();
        const following = (async () => {
          for await (const batch of store.follow(after, { signal })) seen.push(...eventIds(batch.events));
        })();
        await expect(following).rejects.toThrow(UnreadableEvent);
        expect(seen).toEqual(eventIds(readable));
      });
    });
  });
}
