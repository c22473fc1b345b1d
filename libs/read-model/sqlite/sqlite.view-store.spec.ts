import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { leaseContract } from '../lease.contract.js';
import { rebuildContract } from '../rebuild.contract.js';
import { viewSnapshotContract } from '../view-snapshot.contract.js';
import { viewStoreContract } from '../view-store.contract.js';
import { type RowQuery, ViewsUnavailable } from '../view-store.js';
import type { Table, View } from '../view.js';
import { SqliteConnection } from './connection.js';
import { ViewFileReader } from './view-file.reader.js';
import type { CostModel } from './query-planner.sql.js';
import { sqliteSchemaOf } from './schema.sql.js';
import { SqliteViewStore } from './sqlite.view-store.js';

/** Under test the sources are TypeScript, which a thread can't load: it runs what was built of them. */
const built = new URL('../../../dist/libs/read-model/sqlite/reader.thread.js', import.meta.url);

const placeWith = (readerThread: URL | false, effort?: CostModel) => async () => {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  return {
    open: async () => new SqliteViewStore(folder, { readerThread, ...(effort ? { costModel: effort } : {}) }),
    remove: async () => rmSync(folder, { recursive: true }),
  };
};

viewStoreContract('SQLite, read in the same thread', placeWith(false));
viewStoreContract(
  'SQLite, read in the same thread, as if there were many rows',
  placeWith(false, { minScanAdvantage: 0.05, maxSortedShare: 0.2 }),
);
viewStoreContract('SQLite, read in a thread of its own', placeWith(built));
viewSnapshotContract('SQLite, read in the same thread', placeWith(false));
viewSnapshotContract('SQLite, read in a thread of its own', placeWith(built));
leaseContract('SQLite', placeWith(false));
rebuildContract('SQLite, read in the same thread', placeWith(false));
rebuildContract('SQLite, read in a thread of its own', placeWith(built));

interface Lead {
  readonly org: string;
  readonly status: string;
  readonly active: number;
  readonly score: number | null;
}
const leads: Table<Lead> = {
  on: {},
  columns: {
    org: ({ org }) => org,
    status: ({ status }) => status,
    active: ({ active }) => active,
    score: ({ score }) => score,
  },
  indexes: [
    { prefix: ['org'], sort: 'score' },
    { prefix: ['org'], sort: 'score', where: { active: 1 } },
    { prefix: ['org', 'status'], sort: 'score' },
  ],
};

