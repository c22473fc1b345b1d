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
import type { CostModel } from './query-planner.js';
import { sqliteSchemaOf } from './schema.sql.js';
import { SqliteViewStore } from './sqlite.view-store.js';

/** The thread runs the compiled code, because a worker thread cannot load TypeScript. */
const builtThread = new URL('../../../dist/libs/read-model/sqlite/reader.thread.js', import.meta.url);

const createStorage = (readerThread: URL | false, costModel?: CostModel) => async () => {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  return {
    open: async () => new SqliteViewStore(folder, { readerThread, ...(costModel ? { costModel } : {}) }),
    remove: async () => rmSync(folder, { recursive: true }),
  };
};

viewStoreContract('SQLite, read in the same thread', createStorage(false));
viewStoreContract(
  'SQLite, read in the same thread, with the plans for many rows',
  createStorage(false, { minScanAdvantage: 0.05, maxSortedShare: 0.2 }),
);
viewStoreContract('SQLite, read in another thread', createStorage(builtThread));
viewSnapshotContract('SQLite, read in the same thread', createStorage(false));
viewSnapshotContract('SQLite, read in another thread', createStorage(builtThread));
leaseContract('SQLite', createStorage(false));
rebuildContract('SQLite, read in the same thread', createStorage(false));
rebuildContract('SQLite, read in another thread', createStorage(builtThread));

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

