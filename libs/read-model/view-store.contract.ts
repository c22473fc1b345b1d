import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Position } from '#domain/event-envelope';
import { viewQueryContract } from './view-query.contract.js';
import {
  CheckpointMoved,
  emptyViewState,
  type ProjectionFailure,
  ViewBeingBuilt,
  type ViewStore,
  type RowWrite,
} from './view-store.js';
import type { Table, View } from './view.js';

/** An empty storage. All stores opened on it see the same views, as several processes do. */
export interface TestStorage {
  open(): Promise<ViewStore>;
  remove(): Promise<void>;
}

interface Thing {
  readonly name: string;
  readonly rank: number | null;
}

const things: Table<Thing> = {
  on: {},
  columns: { name: ({ name }) => name, rank: ({ rank }) => rank },
  indexes: [{ prefix: [], sort: 'rank' }],
  tokens: ({ name }) => name.split(' '),
};

const thing = (key: string, position: Position, row: Thing, previous?: RowWrite | null): RowWrite => ({
  table: 'things',
  key,
  position,
  row,
  columns: { name: row.name, rank: row.rank },
  tokens: things.tokens!(row),
  ...(previous === undefined ? {} : { previous }),
});

const allByRank = { where: [], sort: { column: 'rank', descending: false }, limit: 100 } as const;

/**
 * Tests that every view store must pass. With `hasAtomicBatches`, rows and checkpoint become visible together. Without it,
 * rows may be newer than the checkpoint.
 */
