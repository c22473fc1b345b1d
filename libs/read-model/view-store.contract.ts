import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Position } from '#domain/event';
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

/** An empty place for views, and stores that all work on it. */
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

const thing = (key: string, position: Position, row: Thing, previous?: RowWrite): RowWrite => ({
  table: 'things',
  key,
  position,
  row,
  columns: { name: row.name, rank: row.rank },
  tokens: things.tokens!(row),
  ...(previous ? { previous } : {}),
});

const all = { where: [], sort: { column: 'rank', descending: false }, limit: 100 } as const;

/**
 * What every storage of views must do: `freshPlace` is called once for each suite in here. `wholeBatches`: rows and checkpoint
 * are of one moment, where otherwise rows may be ahead of it.
 */
export function viewStoreContract(
  adapter: string,
  freshPlace: () => Promise<TestStorage>,
  { hasAtomicBatches: wholeBatches = true }: { readonly hasAtomicBatches?: boolean } = {},
): void {
  describe(`views in ${adapter}`, () => {
    let place: TestStorage;
    let store: ViewStore;
    let made = 0;
    const freshView = (): View => ({ name: `view-${++made}`, version: 1, tables: { things } });
    beforeAll(async () => {
      place = await freshPlace();
      store = await place.open();
    });
    afterAll(async () => {
      await store.close();
      await place.remove();
    });
    const opened = async (view = freshView()) => {
      const writer = await store.openForWriting(view);
      await writer.finishBuild();
      return { view, writer, reader: await store.openForReading(view) };
    };

    it('gives back by key what was saved', async () => {
      const { writer } = await opened();
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

    it('replaces a row only by one of a higher position', async () => {
      const { writer, reader } = await opened();
      const first = thing('a', 'p3', { name: 'three', rank: 3 });
      await writer.save([first], null, 'p3');
      const late = [thing('a', 'p3', { name: 'same', rank: 0 }), thing('a', 'p2', { name: 'lower', rank: 2 })];
      await writer.save([...late, ...late.map((write) => ({ ...write, previous: first }))], 'p3', 'p4');
      expect(await reader.get('things', ['a'])).toEqual(new Map([['a', { name: 'three', rank: 3 }]]));
      expect(await reader.count('things', { where: [{ column: 'rank', in: [3] }], words: [['three']] })).toBe(1);
      await writer.save([thing('a', 'p5', { name: 'five', rank: 5 })], 'p4', 'p5');
      expect(await reader.get('things', ['a'])).toEqual(new Map([['a', { name: 'five', rank: 5 }]]));
      expect(await reader.count('things', { where: [{ column: 'rank', in: [3] }] })).toBe(0);
      expect(await reader.count('things', { where: [], words: [['three']] })).toBe(0);
    });

    it('writes what differs from what was stored', async () => {
      const { writer, reader } = await opened();
      const first = thing('a', 'p1', { name: 'first', rank: 1 });
      await writer.save([first], null, 'p1');
      await writer.save([thing('a', 'p2', { name: 'second', rank: null }, first)], 'p1', 'p2');
      expect(await reader.get('things', ['a'])).toEqual(new Map([['a', { name: 'second', rank: null }]]));
      const count = (value: number | null, word: string) =>
        reader.count('things', { where: [{ column: 'rank', in: [value] }], words: [[word]] });
      expect([await count(null, 'second'), await count(null, 'first'), await count(1, 'second')]).toEqual([1, 0, 0]);
      expect(await writer.load('things', ['a'])).toMatchObject(new Map([['a', { position: 'p2' }]]));
    });

    it('writes a whole row when something else is stored than was thought', async () => {
      const { writer, reader } = await opened();
      const first = thing('a', 'p1', { name: 'first', rank: 1 });
      await writer.save([first], null, 'p1');
      await writer.save([thing('a', 'p2', { name: 'other', rank: 2 }, first)], 'p1', 'p2');
      await writer.save([thing('a', 'p3', { name: 'first', rank: 1 }, first)], 'p2', 'p3');
      const rank = (value: number) => reader.count('things', { where: [{ column: 'rank', in: [value] }] });
      expect([await rank(1), await rank(2)]).toEqual([1, 0]);
      expect(await reader.count('things', { where: [], words: [['first']] })).toBe(1);
      expect(await reader.count('things', { where: [], words: [['other']] })).toBe(0);
    });

    it('begins at no checkpoint, keeps it, and says how far a reader sees', async () => {
      const { view, writer, reader } = await opened();
      expect(await writer.state()).toEqual({ checkpoint: null, stopped: null, built: true });
      await writer.save([], null, 'p1');
      await writer.save([thing('a', 'p2', { name: 'a', rank: 1 })], 'p1', 'p3');
      expect((await writer.state()).checkpoint).toBe('p3');
      expect((await reader.state()).checkpoint).toBe('p3');
      expect((await reader.find('things', all)).checkpoint).toBe('p3');
      await writer.close();
      expect((await (await store.openForWriting(view)).state()).checkpoint).toBe('p3');
    });

    it('moves the checkpoint only from where it is: of two workers one goes on', async () => {
      const { view, writer } = await opened();
      const elsewhere = await place.open();
      const other = await elsewhere.openForWriting(view);
      await writer.save([thing('a', 'p1', { name: 'a', rank: 1 })], null, 'p1');
      await expect(other.save([thing('b', 'p2', { name: 'b', rank: 2 })], null, 'p2')).rejects.toThrow(CheckpointMoved);
      expect((await other.state()).checkpoint).toBe('p1');
      await other.save([thing('b', 'p2', { name: 'b', rank: 2 })], 'p1', 'p2');
      await expect(writer.save([], 'p1', 'p2')).rejects.toThrow(CheckpointMoved);
      await expect(writer.save([], null, 'p2')).rejects.toThrow(CheckpointMoved);
      expect((await writer.state()).checkpoint).toBe('p2');
      await elsewhere.close();
    });

    it('takes a repeated batch without a change', async () => {
      const { writer, reader } = await opened();
      const batch = [thing('a', 'p1', { name: 'a', rank: 1 }), thing('b', 'p2', { name: 'b', rank: 2 })];
      await writer.save(batch, null, 'p2');
      const before = await reader.find('things', all);
      await writer.save(batch, 'p2', 'p2');
      expect(await reader.find('things', all)).toEqual(before);
    });

    it('answers nothing of a view before it is built, and all of it then', async () => {
      const view = freshView();
      const reader = await store.openForReading(view);
      const refuses = async () => {
        for (const asked of [
          () => reader.find('things', all),
          () => reader.get('things', ['a']),
          () => reader.count('things', { where: [] }),
        ])
          await expect(asked()).rejects.toThrow(ViewBeingBuilt);
      };
      expect(await reader.state()).toEqual({ checkpoint: null, stopped: null, built: false });
      await refuses();
      const writer = await store.openForWriting(view);
      await refuses();
      await writer.save([thing('a', 'p1', { name: 'a', rank: null })], null, 'p1');
      expect(await reader.state()).toEqual({ checkpoint: 'p1', stopped: null, built: false });
      await refuses();
      await writer.finishBuild();
      await writer.finishBuild();
      expect(await reader.state()).toEqual({ checkpoint: 'p1', stopped: null, built: true });
      expect(await reader.count('things', { where: [] })).toBe(1);
    });

    it(`shows ${wholeBatches ? 'whole batches only' : 'all rows up to the checkpoint, or newer ones'}`, async () => {
      const { writer, reader } = await opened();
      const rounds = 100;
      let writing = true;
      const write = async () => {
        let from: Position | null = null;
        for (let round = 1; round <= rounds; round++) {
          const to = `p${String(round).padStart(4, '0')}`;
          const batch = ['a', 'b', 'c'].map((key) => thing(key, to, { name: key, rank: round }));
          await writer.save(batch, from, to);
          from = to;
        }
        writing = false;
      };
      const seen: unknown[] = [];
      const read = async () => {
        while (writing) {
          const { rows, checkpoint } = await reader.find<Thing>('things', all);
          const ranks = rows.map(({ row }) => row.rank!);
          const expected = checkpoint === null ? [] : ['a', 'b', 'c'].map(() => Number(checkpoint.slice(1)));
          const agrees = wholeBatches
            ? JSON.stringify(ranks) === JSON.stringify(expected)
            : expected.every((rank, nth) => (ranks[nth] ?? 0) >= rank);
          if (!agrees) seen.push({ rows, checkpoint });
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      await Promise.all([read(), write()]);
      expect(seen).toEqual([]);
    });

    it('reports why it stands still, until the checkpoint has passed that event', async () => {
      const { view, writer, reader } = await opened();
      const stopped: ProjectionFailure = {
        eventId: 'e',
        position: 'p2',
        reason: 'it is odd',
        since: '2026-01-01T00:00:00.000Z',
      };
      await writer.save([], null, 'p1');
      await writer.reportFailure(stopped);
      expect((await reader.state()).stopped).toEqual(stopped);
      expect((await (await store.openForWriting(view)).state()).stopped).toEqual(stopped);
      await writer.save([], 'p1', 'p2');
      expect((await reader.state()).stopped).toBeNull();
    });

    it('is empty again when wiped, also to those who have it open', async () => {
      const { view, writer, reader } = await opened();
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
      await store.wipe(freshView());
    });

    it('keeps versions of a view apart, and tells which there are', async () => {
      const { view, writer } = await opened();
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

    describe('a generation beside the one that serves', () => {
      /** One row serves, at p1, and its writer is at work. */
      const served = async () => {
        const { view, writer, reader } = await opened();
        await writer.save([thing('a', 'p1', { name: 'old', rank: 1 })], null, 'p1');
        const names = async () => {
          const { rows, checkpoint } = await reader.find<Thing>('things', all);
          return [checkpoint, ...rows.map(({ row }) => row.name)];
        };
        const open = (its: View = view) => store.openForWriting(its, { candidate: true });
        return { view, writer, reader, names, open };
      };
      const anew = (position: Position) => [thing('a', position, { name: 'new', rank: 1 })];

      it('is seen by nobody until it is built and takes over, and then by all', async () => {
        const { view, writer, names, open } = await served();
        expect(await store.candidateState(view)).toBeUndefined();
        const beside = await open();
        expect(await beside.promote()).toBe(false);
        await beside.save(anew('p1'), null, 'p1');
        expect(await beside.load('things', ['a'])).toMatchObject(new Map([['a', { row: { name: 'new' } }]]));
        expect(await beside.promote()).toBe(false);
        expect(await store.candidateState(view)).toEqual({ checkpoint: 'p1', stopped: null, built: false });
        await writer.save([thing('b', 'p2', { name: 'more', rank: 2 })], 'p1', 'p2');
        expect(await names()).toEqual(['p2', 'old', 'more']);
        await beside.finishBuild();
        await beside.save([], 'p1', 'p3');
        expect(await names()).toEqual(['p2', 'old', 'more']);
        const elsewhere = await place.open();
        const other = await elsewhere.openForReading(view);
        expect((await other.state()).checkpoint).toBe('p2');

        expect(await beside.promote()).toBe(true);
        expect(await names()).toEqual(['p3', 'new']);
        expect((await other.state()).checkpoint).toBe('p3');
        expect(await store.candidateState(view)).toBeUndefined();
        await expect(writer.save([], 'p2', 'p4')).rejects.toThrow(CheckpointMoved);
        expect(await writer.state()).toEqual({ checkpoint: 'p3', stopped: null, built: true });
        await writer.save([thing('c', 'p4', { name: 'later', rank: 3 })], 'p3', 'p4');
        expect(await names()).toEqual(['p4', 'new', 'later']);
        await elsewhere.close();
      });

      it('does not take over from one that is ahead of it', async () => {
        const { writer, names, open } = await served();
        const beside = await open();
        await beside.finishBuild();
        expect(await beside.promote()).toBe(false);
        await beside.save(anew('p1'), null, 'p1');
        await writer.save([], 'p1', 'p2');
        expect(await beside.promote()).toBe(false);
        expect(await names()).toEqual(['p2', 'old']);
        await beside.save([], 'p1', 'p2');
        expect(await beside.promote()).toBe(true);
        expect(await names()).toEqual(['p2', 'new']);
      });

      it('is gone on with by whoever opens it, and taken over once', async () => {
        const { view, names, open } = await served();
        await (await open()).save(anew('p0'), null, 'p0');
        const elsewhere = await place.open();
        const others = await Promise.all([open(), elsewhere.openForWriting(view, { candidate: true })]);
        for (const each of others) expect((await each.state()).checkpoint).toBe('p0');
        await others[0].save(anew('p1'), 'p0', 'p1');
        await expect(others[1].save(anew('p1'), 'p0', 'p1')).rejects.toThrow(CheckpointMoved);
        for (const each of others) await each.finishBuild();
        expect(await Promise.all(others.map((each) => each.promote()))).toEqual([true, true]);
        expect(await names()).toEqual(['p1', 'new']);
        // What is opened from now on is another one.
        const next = await open();
        expect(await next.state()).toEqual(emptyViewState);
        await next.finishBuild();
        expect(await others[0].promote()).toBe(true);
        expect(await names()).toEqual(['p1', 'new']);
        await next.save([thing('a', 'p1', { name: 'newest', rank: 1 })], null, 'p1');
        expect(await next.promote()).toBe(true);
        for (const each of others) expect(await each.promote()).toBe(true);
        await expect(others[0].save([], 'p1', 'p2')).rejects.toThrow(CheckpointMoved);
        expect(await names()).toEqual(['p1', 'newest']);
        await elsewhere.close();
      });

      it('serves at once where nothing does', async () => {
        const view = freshView();
        const writer = await store.openForWriting(view, { candidate: true });
        await writer.save(anew('p1'), null, 'p1');
        expect(await store.candidateState(view)).toBeUndefined();
        expect((await (await store.openForWriting(view)).state()).checkpoint).toBe('p1');
        await writer.finishBuild();
        expect(await writer.promote()).toBe(true);
      });

      it('makes way for a new one when it has other columns than the program', async () => {
        const { view, names, open } = await served();
        const { name: _, ...columns } = things.columns;
        const other = await open({ ...view, tables: { things: { ...things, columns } } });
        await other.finishBuild();
        const beside = await open();
        expect(await beside.state()).toEqual(emptyViewState);
        expect(await other.state()).toEqual(emptyViewState);
        expect(await names()).toEqual(['p1', 'old']);
      });

      it('leaves what it took over from to be removed, whoever still has that open', async () => {
        const { view, writer, names, open } = await served();
        const elsewhere = await place.open();
        const other = await elsewhere.openForReading(view);
        expect(await other.count('things', { where: [] })).toBe(1);
        for (const position of ['p1', 'p2', 'p3']) {
          const beside = await open();
          await beside.save(anew(position), null, position);
          await beside.finishBuild();
          await store.removeRetired(view);
          expect(await beside.promote()).toBe(true);
          await beside.close();
          await store.removeRetired(view);
          await elsewhere.removeRetired(view);
        }
        expect((await other.find<Thing>('things', all)).checkpoint).toBe('p3');
        expect(await names()).toEqual(['p3', 'new']);
        expect((await writer.state()).checkpoint).toBe('p3');
        await writer.save([], 'p3', 'p4');
        expect((await other.state()).checkpoint).toBe('p4');
        expect(await store.versions(view.name)).toEqual([1]);
        await elsewhere.close();
      });
    });

    it('refuses a table that the view has not', async () => {
      const { reader } = await opened();
      await expect(reader.find('others', all)).rejects.toThrow(/others/);
    });

    viewQueryContract(() => store);
  });
}
