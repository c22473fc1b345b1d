import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { IdempotencyStore, StoredResponse } from './idempotency-store.js';

const anAnswer = (
  answer: unknown = { leadId: 'k-1', version: 3 },
  keptAt = '2026-03-01T09:00:00Z',
): StoredResponse => ({
  request: 'ab'.repeat(32),
  answer,
  keptAt,
});

/**
 * What every adapter promises.
 * @param open Opens the store, empty or not. Whoever calls closes it.
 */
export function describeIdempotencyStore(name: string, open: () => Promise<IdempotencyStore>): void {
  describe(`${name} as a store of answers`, () => {
    let store: IdempotencyStore;
    beforeAll(async () => {
      store = await open();
    });

    it('finds nothing that was not kept', async () => {
      expect(await store.find(randomUUID())).toBeUndefined();
    });

    it.each([[{ text: 'Zoë 🦊', list: [1, null] }], [null], [[]], ['text'], [0]])(
      'gives back %j as kept',
      async (answer) => {
        const id = randomUUID();
        const kept = anAnswer(answer);
        expect(await store.saveIfAbsent(id, kept)).toEqual(kept);
        expect(await store.find(id)).toEqual(kept);
      },
    );

    it('keeps the first answer, whoever comes second', async () => {
      const id = randomUUID();
      await store.saveIfAbsent(id, anAnswer('first'));
      expect(await store.saveIfAbsent(id, anAnswer('second'))).toEqual(anAnswer('first'));
      expect(await store.find(id)).toEqual(anAnswer('first'));
    });

    it('keeps one of many that come at once, and tells all of them which', async () => {
      const id = randomUUID();
      const told = await Promise.all(Array.from({ length: 20 }, (_, i) => store.saveIfAbsent(id, anAnswer(i))));
      expect(new Set(told.map(({ answer }) => answer)).size).toBe(1);
      expect(await store.find(id)).toEqual(told[0]);
    });

    it('forgets what was kept before a time, and tells how many', async () => {
      await store.deleteBefore('2001-01-02T00:00:00Z');
      const old = Array.from({ length: 1_200 }, () => randomUUID());
      // Some at a time: a server that is played in this process would not come to the last ones in time.
      for (let nth = 0; nth < old.length; nth += 100)
        await Promise.all(
          old.slice(nth, nth + 100).map((id) => store.saveIfAbsent(id, anAnswer(1, '2001-01-01T23:59:59.999Z'))),
        );
      const young = randomUUID();
      // The same moment as the limit, written in another zone.
      await store.saveIfAbsent(young, anAnswer(2, '2001-01-02T01:00:00+01:00'));
      expect(await store.deleteBefore('2001-01-02T00:00:00Z')).toBe(1_200);
      expect(await store.deleteBefore('2001-01-02T00:00:00Z')).toBe(0);
      expect(await store.find(old[0]!)).toBeUndefined();
      expect(await store.find(young)).toMatchObject({ answer: 2 });
    });

    it('lets a forgotten answer be kept anew', async () => {
      const id = randomUUID();
      await store.saveIfAbsent(id, anAnswer('old', '2000-01-01T00:00:00Z'));
      await store.deleteBefore('2000-06-01T00:00:00Z');
      expect(await store.saveIfAbsent(id, anAnswer('new'))).toEqual(anAnswer('new'));
    });

    it('refuses what is not a time', async () => {
      await expect(store.deleteBefore('yesterday')).rejects.toThrow(RangeError);
      await expect(store.saveIfAbsent(randomUUID(), anAnswer(1, 'yesterday'))).rejects.toThrow(RangeError);
    });
  });
}