export function viewStoreContract(
  adapter: string,
  createStorage: () => Promise<TestStorage>,
  { hasAtomicBatches = true }: { readonly hasAtomicBatches?: boolean } = {},
): void {
  describe(`views in ${adapter}`, () => {
    let storage: TestStorage;
    let store: ViewStore;
    let viewCount = 0;
    const createView = (): View => ({ name: `view-${++viewCount}`, version: 1, tables: { things } });
    beforeAll(async () => {
      storage = await createStorage();
      store = await storage.open();
    });
    afterAll(async () => {
      await store.close();
      await storage.remove();
    });
    const openBuilt = async (view = createView()) => {
      const writer = await store.openForWriting(view);
      await writer.finishBuild();
      return { view, writer, reader: await store.openForReading(view) };
    };

    it('a view returns saved rows by key', async () => {
      const { writer } = await openBuilt();
      await writer.save(
        [thing('a', 'p1', { name: 'ada', rank: 1 }), thing('é\0', 'p2', { name: 'bob', rank: null })],
        null,
        'p2',
      );
      expect(await writer.load('things', ['a', 'é\0', 'é', 'missing'])).toEqual(
        new Map([
          ['a', { row: { name: 'ada', rank: 1 }, position: 'p1' }],
          ['é\0', { row: { name: 'bob', rank: null }, position: 'p2' }],
        ]),
      );
    });

    it('a row is replaced only by one with a higher position', async () => {
      const { writer, reader } = await openBuilt();
      const first = thing('a', 'p3', { name: 'three', rank: 3 });
      await writer.save([first], null, 'p3');
      const outdated = [thing('a', 'p3', { name: 'same', rank: 0 }), thing('a', 'p2', { name: 'lower', rank: 2 })];
      await writer.save([...outdated, ...outdated.map((write) => ({ ...write, previous: first }))], 'p3', 'p4');
      expect(await reader.get('things', ['a'])).toEqual(new Map([['a', { name: 'three', rank: 3 }]]));
      expect(await reader.count('things', { where: [{ column: 'rank', in: [3] }], words: [['three']] })).toBe(1);
      await writer.save([thing('a', 'p5', { name: 'five', rank: 5 })], 'p4', 'p5');
      expect(await reader.get('things', ['a'])).toEqual(new Map([['a', { name: 'five', rank: 5 }]]));
      expect(await reader.count('things', { where: [{ column: 'rank', in: [3] }] })).toBe(0);
      expect(await reader.count('things', { where: [], words: [['three']] })).toBe(0);
    });

    it('a save applies the differences from the previously stored row', async () => {
      const { writer, reader } = await openBuilt();
      const first = thing('a', 'p1', { name: 'first', rank: 1 });
      await writer.save([first], null, 'p1');
      await writer.save([thing('a', 'p2', { name: 'second', rank: null }, first)], 'p1', 'p2');
      expect(await reader.get('things', ['a'])).toEqual(new Map([['a', { name: 'second', rank: null }]]));
      const countMatches = (rank: number | null, word: string) =>
        reader.count('things', { where: [{ column: 'rank', in: [rank] }], words: [[word]] });
      expect([
        await countMatches(null, 'second'),
        await countMatches(null, 'first'),
        await countMatches(1, 'second'),
      ]).toEqual([1, 0, 0]);
      expect(await writer.load('things', ['a'])).toMatchObject(new Map([['a', { position: 'p2' }]]));
    });

    it('rejects a row that was computed from an outdated one, and keeps the stored row and the checkpoint', async () => {
      const { writer } = await openBuilt();
      const first = thing('a', 'p1', { name: 'first', rank: 1 }, null);
      const second = thing('a', 'p2', { name: 'second', rank: 2 }, first);
      await writer.save([first], null, 'p1');
      await writer.save([second], 'p1', 'p2');
      for (const outdated of [first, null]) {
        const third = thing('a', 'p3', { name: 'third', rank: 3 }, outdated);
        await expect(writer.save([third], 'p2', 'p3')).rejects.toThrow(CheckpointMoved);
      }
      const unknown = thing('b', 'p3', { name: 'third', rank: 3 }, first);
      await expect(writer.save([unknown], 'p2', 'p3')).rejects.toThrow(CheckpointMoved);
      expect((await writer.state()).checkpoint).toBe('p2');
      const { row, position } = second;
      expect(await writer.load('things', ['a', 'b'])).toEqual(new Map([['a', { row, position }]]));
    });

    it('accepts a batch whose rows were stored before a crash, and rows that were not looked up', async () => {
      const { writer } = await openBuilt();
      const first = thing('a', 'p1', { name: 'first', rank: 1 }, null);
      const second = thing('a', 'p3', { name: 'second', rank: 2 }, first);
      await writer.save([first], null, 'p1');
      await writer.save([second], 'p1', 'p2');
      await writer.save([second, thing('b', 'p3', { name: 'new', rank: 1 }, null)], 'p2', 'p3');
      await writer.save([thing('a', 'p2', { name: 'late', rank: 2 }, first)], 'p3', 'p4');
      await writer.save([thing('b', 'p5', { name: 'not looked up', rank: 5 })], 'p4', 'p5');
      const stored = await writer.load('things', ['a', 'b']);
      expect([...stored].map(([key, { position }]) => [key, position])).toEqual([
        ['a', 'p3'],
        ['b', 'p5'],
      ]);
    });

    it('a view has no checkpoint at first, keeps its checkpoint across writers, and returns it with each page', async () => {
      const { view, writer, reader } = await openBuilt();
      expect(await writer.state()).toEqual({ checkpoint: null, stopped: null, built: true });
      await writer.save([], null, 'p1');
      await writer.save([thing('a', 'p2', { name: 'a', rank: 1 })], 'p1', 'p3');
      expect((await writer.state()).checkpoint).toBe('p3');
      expect((await reader.state()).checkpoint).toBe('p3');
      expect((await reader.find('things', allByRank)).checkpoint).toBe('p3');
      await writer.close();
      expect((await (await store.openForWriting(view)).state()).checkpoint).toBe('p3');
    });

    it('a checkpoint moves only from its current position, so that only one of two workers continues', async () => {
      const { view, writer } = await openBuilt();
      const otherStore = await storage.open();
      const otherWriter = await otherStore.openForWriting(view);
      await writer.save([thing('a', 'p1', { name: 'a', rank: 1 })], null, 'p1');
      await expect(otherWriter.save([thing('b', 'p2', { name: 'b', rank: 2 })], null, 'p2')).rejects.toThrow(
        CheckpointMoved,
      );
      expect((await otherWriter.state()).checkpoint).toBe('p1');
      await otherWriter.save([thing('b', 'p2', { name: 'b', rank: 2 })], 'p1', 'p2');
      await expect(writer.save([], 'p1', 'p2')).rejects.toThrow(CheckpointMoved);
      await expect(writer.save([], null, 'p2')).rejects.toThrow(CheckpointMoved);
      expect((await writer.state()).checkpoint).toBe('p2');
      await otherStore.close();
    });

    it('a view does not change when a batch is repeated', async () => {
      const { writer, reader } = await openBuilt();
      const batch = [thing('a', 'p1', { name: 'a', rank: 1 }), thing('b', 'p2', { name: 'b', rank: 2 })];
      await writer.save(batch, null, 'p2');
      const before = await reader.find('things', allByRank);
      await writer.save(batch, 'p2', 'p2');
      expect(await reader.find('things', allByRank)).toEqual(before);
    });

    it('a view cannot be read before it is built', async () => {
      const view = createView();
      const reader = await store.openForReading(view);
      const expectNotReadable = async () => {
        for (const read of [
          () => reader.find('things', allByRank),
          () => reader.get('things', ['a']),
          () => reader.count('things', { where: [] }),
        ])
          await expect(read()).rejects.toThrow(ViewBeingBuilt);
      };
      expect(await reader.state()).toEqual({ checkpoint: null, stopped: null, built: false });
      await expectNotReadable();
      const writer = await store.openForWriting(view);
      await expectNotReadable();
      await writer.save([thing('a', 'p1', { name: 'a', rank: null })], null, 'p1');
      expect(await reader.state()).toEqual({ checkpoint: 'p1', stopped: null, built: false });
      await expectNotReadable();
      await writer.finishBuild();
      await writer.finishBuild();
      expect(await reader.state()).toEqual({ checkpoint: 'p1', stopped: null, built: true });
      expect(await reader.count('things', { where: [] })).toBe(1);
    });

    it(`a view shows ${hasAtomicBatches ? 'complete batches only' : 'rows at least as new as the checkpoint'} while it is written`, async () => {
      const { writer, reader } = await openBuilt();
      const rounds = 100;
      let isWriting = true;
      const writeRounds = async () => {
        let from: Position | null = null;
        for (let round = 1; round <= rounds; round++) {
          const to = `p${String(round).padStart(4, '0')}`;
          const batch = ['a', 'b', 'c'].map((key) => thing(key, to, { name: key, rank: round }));
          await writer.save(batch, from, to);
          from = to;
        }
        isWriting = false;
      };
      const wrongPages: unknown[] = [];
      const readPagesMeanwhile = async () => {
        while (isWriting) {
          const { rows, checkpoint } = await reader.find<Thing>('things', allByRank);
          const ranks = rows.map(({ row }) => row.rank!);
          const expected = checkpoint === null ? [] : ['a', 'b', 'c'].map(() => Number(checkpoint.slice(1)));
          const isRight = hasAtomicBatches
            ? JSON.stringify(ranks) === JSON.stringify(expected)
            : expected.every((rank, index) => (ranks[index] ?? 0) >= rank);
          if (!isRight) wrongPages.push({ rows, checkpoint });
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      await Promise.all([readPagesMeanwhile(), writeRounds()]);
      expect(wrongPages).toEqual([]);
    });

    it('a view keeps a reported failure until its checkpoint reaches the failed event', async () => {
      const { view, writer, reader } = await openBuilt();
      const failure: ProjectionFailure = {
        eventId: 'e',
        position: 'p2',
        reason: 'it is odd',
        since: '2026-01-01T00:00:00.000Z',
      };
      await writer.save([], null, 'p1');
      await writer.reportFailure(failure);
      expect((await reader.state()).stopped).toEqual(failure);
      expect((await (await store.openForWriting(view)).state()).stopped).toEqual(failure);
      await writer.save([], 'p1', 'p2');
      expect((await reader.state()).stopped).toBeNull();
    });

    it('a wiped view is empty, also for open readers and writers', async () => {
      const { view, writer, reader } = await openBuilt();
      const batch = [thing('a', 'p1', { name: 'a', rank: 1 })];
      await writer.save(batch, null, 'p1');
      await (await store.openForWriting(view, { candidate: true })).finishBuild();
      await store.wipe(view);
      expect(await reader.state()).toEqual(emptyViewState);
      expect(await store.candidateState(view)).toBeUndefined();
      await expect(reader.count('things', { where: [] })).rejects.toThrow(ViewBeingBuilt);
      await expect(writer.save([], 'p1', 'p2')).rejects.toThrow(CheckpointMoved);
      await expect(writer.save(batch, null, 'p1')).rejects.toThrow(CheckpointMoved);
      expect(await writer.state()).toEqual(emptyViewState);
      await writer.finishBuild();
      expect(await reader.count('things', { where: [] })).toBe(0);
      await writer.save(batch, null, 'p1');
      expect(await reader.count('things', { where: [], words: [['a']] })).toBe(1);
      await store.wipe(createView());
    });

    it('versions of a view are separate, and those with stored data are listed', async () => {
      const { view, writer } = await openBuilt();
      await writer.save([], null, 'p1');
      const [second, tenth] = [2, 10].map((version) => ({ ...view, version }));
      expect((await (await store.openForReading(second!)).state()).checkpoint).toBeNull();
      await store.openForWriting({ ...view, name: `${view.name}0` });
      expect(await store.versions(view.name)).toEqual([1]);
      for (const version of [tenth!, second!]) await store.openForWriting(version);
      expect(await store.versions(view.name)).toEqual([1, 2, 10]);
      await store.wipe({ name: view.name, version: 1, tables: {} });
      expect(await store.versions(view.name)).toEqual([2, 10]);
    });

    describe('generations', () => {
      /** The live generation has one row, at p1, and an open writer. */
      const openLive = async () => {
        const { view, writer, reader } = await openBuilt();
        await writer.save([thing('a', 'p1', { name: 'old', rank: 1 })], null, 'p1');
        const readNames = async () => {
          const { rows, checkpoint } = await reader.find<Thing>('things', allByRank);
          return [checkpoint, ...rows.map(({ row }) => row.name)];
        };
        const openCandidate = (opened: View = view) => store.openForWriting(opened, { candidate: true });
        return { view, writer, readNames, openCandidate };
      };
      const rebuiltRow = (position: Position) => [thing('a', position, { name: 'new', rank: 1 })];

      it('all processes read the live generation until the candidate is promoted, and the candidate from then on', async () => {
        const { view, writer, readNames, openCandidate } = await openLive();
        expect(await store.candidateState(view)).toBeUndefined();
        const candidate = await openCandidate();
        expect(await candidate.promote()).toBe(false);
        await candidate.save(rebuiltRow('p1'), null, 'p1');
        expect(await candidate.load('things', ['a'])).toMatchObject(new Map([['a', { row: { name: 'new' } }]]));
        expect(await candidate.promote()).toBe(false);
        expect(await store.candidateState(view)).toEqual({ checkpoint: 'p1', stopped: null, built: false });
        await writer.save([thing('b', 'p2', { name: 'more', rank: 2 })], 'p1', 'p2');
        expect(await readNames()).toEqual(['p2', 'old', 'more']);
        await candidate.finishBuild();
        await candidate.save([], 'p1', 'p3');
        expect(await readNames()).toEqual(['p2', 'old', 'more']);
        const otherStore = await storage.open();
        const otherReader = await otherStore.openForReading(view);
        expect((await otherReader.state()).checkpoint).toBe('p2');

        expect(await candidate.promote()).toBe(true);
        expect(await readNames()).toEqual(['p3', 'new']);
        expect((await otherReader.state()).checkpoint).toBe('p3');
        expect(await store.candidateState(view)).toBeUndefined();
        await expect(writer.save([], 'p2', 'p4')).rejects.toThrow(CheckpointMoved);
        expect(await writer.state()).toEqual({ checkpoint: 'p3', stopped: null, built: true });
        await writer.save([thing('c', 'p4', { name: 'later', rank: 3 })], 'p3', 'p4');
        expect(await readNames()).toEqual(['p4', 'new', 'later']);
        await otherStore.close();
      });

      it('a candidate is not promoted while the live generation is ahead', async () => {
        const { writer, readNames, openCandidate } = await openLive();
        const candidate = await openCandidate();
        await candidate.finishBuild();
        expect(await candidate.promote()).toBe(false);
        await candidate.save(rebuiltRow('p1'), null, 'p1');
        await writer.save([], 'p1', 'p2');
        expect(await candidate.promote()).toBe(false);
        expect(await readNames()).toEqual(['p2', 'old']);
        await candidate.save([], 'p1', 'p2');
        expect(await candidate.promote()).toBe(true);
        expect(await readNames()).toEqual(['p2', 'new']);
      });

      it('another writer can continue a candidate, which is promoted once', async () => {
        const { view, readNames, openCandidate } = await openLive();
        await (await openCandidate()).save(rebuiltRow('p0'), null, 'p0');
        const otherStore = await storage.open();
        const candidates = await Promise.all([openCandidate(), otherStore.openForWriting(view, { candidate: true })]);
        for (const candidate of candidates) expect((await candidate.state()).checkpoint).toBe('p0');
        await candidates[0].save(rebuiltRow('p1'), 'p0', 'p1');
        await expect(candidates[1].save(rebuiltRow('p1'), 'p0', 'p1')).rejects.toThrow(CheckpointMoved);
        for (const candidate of candidates) await candidate.finishBuild();
        expect(await Promise.all(candidates.map((candidate) => candidate.promote()))).toEqual([true, true]);
        expect(await readNames()).toEqual(['p1', 'new']);
        // A candidate opened after the promotion is a new one.
        const next = await openCandidate();
        expect(await next.state()).toEqual(emptyViewState);
        await next.finishBuild();
        expect(await candidates[0].promote()).toBe(true);
        expect(await readNames()).toEqual(['p1', 'new']);
        await next.save([thing('a', 'p1', { name: 'newest', rank: 1 })], null, 'p1');
        expect(await next.promote()).toBe(true);
        for (const candidate of candidates) expect(await candidate.promote()).toBe(true);
        await expect(candidates[0].save([], 'p1', 'p2')).rejects.toThrow(CheckpointMoved);
        expect(await readNames()).toEqual(['p1', 'newest']);
        await otherStore.close();
      });

      it('a candidate is live at once if there is no live generation', async () => {
        const view = createView();
        const writer = await store.openForWriting(view, { candidate: true });
        await writer.save(rebuiltRow('p1'), null, 'p1');
        expect(await store.candidateState(view)).toBeUndefined();
        expect((await (await store.openForWriting(view)).state()).checkpoint).toBe('p1');
        await writer.finishBuild();
        expect(await writer.promote()).toBe(true);
      });

      it('a candidate is replaced if its columns differ from those of the code', async () => {
        const { view, readNames, openCandidate } = await openLive();
        const { name: _, ...columns } = things.columns;
        const outdated = await openCandidate({ ...view, tables: { things: { ...things, columns } } });
        await outdated.finishBuild();
        const candidate = await openCandidate();
        expect(await candidate.state()).toEqual(emptyViewState);
        expect(await outdated.state()).toEqual(emptyViewState);
        expect(await readNames()).toEqual(['p1', 'old']);
      });

      it('retired generations are removed even while another process has one open', async () => {
        const { view, writer, readNames, openCandidate } = await openLive();
        const otherStore = await storage.open();
        const otherReader = await otherStore.openForReading(view);
        expect(await otherReader.count('things', { where: [] })).toBe(1);
        for (const position of ['p1', 'p2', 'p3']) {
          const candidate = await openCandidate();
          await candidate.save(rebuiltRow(position), null, position);
          await candidate.finishBuild();
          await store.removeRetired(view);
          expect(await candidate.promote()).toBe(true);
          await candidate.close();
          await store.removeRetired(view);
          await otherStore.removeRetired(view);
        }
        expect((await otherReader.find<Thing>('things', allByRank)).checkpoint).toBe('p3');
        expect(await readNames()).toEqual(['p3', 'new']);
        expect((await writer.state()).checkpoint).toBe('p3');
        await writer.save([], 'p3', 'p4');
        expect((await otherReader.state()).checkpoint).toBe('p4');
        expect(await store.versions(view.name)).toEqual([1]);
        await otherStore.close();
      });
    });

    it('a query on a table that the view does not have is rejected', async () => {
      const { reader } = await openBuilt();
      await expect(reader.find('others', allByRank)).rejects.toThrow(/others/);
    });

    viewQueryContract(() => store);
  });
}