describe('views in SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  const store = new SqliteViewStore(folder, { readerThread: false });
  const view: View = { name: 'leads', version: 1, tables: { leads } };
  const stem = (name: string) => join(folder, `${name}.v1`);
  const file = (name: string, generation = 1) => `${stem(name)}.g${generation}.db`;
  const org = { column: 'org', in: ['a'] };
  const byScore: RowQuery = { where: [org], sort: { column: 'score', descending: false }, limit: 3 };

  beforeAll(async () => {
    const writer = await store.openForWriting(view);
    const rows = Array.from({ length: 20 }, (_, i) => {
      const row = { org: 'a', status: i % 3 ? 'new' : 'old', active: i % 2, score: i % 4 ? i : null };
      return { table: 'leads', key: `k${i}`, position: 'p1', row, columns: { ...row } };
    });
    await writer.save(rows, null, 'p1');
    await writer.finishBuild();
  });
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const active = { column: 'active', in: [1] };
  const status = { column: 'status', in: ['old'] };
  const range = { column: 'score', from: 2, to: 18 };
  it.each<[string, RowQuery, number]>([
    ['all', byScore, 1],
    ['all, descending', { ...byScore, sort: { column: 'score', descending: true } }, 1],
    ['the active ones', { ...byScore, where: [org, active] }, 1],
    ['those of a status', { ...byScore, where: [org, status] }, 1],
    ['those in a range', { ...byScore, where: [org, range] }, 1],
    ['those with a score', { ...byScore, where: [org, { column: 'score', notNull: true }] }, 1],
    ['those behind a row', { ...byScore, where: [org, range], after: { value: 3, key: 'k3' } }, 1],
    ['those behind a row without a score', { ...byScore, after: { value: null, key: 'k0' } }, 1],
    ['the last ones, partly without a score', { ...byScore, limit: 20 }, 2],
  ])('answers %s in the order of an index, without sorting', (_, query, statements) => {
    const plans: string[][] = [];
    class Explained extends SqliteConnection {
      override all<Row extends readonly unknown[]>(sql: string, ...values: readonly unknown[]): readonly Row[] {
        plans.push(
          super
            .all<[number, number, number, string]>(`EXPLAIN QUERY PLAN ${sql}`, ...values)
            .map(([, , , what]) => what),
        );
        return super.all<Row>(sql, ...values);
      }
    }
    const reader = new ViewFileReader(stem('leads'), sqliteSchemaOf(view), (path) => new Explained(path, 'read'));
    reader.handle({ what: 'find', table: 'leads', query });
    reader.close();
    expect(plans).toHaveLength(statements);
    for (const plan of plans) expect(plan).toEqual([expect.stringMatching(/^SEARCH leads USING COVERING INDEX/)]);
  });

  it('writes no index whose columns did not change', async () => {
    const view: View = { name: 'sparing', version: 1, tables: { leads } };
    const writer = await store.openForWriting(view);
    const before = { org: 'a', status: 'new', active: 1, score: 1 };
    const write = { table: 'leads', key: 'k', position: 'p1', row: before, columns: before };
    await writer.save([write], null, 'p1');
    await writer.finishBuild();
    const database = new DatabaseSync(file('sparing'));
    database.exec(
      'CREATE TABLE log (what); CREATE TRIGGER t UPDATE OF status ON leads BEGIN INSERT INTO log VALUES (1); END',
    );
    const columns = { ...before, score: 2 };
    await writer.save([{ ...write, position: 'p2', row: columns, columns, previous: write }], 'p1', 'p2');
    expect(database.prepare('SELECT count(*) AS n FROM log').get()).toEqual({ n: 0 });
    database.close();
    const reader = await store.openForReading(view);
    expect(await reader.count('leads', { where: [{ column: 'score', in: [2] }] })).toBe(1);
  });

  it('takes other indexes than the file has for not built, and makes them', async () => {
    const view: View = { name: 'reindexed', version: 1, tables: { leads } };
    const first = await store.openForWriting(view);
    await first.finishBuild();
    await first.close();
    const table = { ...leads, indexes: [{ prefix: ['org', 'active'], sort: 'score' }] };
    const other = { ...view, tables: { leads: table } };
    const writer = await store.openForWriting(other);
    expect((await writer.state()).built).toBe(false);
    await writer.finishBuild();
    expect((await (await store.openForWriting(other)).state()).built).toBe(true);
  });

  it('says so when the columns changed under the same version, until the view is wiped', async () => {
    const view: View = { name: 'changed', version: 1, tables: { leads } };
    await (await store.openForWriting(view)).close();
    const other: View = { ...view, tables: { leads: { ...leads, columns: { ...leads.columns, more: () => 1 } } } };
    await expect(store.openForWriting(other)).rejects.toThrow(
      /changed\.v1\.g1\.db holds other tables or columns.*raise the version/,
    );
    await expect((await store.openForReading(other)).state()).rejects.toThrow(ViewsUnavailable);
    await store.wipe(other);
    expect((await (await store.openForWriting(other)).state()).checkpoint).toBeNull();
  });

  it.each([
    ['text', () => writeFileSync(file('foreign'), 'this is no database '.repeat(100))],
    ["somebody else's database", () => new DatabaseSync(file('foreign')).exec('CREATE TABLE theirs (a)')],
  ])('leaves alone a file that is %s, naming it', async (_, make) => {
    rmSync(file('foreign'), { force: true });
    make();
    const foreign: View = { ...view, name: 'foreign' };
    const refused = {
      name: 'ViewsUnavailable',
      message: expect.stringMatching(/foreign\.v1\.g1\.db.*not one of ours/),
    };
    await expect(store.openForWriting(foreign)).rejects.toMatchObject(refused);
    await expect(store.wipe(foreign)).rejects.toMatchObject(refused);
    await expect((await store.openForReading(foreign)).state()).rejects.toMatchObject(refused);
    expect(existsSync(file('foreign'))).toBe(true);
  });

  it('is unavailable while somebody else writes, and in a folder that is none', async () => {
    const writer = await store.openForWriting({ ...view, name: 'busy' });
    const other = new DatabaseSync(file('busy'));
    other.exec('BEGIN IMMEDIATE');
    await expect(writer.save([], null, 'p1')).rejects.toThrow(/busy\.v1\.g1\.db.*another process is writing/);
    other.exec('ROLLBACK');
    other.close();
    await writer.save([], null, 'p1');
    const nowhere = new SqliteViewStore(join(file('leads'), 'inside'), { readerThread: false });
    await expect(nowhere.openForWriting(view)).rejects.toThrow(ViewsUnavailable);
  });

  it('says that the disk is full or only to be read, and has then kept nothing of the batch', async () => {
    const [path, cause] = [file('full'), { code: 'ERR_SQLITE_ERROR' }];
    const connection = new SqliteConnection(path, 'make');
    connection.exec('CREATE TABLE kept (a); PRAGMA max_page_count = 10');
    const fill = () =>
      Array.from({ length: 100 }, () => connection.run('INSERT INTO kept VALUES (?)', 'x'.repeat(4_000)));
    const refused = (reason: RegExp) =>
      expect.objectContaining({
        name: 'ViewsUnavailable',
        message: expect.stringMatching(reason),
        cause: expect.objectContaining(cause),
      });
    expect(() => connection.transaction('IMMEDIATE', fill)).toThrow(refused(/full\.v1\.g1\.db.*the disk is full/));
    expect(connection.get('SELECT count(*) FROM kept')).toEqual([0]);
    const reading = new SqliteConnection(path, 'read');
    expect(() => reading.run('INSERT INTO kept VALUES (1)')).toThrow(refused(/can only be read/));
    reading.close();
    connection.close();
  });

  describe('a damaged file', () => {
    const damaged = async (name: string) => {
      const its: View = { ...view, name };
      const writer = await store.openForWriting(its);
      await writer.save([], null, 'p1');
      await writer.finishBuild();
      await writer.close();
      const handle = openSync(file(name), 'r+');
      writeSync(handle, Buffer.alloc(8_192, 0x5a), 0, 8_192, 4_096);
      closeSync(handle);
      return its;
    };

    it('is named, and can be wiped', async () => {
      const its = await damaged('damaged');
      await expect(store.openForWriting(its)).rejects.toThrow(/damaged\.v1\.g1\.db.*it is damaged: rebuild/);
      await expect((await store.openForReading(its)).state()).rejects.toThrow(ViewsUnavailable);
      await store.wipe(its);
      expect((await (await store.openForWriting(its)).state()).checkpoint).toBeNull();
    });

    it('gives way to a generation beside it, and one beside to another', async () => {
      const its = await damaged('hurt');
      const reader = await store.openForReading(its);
      const first = await store.openForWriting(its, { candidate: true });
      await first.close();
      writeFileSync(file('hurt', 2), Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(8_176, 0x5a)]));
      await expect(store.openForWriting(its, { candidate: true })).rejects.toThrow(/not one of ours/);
      rmSync(file('hurt', 2));
      const beside = await store.openForWriting(its, { candidate: true });
      await beside.save([], null, 'p2');
      await beside.finishBuild();
      await expect(reader.state()).rejects.toThrow(ViewsUnavailable);
      expect(await beside.promote()).toBe(true);
      expect((await reader.state()).checkpoint).toBe('p2');
    });

    it('is left by a crash between removing it and what belongs to it, which is removed then', async () => {
      const its: View = { ...view, name: 'torn' };
      for (const suffix of ['-wal', '-shm']) writeFileSync(file('torn', 3) + suffix, 'left');
      const writer = await store.openForWriting(its);
      expect(existsSync(file('torn', 4))).toBe(true);
      await store.removeRetired(its);
      expect(existsSync(`${file('torn', 3)}-wal`)).toBe(false);
      await writer.save([], null, 'p1');
    });
  });

  it('frees what was taken over from, while others still have it open', async () => {
    const its: View = { ...view, name: 'freed' };
    await (await store.openForWriting(its)).finishBuild();
    const reader = await store.openForReading(its);
    expect(await reader.count('leads', { where: [] })).toBe(0);
    const beside = await store.openForWriting(its, { candidate: true });
    await beside.save([], null, 'p1');
    await beside.finishBuild();
    expect(await beside.promote()).toBe(true);
    expect(existsSync(file('freed'))).toBe(true);
    await store.removeRetired(its);
    expect(['', '-wal', '-shm'].map((suffix) => existsSync(file('freed') + suffix))).toEqual([false, false, false]);
    expect((await reader.state()).checkpoint).toBe('p1');
  });

  it.each([
    ['a path', { ...view, name: '../leads' }],
    ['a table', { ...view, tables: { 'leads"; --': leads } }],
    ['a column', { ...view, tables: { leads: { ...leads, columns: { 'a b': () => 1 } } } }],
    ['an index', { ...view, tables: { leads: { ...leads, indexes: [{ prefix: ['nope'] }] } } }],
  ])('refuses a view with a name that can not be one of %s', async (_, odd: View) => {
    await expect(store.openForWriting(odd)).rejects.toThrow();
    await expect(store.openForReading(odd)).rejects.toThrow();
  });

  it('rejects what was asked when the reading thread dies, and starts it again for the next question', async () => {
    const entry = join(folder, 'mortal.mjs');
    const alive = join(folder, 'died-once');
    writeFileSync(
      entry,
      `import { existsSync, writeFileSync } from 'node:fs';
       import { parentPort } from 'node:worker_threads';
       if (existsSync(${JSON.stringify(alive)})) await import(${JSON.stringify(built.href)});
       else parentPort.on('message', () => { writeFileSync(${JSON.stringify(alive)}, ''); process.exit(1); });`,
    );
    const threaded = new SqliteViewStore(folder, { readerThread: pathToFileURL(entry) });
    const reader = await threaded.openForReading(view);
    const both = [reader.state(), reader.count('leads', { where: [] })];
    for (const each of await Promise.allSettled(both))
      expect(each).toMatchObject({ status: 'rejected', reason: { name: 'ViewsUnavailable' } });
    expect(await reader.count('leads', { where: [] })).toBe(20);
    await threaded.close();
    await expect(reader.state()).rejects.toThrow(ViewsUnavailable);
  });

  it('carries errors out of the reading thread with their names', async () => {
    const threaded = new SqliteViewStore(folder, { readerThread: built });
    writeFileSync(file('foreign'), 'this is no database '.repeat(100));
    await expect((await threaded.openForReading({ ...view, name: 'foreign' })).state()).rejects.toMatchObject({
      name: 'ViewsUnavailable',
      message: expect.stringMatching(/foreign/),
      cause: { message: 'file is not a database' },
    });
    await threaded.close();
    expect(existsSync(fileURLToPath(built))).toBe(true);
  });
});
