import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import {
  maxSnapshots,
  readPages,
  SnapshotRefused,
  ViewBeingBuilt,
  type ViewSnapshot,
  type ViewStore,
} from './view-store.js';
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
const oldRows = { where: [{ column: 'kind', in: ['old'] }] };

/** Tests that every view store with snapshots must pass. */
export function viewSnapshotContract(adapter: string, createStorage: () => Promise<TestStorage>): void {
  describe(`snapshots in ${adapter}`, () => {
    let storage: TestStorage;
    let store: ViewStore;
    let viewCount = 0;
    beforeAll(async () => {
      storage = await createStorage();
      store = await storage.open();
    });
    afterAll(async () => {
      await store.close();
      await storage.remove();
    });

    const createWrites = (position: string, kind: string, ranks: readonly number[]) =>
      ranks.map((rank) => {
        const row = { rank, kind };
        return { table: 'things', key: `k${rank}`, position, row, columns: { ...row }, tokens: [kind] };
      });
    const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

    /** A view with rows 0 to 49 of kind `old`, at p1. */
    const openBuilt = async () => {
      const view: View = { name: `held-${++viewCount}`, version: 1, tables: { things } };
      const writer = await store.openForWriting(view);
      await writer.save(createWrites('p1', 'old', upTo(50)), null, 'p1');
      await writer.finishBuild();
      return { view, writer, reader: await store.openForReading(view) };
    };

    async function readRanks(snapshot: ViewSnapshot): Promise<readonly number[]> {
      const all: number[] = [];
      for await (const { rows } of readPages<Thing>(snapshot, 'things', { ...oldRows, ...byRank, limit: 7 }))
        all.push(...rows.map(({ row }) => row.rank));
      return all;
    }

    it('a snapshot shows the rows as they were when it was taken, whatever is written later', async () => {
      const { reader, writer } = await openBuilt();
      const snapshot = await reader.snapshot();
      await writer.save([...createWrites('p2', 'new', upTo(20)), ...createWrites('p2', 'old', [50, 51])], 'p1', 'p2');
      expect(snapshot.checkpoint).toBe('p1');
      expect(await readRanks(snapshot)).toEqual(upTo(50));
      expect(await snapshot.count('things', oldRows)).toBe(50);
      expect(await snapshot.count('things', { where: [], words: [['new']] })).toBe(0);
      expect(await snapshot.get('things', ['k1', 'k50'])).toEqual(new Map([['k1', { rank: 1, kind: 'old' }]]));

      expect(await reader.count('things', oldRows)).toBe(32);
      const later = await reader.snapshot();
      expect([later.checkpoint, await later.count('things', oldRows)]).toEqual(['p2', 32]);
      await Promise.all([snapshot.close(), later.close()]);
    });

    it('a snapshot shows exactly the rows of its checkpoint while batches are written without a pause', async () => {
      const { reader, writer } = await openBuilt();
      let lastPosition = 100_000;
      let isWriting = true;
      const writing = (async () => {
        for (let from = 'p1'; isWriting;) {
          const to = `p${++lastPosition}`;
          await writer.save(createWrites(to, `at ${to}`, upTo(50)), from, to);
          from = to;
          // An embedded writer never yields to the event loop by itself.
          await setImmediate();
        }
      })();
      for (let round = 0; round < 20; round++) {
        const snapshot = await reader.snapshot();
        const kinds = await snapshot.find<Thing>('things', { where: [], ...byRank, limit: 100 });
        const expected = snapshot.checkpoint === 'p1' ? 'old' : `at ${snapshot.checkpoint}`;
        expect(new Set(kinds.rows.map(({ row }) => row.kind))).toEqual(new Set([expected]));
        await snapshot.close();
      }
      isWriting = false;
      await writing;
    });

    it('a snapshot stays readable while another generation is promoted', async () => {
      const { view, reader, writer } = await openBuilt();
      const snapshot = await reader.snapshot();
      const candidate = await store.openForWriting(view, { candidate: true });
      await candidate.save(createWrites('p1', 'new', upTo(5)), null, 'p1');
      await candidate.finishBuild();
      await writer.close();
      expect(await candidate.promote()).toBe(true);
      await store.removeRetired(view);
      expect(await reader.count('things', oldRows)).toBe(0);
      expect(await readRanks(snapshot)).toEqual(upTo(50));
      await snapshot.close();
      await store.removeRetired(view);
    });

    it('a snapshot of a wiped view stays readable or fails, but never shows other rows', async () => {
      const { view, reader, writer } = await openBuilt();
      const snapshot = await reader.snapshot();
      await writer.close();
      await store.wipe(view);
      const again = await store.openForWriting(view);
      await again.save(createWrites('p9', 'old', [7]), null, 'p9');
      await again.finishBuild();
      const result = await readRanks(snapshot).catch((error: unknown) => (error as Error).name);
      expect([upTo(50), 'ViewsUnavailable']).toContainEqual(result);
      await snapshot.close();
    });

    it('a snapshot is rejected while the maximum number of snapshots is open', async () => {
      const { reader } = await openBuilt();
      const snapshots = await Promise.all(Array.from({ length: maxSnapshots }, () => reader.snapshot()));
      await expect(reader.snapshot()).rejects.toThrow(SnapshotRefused);
      await Promise.all([snapshots[0]!.close(), snapshots[0]!.close()]);
      const next = await reader.snapshot();
      await expect(reader.snapshot()).rejects.toThrow(SnapshotRefused);
      expect(await readRanks(next)).toEqual(upTo(50));
      for (const opened of [...snapshots, next]) await opened.close();
      await expect(snapshots[1]!.count('things', oldRows)).rejects.toThrow();
    });

    it('a snapshot of a view that is not built is rejected', async () => {
      const view: View = { name: `held-${++viewCount}`, version: 1, tables: { things } };
      const reader = await store.openForReading(view);
      for (let attempt = 0; attempt <= maxSnapshots; attempt++)
        await expect(reader.snapshot()).rejects.toThrow(ViewBeingBuilt);
      await store.openForWriting(view);
      for (let attempt = 0; attempt <= maxSnapshots; attempt++)
        await expect(reader.snapshot()).rejects.toThrow(ViewBeingBuilt);
    });
  });
}
