import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UnreadableEvent } from '#domain/event-codec';
import type { StoredEvent } from '#domain/event-envelope';
import { ConcurrencyError, type EventStore, Unavailable } from './event-store.js';
import { describeFollowing } from './event-store.following.contract.js';
import { newStreamName, newEvent, newEvents, followUntil, eventIds } from './event-store.test-support.js';

/**
 * What every adapter promises.
 * @param open Opens the same log each time; it may hold other events, which are all readable. Called again after `close`.
 */
export function describeEventStore(name: string, open: () => Promise<EventStore>): void {
  describe(`${name} as an event store`, () => {
    let store: EventStore;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(() => store.close());

    describe('appending', () => {
      it('begins a stream at version 1 and reads back what was appended, and where', async () => {
        const stream = newStreamName();
        const appended = [newEvent('Zoë 🦊 \u0000 "quoted"\n'), newEvent('x'.repeat(64 * 1024))];
        const { version, position } = await store.append(stream, 0, appended);
        const read = await store.read(stream, 0, 10);
        expect(version).toBe(2);
        expect(read).toEqual(
          appended.map((event, i) => ({ ...event, stream, version: i + 1, position: read[i]!.position })),
        );
        expect(read[1]!.position).toBe(position);
      });

      it('stores what the events were when they were appended', async () => {
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
      ])('refuses another version than the stream has, %i (%s), and appends nothing', async (expected) => {
        const stream = newStreamName();
        await store.append(stream, 0, newEvents(2));
        const refused = await store.append(stream, expected, newEvents(2)).catch((error: unknown) => error);
        expect(refused).toBeInstanceOf(ConcurrencyError);
        expect(refused).toMatchObject({ stream, expectedVersion: expected, actualVersion: 2 });
        expect(await store.read(stream, 0, 10)).toHaveLength(2);
      });

      it('refuses a version of a stream that does not exist', async () => {
        const stream = newStreamName();
        await expect(store.append(stream, 1, newEvents(1))).rejects.toThrow(ConcurrencyError);
        expect(await store.read(stream, 0, 10)).toEqual([]);
      });

      it('lets exactly one of many win that create a stream at once', async () => {
        const stream = newStreamName();
        const racers = Array.from({ length: 20 }, () => newEvents(2));
        const outcomes = await Promise.allSettled(racers.map((racer) => store.append(stream, 0, racer)));
        const won = outcomes.findIndex(({ status }) => status === 'fulfilled');
        const lost = outcomes.filter((outcome) => outcome.status === 'rejected');
        expect(lost).toHaveLength(19);
        for (const { reason } of lost) expect(reason).toBeInstanceOf(ConcurrencyError);
        expect(eventIds(await store.read(stream, 0, 10))).toEqual(eventIds(racers[won]!));
      });

      it('does not let a refused append disturb those beside it', async () => {
        const streams = Array.from({ length: 10 }, newStreamName);
        const outcomes = await Promise.allSettled(
          streams.map((stream, i) => store.append(stream, i % 2, newEvents(1))),
        );
        expect(outcomes.map(({ status }) => status)).toEqual(
          streams.map((_, i) => (i % 2 === 0 ? 'fulfilled' : 'rejected')),
        );
      });

      it.each([
        ['no events', TypeError, () => []],
        ['an id that is not a UUID', TypeError, () => [newEvent(), { ...newEvent(), id: 'not-a-uuid' }]],
        ['an id in upper case', TypeError, () => [{ ...newEvent(), id: randomUUID().toUpperCase() }]],
        ['an event without type', TypeError, () => [{ ...newEvent(), type: '' }]],
        ['an id twice', TypeError, () => ((event) => [event, { ...event }])(newEvent())],
      ])('refuses %s as a mistake and appends nothing', async (_, kind, wrong) => {
        const stream = newStreamName();
        await expect(store.append(stream, 0, wrong())).rejects.toThrow(kind);
        expect(await store.read(stream, 0, 10)).toEqual([]);
      });

      it('takes up to a million bytes at once, and refuses more as a mistake', async () => {
        const stream = newStreamName();
        const large = (count: number): StoredEvent[] =>
          Array.from({ length: count }, () => newEvent('x'.repeat(99_000)));
        await expect(store.append(stream, 0, large(11))).rejects.toThrow(RangeError);
        await expect(store.append(stream, 0, [newEvent('ü'.repeat(500_001))])).rejects.toThrow(RangeError);
        expect(await store.append(stream, 0, large(10))).toMatchObject({ version: 10 });
      });

      it.each([-1, 1.5, NaN])('refuses %p as an expected version', async (version) => {
        await expect(store.append(newStreamName(), version, newEvents(1))).rejects.toThrow(RangeError);
      });
    });

    describe('repeating an append', () => {
      it('answers as the first time, also after later appends and after opening again', async () => {
        const stream = newStreamName();
        const [first, second] = [newEvents(2), newEvents(1)];
        const answers = [await store.append(stream, 0, first), await store.append(stream, 2, second)];
        const repeat = async (): Promise<unknown> => [
          await store.append(stream, 0, first),
          await store.append(stream, 2, second),
        ];
        expect(await repeat()).toEqual(answers);
        await store.append(stream, 3, newEvents(3));
        expect(await repeat()).toEqual(answers);
        await store.close();
        store = await open();
        expect(await repeat()).toEqual(answers);
        expect(await store.read(stream, 0, 10)).toHaveLength(6);
      });

      it('gives both the same answer when the first is still under way', async () => {
        const stream = newStreamName();
        const twice = newEvents(2);
        const [one, other] = await Promise.all([store.append(stream, 0, twice), store.append(stream, 0, twice)]);
        expect(one).toEqual(other);
        expect(await store.read(stream, 0, 10)).toHaveLength(2);
      });

      it('refuses known ids mixed with new ones, in another order, or at another version', async () => {
        const stream = newStreamName();
        const [a, b] = newEvents(2) as [StoredEvent, StoredEvent];
        await store.append(stream, 0, [a, b]);
        for (const [version, wrong] of [
          [0, [a, newEvent()]],
          [0, [b, a]],
          [1, [a]],
          [0, [a, b, newEvent()]],
        ] as const) {
          await expect(store.append(stream, version, wrong)).rejects.toThrow(ConcurrencyError);
        }
        expect(eventIds(await store.read(stream, 0, 10))).toEqual([a.id, b.id]);
      });
    });

    describe('reading a stream', () => {
      it('finds nothing in a stream that does not exist', async () => {
        expect(await store.read(newStreamName(), 0, 10)).toEqual([]);
      });

      it('gives pages behind a version, oldest first', async () => {
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
      ])('refuses to read after %p as many as %p', async (after, limit) => {
        await expect(store.read(newStreamName(), after, limit)).rejects.toThrow(RangeError);
      });
    });

    describe('positions', () => {
      it('are plain text that grows with the log and knows its own', async () => {
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

      it('may tell how many events lie between them', async () => {
        const before = await store.head();
        const { position } = await store.append(newStreamName(), 0, newEvents(3));
        expect([3, null]).toContain(store.countBetween(before, position));
        expect([0, null]).toContain(store.countBetween(position, before));
      });

      it.each(['', '0', 'p', 'palien00.0000000000001', '../../etc', '💥'])('do not include %p', async (text) => {
        expect(store.isPosition(text)).toBe(false);
        await expect(followUntil(store, text, () => false)).rejects.toThrow(RangeError);
      });
    });

    describeFollowing(() => store);

    describe('being closed', () => {
      it('first finishes the appends under way, then refuses everything and ends its followers', async () => {
        const stream = newStreamName();
        const closing = await open2();
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

      // The log may allow one writer only: the suite's own is closed.
      const open2 = async (): Promise<EventStore> => {
        await store.close();
        return open();
      };
    });

    // Last, for it leaves in the log what no follower from the start gets over.
    describe('an event that today’s door refuses', () => {
      it('stops reading and following there, after all events before it', async () => {
        const stream = newStreamName();
        const after = await store.head();
        const fine = newEvents(2);
        const strange = { ...newEvent(), type: 'FromTheFuture' };
        await store.append(stream, 0, [...fine, strange, newEvent()]);
        const stopped = await store.read(stream, 0, 10).catch((error: unknown) => error);
        expect(stopped).toBeInstanceOf(UnreadableEvent);
        expect(stopped).toMatchObject({ eventId: strange.id, location: { stream, version: 3 } });
        expect(eventIds(await store.read(stream, 0, 2))).toEqual(eventIds(fine));

        const seen: string[] = [];
        const { signal } = new AbortController();
        const following = (async () => {
          for await (const batch of store.follow(after, { signal })) seen.push(...eventIds(batch.events));
        })();
        await expect(following).rejects.toThrow(UnreadableEvent);
        expect(seen).toEqual(eventIds(fine));
      });
    });
  });
}