describe('SqliteViewStore', () => {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  const store = new SqliteViewStore(folder, { readerThread: false });
  const view: View = { name: 'leads', version: 1, tables: { leads } };
  const basePath = (name: string) => join(folder, `${name}.v1`);
  const file = (name: string, generation = 1) => `${basePath(name)}.g${generation}.db`;
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
    ['all rows', byScore, 1],
    ['all rows, descending', { ...byScore, sort: { column: 'score', descending: true } }, 1],
    ['active rows', { ...byScore, where: [org, active] }, 1],
    ['rows of one status', { ...byScore, where: [org, status] }, 1],
    ['rows in a range of the sort column', { ...byScore, where: [org, range] }, 1],
    ['rows with a score', { ...byScore, where: [org, { column: 'score', notNull: true }] }, 1],
    ['rows after a cursor', { ...byScore, where: [org, range], after: { value: 3, key: 'k3' } }, 1],
    ['rows after a cursor without a score', { ...byScore, after: { value: null, key: 'k0' } }, 1],
    ['the last rows, some without a score', { ...byScore, limit: 20 }, 2],
  ])('a SQLite view reads %s in the order of a covering index, without sorting', (_, query, statementCount) => {
    const plans: string[][] = [];
    class ExplainingConnection extends SqliteConnection {
      override all<Row extends readonly unknown[]>(sql: string, ...values: readonly unknown[]): readonly Row[] {
        plans.push(
          super
            .all<[number, number, number, string]>(`EXPLAIN QUERY PLAN ${sql}`, ...values)
            .map(([, , , detail]) => detail),
        );
        return super.all<Row>(sql, ...values);
      }
    }
    const reader = new ViewFileReader(
      basePath('leads'),
      sqliteSchemaOf(view),
      (path) => new ExplainingConnection(path, 'read'),
    );
    reader.handle({ type: 'find', table: 'leads', query });
    reader.close();
    expect(plans).toHaveLength(statementCount);
    for (const plan of plans) expect(plan).toEqual([expect.stringMatching(/^SEARCH leads USING COVERING INDEX/)]);
  });

  it('a SQLite view does not rewrite an index whose columns have not changed', async () => {
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

  it('a SQLite view counts as not built while its file lacks indexes that the code declares', async () => {
    const view: View = { name: 'reindexed', version: 1, tables: { leads } };
    const first = await store.openForWriting(view);
    await first.finishBuild();
    await first.close();
    const table = { ...leads, indexes: [{ prefix: ['org', 'active'], sort: 'score' }] };
    const changed = { ...view, tables: { leads: table } };
    const writer = await store.openForWriting(changed);
    expect((await writer.state()).built).toBe(false);
    await writer.finishBuild();
    expect((await (await store.openForWriting(changed)).state()).built).toBe(true);
  });

  it('a SQLite view whose columns changed without a new version is unavailable, with the reason, until it is wiped', async () => {
    const view: View = { name: 'changed', version: 1, tables: { leads } };
    await (await store.openForWriting(view)).close();
    const changedView: View = {
      ...view,
      tables: { leads: { ...leads, columns: { ...leads.columns, more: () => 1 } } },
    };
    await expect(store.openForWriting(changedView)).rejects.toThrow(
      /changed\.v1\.g1\.db has other tables or columns.*Raise the view's version/,
    );
    await expect((await store.openForReading(changedView)).state()).rejects.toThrow(ViewsUnavailable);
    await store.wipe(changedView);
    expect((await (await store.openForWriting(changedView)).state()).checkpoint).toBeNull();
  });

  it.each([
    ['a text file', () => writeFileSync(file('foreign'), 'this is no database '.repeat(100))],
    ['a database of another program', () => new DatabaseSync(file('foreign')).exec('CREATE TABLE theirs (a)')],
  ])(
    'a SQLite view whose file is %s is unavailable, and the error names the file, which stays unchanged',
    async (_, createFile) => {
      rmSync(file('foreign'), { force: true });
      createFile();
      const foreign: View = { ...view, name: 'foreign' };
      const expectedError = {
        name: 'ViewsUnavailable',
        message: expect.stringMatching(/foreign\.v1\.g1\.db: it is not a view file/),
      };
      await expect(store.openForWriting(foreign)).rejects.toMatchObject(expectedError);
      await expect(store.wipe(foreign)).rejects.toMatchObject(expectedError);
      await expect((await store.openForReading(foreign)).state()).rejects.toMatchObject(expectedError);
      expect(existsSync(file('foreign'))).toBe(true);
    },
  );

  it('a SQLite view is unavailable while another process writes to its file, or if its folder is a file', async () => {
    const writer = await store.openForWriting({ ...view, name: 'busy' });
    const otherProcess = new DatabaseSync(file('busy'));
    otherProcess.exec('BEGIN IMMEDIATE');
    await expect(writer.save([], null, 'p1')).rejects.toThrow(/busy\.v1\.g1\.db: another process is writing to it/);
    otherProcess.exec('ROLLBACK');
    otherProcess.close();
    await writer.save([], null, 'p1');
    const nowhere = new SqliteViewStore(join(file('leads'), 'inside'), { readerThread: false });
    await expect(nowhere.openForWriting(view)).rejects.toThrow(ViewsUnavailable);
  });

  it('a SQLite view whose disk is full or whose file is read-only is unavailable, and stores no part of the batch', async () => {
    const [path, cause] = [file('full'), { code: 'ERR_SQLITE_ERROR' }];
    const connection = new SqliteConnection(path, 'create');
    connection.exec('CREATE TABLE kept (a); PRAGMA max_page_count = 10');
    const fill = () =>
      Array.from({ length: 100 }, () => connection.run('INSERT INTO kept VALUES (?)', 'x'.repeat(4_000)));
    const expectedError = (reason: RegExp) =>
      expect.objectContaining({
        name: 'ViewsUnavailable',
        message: expect.stringMatching(reason),
        cause: expect.objectContaining(cause),
      });
    expect(() => connection.transaction('IMMEDIATE', fill)).toThrow(
      expectedError(/full\.v1\.g1\.db: the disk is full/),
    );
    expect(connection.get('SELECT count(*) FROM kept')).toEqual([0]);
    const reading = new SqliteConnection(path, 'read');
    expect(() => reading.run('INSERT INTO kept VALUES (1)')).toThrow(expectedError(/it is read-only/));
    reading.close();
    connection.close();
  });

  describe('with a damaged file', () => {
    const createDamaged = async (name: string) => {
      const damaged: View = { ...view, name };
      const writer = await store.openForWriting(damaged);
      await writer.save([], null, 'p1');
      await writer.finishBuild();
      await writer.close();
      const handle = openSync(file(name), 'r+');
      writeSync(handle, Buffer.alloc(8_192, 0x5a), 0, 8_192, 4_096);
      closeSync(handle);
      return damaged;
    };

    it('a SQLite view with a damaged file is unavailable, and the error names the file, until it is wiped', async () => {
      const testView = await createDamaged('damaged');
      await expect(store.openForWriting(testView)).rejects.toThrow(
        /damaged\.v1\.g1\.db: it is damaged\. Rebuild the view/,
      );
      await expect((await store.openForReading(testView)).state()).rejects.toThrow(ViewsUnavailable);
      await store.wipe(testView);
      expect((await (await store.openForWriting(testView)).state()).checkpoint).toBeNull();
    });

    it('a damaged SQLite view can be replaced by a candidate, and a damaged candidate by another one', async () => {
      const testView = await createDamaged('hurt');
      const reader = await store.openForReading(testView);
      const first = await store.openForWriting(testView, { candidate: true });
      await first.close();
      writeFileSync(file('hurt', 2), Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(8_176, 0x5a)]));
      await expect(store.openForWriting(testView, { candidate: true })).rejects.toThrow(/it is not a view file/);
      rmSync(file('hurt', 2));
      const candidate = await store.openForWriting(testView, { candidate: true });
      await candidate.save([], null, 'p2');
      await candidate.finishBuild();
      await expect(reader.state()).rejects.toThrow(ViewsUnavailable);
      expect(await candidate.promote()).toBe(true);
      expect((await reader.state()).checkpoint).toBe('p2');
    });

    it('a SQLite view gets a new generation number after a crash left an incomplete one, whose files are removed', async () => {
      const testView: View = { ...view, name: 'torn' };
      for (const suffix of ['-wal', '-shm']) writeFileSync(file('torn', 3) + suffix, 'left');
      const writer = await store.openForWriting(testView);
      expect(existsSync(file('torn', 4))).toBe(true);
      await store.removeRetired(testView);
      expect(existsSync(`${file('torn', 3)}-wal`)).toBe(false);
      await writer.save([], null, 'p1');
    });
  });

  it('the files of a retired generation are removed even while a reader has them open', async () => {
    const testView: View = { ...view, name: 'freed' };
    await (await store.openForWriting(testView)).finishBuild();
    const reader = await store.openForReading(testView);
    expect(await reader.count('leads', { where: [] })).toBe(0);
    const candidate = await store.openForWriting(testView, { candidate: true });
    await candidate.save([], null, 'p1');
    await candidate.finishBuild();
    expect(await candidate.promote()).toBe(true);
    expect(existsSync(file('freed'))).toBe(true);
    await store.removeRetired(testView);
    expect(['', '-wal', '-shm'].map((suffix) => existsSync(file('freed') + suffix))).toEqual([false, false, false]);
    expect((await reader.state()).checkpoint).toBe('p1');
  });

  it.each([
    ['its name is not a file name', { ...view, name: '../leads' }],
    ['a table has an invalid name', { ...view, tables: { 'leads"; --': leads } }],
    ['a column has an invalid name', { ...view, tables: { leads: { ...leads, columns: { 'a b': () => 1 } } } }],
    ['an index names an unknown column', { ...view, tables: { leads: { ...leads, indexes: [{ prefix: ['nope'] }] } } }],
  ])('a SQLite view cannot be opened if %s', async (_, invalid: View) => {
    await expect(store.openForWriting(invalid)).rejects.toThrow();
    await expect(store.openForReading(invalid)).rejects.toThrow();
  });

  it('a SQLite view store rejects pending reads when its reader thread dies, and restarts it for the next read', async () => {
    const entry = join(folder, 'dying-thread.mjs');
    const marker = join(folder, 'died-once');
    writeFileSync(
      entry,
      `import { existsSync, writeFileSync } from 'node:fs';
       import { parentPort } from 'node:worker_threads';
       if (existsSync(${JSON.stringify(marker)})) await import(${JSON.stringify(builtThread.href)});
       else parentPort.on('message', () => { writeFileSync(${JSON.stringify(marker)}, ''); process.exit(1); });`,
    );
    const threaded = new SqliteViewStore(folder, { readerThread: pathToFileURL(entry) });
    const reader = await threaded.openForReading(view);
    const pending = [reader.state(), reader.count('leads', { where: [] })];
    for (const result of await Promise.allSettled(pending))
      expect(result).toMatchObject({ status: 'rejected', reason: { name: 'ViewsUnavailable' } });
    expect(await reader.count('leads', { where: [] })).toBe(20);
    await threaded.close();
    await expect(reader.state()).rejects.toThrow(ViewsUnavailable);
  });

  it('a SQLite view store reports an error of its reader thread with the class, message and cause', async () => {
    const threaded = new SqliteViewStore(folder, { readerThread: builtThread });
    writeFileSync(file('foreign'), 'this is no database '.repeat(100));
    await expect((await threaded.openForReading({ ...view, name: 'foreign' })).state()).rejects.toMatchObject({
      name: 'ViewsUnavailable',
      message: expect.stringMatching(/foreign/),
      cause: { message: 'file is not a database' },
    });
    await threaded.close();
    expect(existsSync(fileURLToPath(builtThread))).toBe(true);
  });
});
