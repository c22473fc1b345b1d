import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import { maxSnapshots, SnapshotRefused, ViewBeingBuilt, type ViewSnapshot, type ViewStore } from './view-store.js';
import type { TestStorage } from './view-store.contract.js';
import type { Table, View } from './view.js';

interface Thing {
  readonly rank: number;
  readonly kind: string;
}

const things: Table<Thing> = {
  on: {},
  columns: { rank: ({ rank }) => rank, kind: ({ kind }) => kind },
  indexes: [{ prefix: ['kind'], sort: 'rank' }],
  tokens: ({ kind }) => [kind],
};
const byRank = { sort: { column: 'rank', descending: false } } as const;
const old = { where: [{ column: 'kind', in: ['old'] }] };

/** What every storage of views must do that can hold a view as it was at one moment. */
export function viewSnapshotContract(adapter: string, freshPlace: () => Promise<TestStorage>): void {
  describe(`snapshots of views in ${adapter}`, () => {
    let place: TestStorage;
    let store: ViewStore;
    let made = 0;
    beforeAll(async () => {
      place = await freshPlace();
      store = await place.open();
    });
    afterAll(async () => {
      await store.close();
      await place.remove();
    });

    const writes = (position: string, kind: string, ranks: readonly number[]) =>
      ranks.map((rank) => {
        const row = { rank, kind };
        return { table: 'things', key: `k${rank}`, position, row, columns: { ...row }, tokens: [kind] };
      });
    const upTo = (count: number) => Array.from({ length: count }, (_, nth) => nth);

    /** Rows 0 to 49, all of them old, at p1. */
    const opened = async () => {
      const view: View = { name: `held-${++made}`, version: 1, tables: { things } };
      const writer = await store.openForWriting(view);
      await writer.save(writes('p1', 'old', upTo(50)), null, 'p1');
      await writer.finishBuild();
      return { view, writer, reader: await store.openForReading(view) };
    };

    async function ranks(rows: ViewSnapshot): Promise<readonly number[]> {
      const all: number[] = [];
      for (let after: { value: number; key: string } | undefined, more = true; more;) {
        const found = await rows.find<Thing>('things', { ...old, ...byRank, limit: 7, ...(after ? { after } : {}) });
        all.push(...found.rows.map(({ row }) => row.rank));
        const last = found.rows.at(-1);
        if (last) after = { value: last.row.rank, key: last.key };
        more = found.hasMore;
      }
      return all;
    }

    it('are of one moment, whatever is written after it', async () => {
      const { reader, writer } = await opened();
      const held = await reader.snapshot();
      await writer.save([...writes('p2', 'new', upTo(20)), ...writes('p2', 'old', [50, 51])], 'p1', 'p2');
      expect(held.checkpoint).toBe('p1');
      expect(await ranks(held)).toEqual(upTo(50));
      expect(await held.count('things', old)).toBe(50);
      expect(await held.count('things', { where: [], words: [['new']] })).toBe(0);
      expect(await held.get('things', ['k1', 'k50'])).toEqual(new Map([['k1', { rank: 1, kind: 'old' }]]));

      expect(await reader.count('things', old)).toBe(32);
      const later = await reader.snapshot();
      expect([later.checkpoint, await later.count('things', old)]).toEqual(['p2', 32]);
      await Promise.all([held.close(), later.close()]);
    });

    it('tell the rows of their checkpoint, none older and none newer, while batch upon batch is written', async () => {
      const { reader, writer } = await opened();
      let last = 100_000;
      let writing = true;
      const busy = (async () => {
        // Between the batches others get their turn: an embedded writer never waits.
        for (let from = 'p1'; writing; from = `p${last}`, await setImmediate())
          await writer.save(writes(`p${++last}`, `at p${last}`, upTo(50)), from, `p${last}`);
      })();
      for (let nth = 0; nth < 20; nth++) {
        const held = await reader.snapshot();
        const kinds = await held.find<Thing>('things', { where: [], ...byRank, limit: 100 });
        const expected = held.checkpoint === 'p1' ? 'old' : `at ${held.checkpoint}`;
        expect(new Set(kinds.rows.map(({ row }) => row.kind))).toEqual(new Set([expected]));
        await held.close();
      }
      writing = false;
      await busy;
    });

    it('go on while another generation takes over', async () => {
      const { view, reader, writer } = await opened();
      const held = await reader.snapshot();
      const beside = await store.openForWriting(view, { candidate: true });
      await beside.save(writes('p1', 'new', upTo(5)), null, 'p1');
      await beside.finishBuild();
      await writer.close();
      expect(await beside.promote()).toBe(true);
      await store.removeRetired(view);
      expect(await reader.count('things', old)).toBe(0);
      expect(await ranks(held)).toEqual(upTo(50));
      await held.close();
      await store.removeRetired(view);
    });

    it('go on when the view is wiped, or fail, but never tell other rows', async () => {
      const { view, reader, writer } = await opened();
      const held = await reader.snapshot();
      await writer.close();
      await store.wipe(view);
      const again = await store.openForWriting(view);
      await again.save(writes('p9', 'old', [7]), null, 'p9');
      await again.finishBuild();
      const told = await ranks(held).catch((error: unknown) => (error as Error).name);
      expect([upTo(50), 'ViewsUnavailable']).toContainEqual(told);
      await held.close();
    });

    it('are held only so many at once, until one is closed', async () => {
      const { reader } = await opened();
      const held = await Promise.all(Array.from({ length: maxSnapshots }, () => reader.snapshot()));
      await expect(reader.snapshot()).rejects.toThrow(SnapshotRefused);
      await Promise.all([held[0]!.close(), held[0]!.close()]);
      const next = await reader.snapshot();
      await expect(reader.snapshot()).rejects.toThrow(SnapshotRefused);
      expect(await ranks(next)).toEqual(upTo(50));
      for (const each of [...held, next]) await each.close();
      await expect(held[1]!.count('things', old)).rejects.toThrow();
    });

    it('are none of a view that is not built', async () => {
      const view: View = { name: `held-${++made}`, version: 1, tables: { things } };
      const reader = await store.openForReading(view);
      for (let nth = 0; nth <= maxSnapshots; nth++) await expect(reader.snapshot()).rejects.toThrow(ViewBeingBuilt);
      await store.openForWriting(view);
      for (let nth = 0; nth <= maxSnapshots; nth++) await expect(reader.snapshot()).rejects.toThrow(ViewBeingBuilt);
    });
  });
}
