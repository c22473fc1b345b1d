import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { IdempotencyStore, StoredResponse } from './idempotency-store.js';

const aResponse = (
  answer: unknown = { leadId: 'k-1', version: 3 },
  keptAt = '2026-03-01T09:00:00Z',
): StoredResponse => ({
  request: 'ab'.repeat(32),
  answer,
  keptAt,
});

/**
 * Tests that every idempotency store must pass.
 * @param open Opens the store, which may hold other responses. The caller closes it.
 */
export function describeIdempotencyStore(name: string, open: () => Promise<IdempotencyStore>): void {
  describe(`idempotency store on ${name}`, () => {
    let store: IdempotencyStore;
    beforeAll(async () => {
      store = await open();
    });

    it('finds no response of a command that has no stored response', async () => {
      expect(await store.find(randomUUID())).toBeUndefined();
    });

    it.each([[{ text: 'Zoë 🦊', list: [1, null] }], [null], [[]], ['text'], [0]])(
      'returns the response %j as it was stored',
      async (answer) => {
        const id = randomUUID();
        const response = aResponse(answer);
        expect(await store.saveIfAbsent(id, response)).toEqual(response);
        expect(await store.find(id)).toEqual(response);
      },
    );

    it('keeps the first response of a command and returns it to later saves', async () => {
      const id = randomUUID();
      await store.saveIfAbsent(id, aResponse('first'));
      expect(await store.saveIfAbsent(id, aResponse('second'))).toEqual(aResponse('first'));
      expect(await store.find(id)).toEqual(aResponse('first'));
    });

    it('keeps one of many concurrent responses of a command and returns it to every save', async () => {
      const id = randomUUID();
      const returned = await Promise.all(
        Array.from({ length: 20 }, (_, index) => store.saveIfAbsent(id, aResponse(index))),
      );
      expect(new Set(returned.map(({ answer }) => answer)).size).toBe(1);
      expect(await store.find(id)).toEqual(returned[0]);
    });

    it('deletes the responses stored before a time and returns their number', async () => {
      await store.deleteBefore('2001-01-02T00:00:00Z');
      const oldIds = Array.from({ length: 1_200 }, () => randomUUID());
      // In groups, because a fake server in this process cannot respond to 1,200 concurrent calls within their deadline.
      for (let start = 0; start < oldIds.length; start += 100)
        await Promise.all(
          oldIds
            .slice(start, start + 100)
            .map((id) => store.saveIfAbsent(id, aResponse(1, '2001-01-01T23:59:59.999Z'))),
        );
      const newId = randomUUID();
      // The same instant as the limit, written in another time zone.
      await store.saveIfAbsent(newId, aResponse(2, '2001-01-02T01:00:00+01:00'));
      expect(await store.deleteBefore('2001-01-02T00:00:00Z')).toBe(1_200);
      expect(await store.deleteBefore('2001-01-02T00:00:00Z')).toBe(0);
      expect(await store.find(oldIds[0]!)).toBeUndefined();
      expect(await store.find(newId)).toMatchObject({ answer: 2 });
    });

    it('stores a new response of a command after its response was deleted', async () => {
      const id = randomUUID();
      await store.saveIfAbsent(id, aResponse('old', '2000-01-01T00:00:00Z'));
      await store.deleteBefore('2000-06-01T00:00:00Z');
      expect(await store.saveIfAbsent(id, aResponse('new'))).toEqual(aResponse('new'));
    });

    it('rejects a text that is not a time, when storing or deleting responses', async () => {
      await expect(store.deleteBefore('yesterday')).rejects.toThrow(RangeError);
      await expect(store.saveIfAbsent(randomUUID(), aResponse(1, 'yesterday'))).rejects.toThrow(RangeError);
    });
  });
}
