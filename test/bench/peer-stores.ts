import { createRequire } from 'node:module';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DatabaseSync } from '@photostructure/sqlite';
import type { StoredEvent } from '#domain/event-envelope';
import { GroupCommit } from '#event-store/sqlite/group-commit';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import type { ReportProgress } from './report.js';

/** An event store as its own documentation says to use it, behind what the bench asks. */
export interface MeasuredStore {
  /** At the version that stream has, so that a lost race would be told. */
  append(stream: string, expectedVersion: number, events: readonly StoredEvent[]): Promise<unknown>;
  /** How many events the stream has: all of them read and decoded. */
  read(stream: string): Promise<number>;
  /** How many events there are: all of them read in order and decoded, a thousand at a time. */
  replay(): Promise<number>;
  close(): Promise<void>;
}

const page = 1_000;

export function openLeadstream(folder: string): MeasuredStore {
  const file = join(folder, 'leadstream.db');
  const { events } = SqliteLog.open({ file });
  return {
    append: (stream, version, added) => events.append(stream, version, added),
    read: async (stream) => (await events.read(stream, 0, 10_000)).length,
    async replay() {
      // Opened for it, since a log remembers the events that it passed on last.
      const { events: all } = SqliteLog.open({ file, readOnly: true });
      const [head, stop] = [await all.head(), new AbortController()];
      let count = 0;
      for await (const batch of all.follow(all.start, { signal: stop.signal, batchSize: page })) {
        count += batch.events.length;
        if (batch.position === head) stop.abort();
      }
      await all.close();
      return count;
    },
    close: () => events.close(),
  };
}

/** The least that any of them does: rows of JSON, under the same group commit, found by their stream; nothing is checked. */
export function openBareRows(folder: string): MeasuredStore {
  const db = new DatabaseSync(join(folder, 'rows.db'));
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    CREATE TABLE rows (position INTEGER PRIMARY KEY, stream TEXT NOT NULL, body TEXT NOT NULL) STRICT;
    CREATE INDEX rows_by_stream ON rows (stream);
  `);
  const [insert, ofStream, behind] = [
    'INSERT INTO rows (stream, body) VALUES (?, ?)',
    'SELECT position, body FROM rows WHERE stream = ? ORDER BY position',
    'SELECT position, body FROM rows WHERE position > ? ORDER BY position LIMIT ?',
  ].map((sql) => db.prepare(sql, { returnArrays: true }));
  const commits = new GroupCommit(db, () => undefined);
  const parsed = (rows: unknown): readonly (readonly [position: number, event: unknown])[] =>
    (rows as [number, string][]).map(([position, body]) => [position, JSON.parse(body)]);
  return {
    append(stream, _, events) {
      const bodies = events.map((event) => JSON.stringify(event));
      return commits.run(() => bodies.forEach((body) => insert!.run(stream, body)), bodies.length);
    },
    read: async (stream) => parsed(ofStream!.all(stream)).length,
    async replay() {
      let count = 0;
      for (let [after, found] = [0, page]; found === page;) {
        const events = parsed(behind!.all(after, page));
        after = events.at(-1)?.[0] ?? after;
        found = events.length;
        count += found;
      }
      return count;
    },
    async close() {
      commits.close();
      db.close();
    },
  };
}

interface EmmettSqlite {
  sqliteConnection(options: { fileName: string }): { query(sql: string): Promise<unknown>; close(): void };
  SQLiteConnectionPool(options: object): unknown;
  getSQLiteEventStore(options: object): {
    schema: { migrate(): Promise<unknown> };
    appendToStream(stream: string, events: readonly object[], options: object): Promise<unknown>;
    readStream(stream: string): Promise<{ events: readonly unknown[] }>;
  };
  readMessagesBatch(
    connection: unknown,
    options: object,
  ): Promise<{ messages: readonly unknown[]; currentGlobalPosition: bigint; areEventsLeft: boolean }>;
}

/** One connection for all: by itself it opens one for each call, which takes three times as long. */
async function emmett(folder: string, library: EmmettSqlite): Promise<MeasuredStore> {
  const fileName = join(folder, 'emmett.db');
  const connection = library.sqliteConnection({ fileName });
  const pool = library.SQLiteConnectionPool({ fileName, connectionOptions: { singleton: true, connection } });
  const store = library.getSQLiteEventStore({ fileName, pool });
  await store.schema.migrate();
  await mustBeFull(await connection.query('PRAGMA synchronous'));
  return {
    append: oneByOne((stream, version, events) => {
      const expectedStreamVersion = version === 0 ? 'STREAM_DOES_NOT_EXIST' : BigInt(version);
      const its = events.map(({ id, type, v, org, data, personal, meta }) => ({
        type,
        data: { ...data, personal },
        metadata: { messageId: id, v, org, ...meta },
      }));
      return store.appendToStream(stream, its, { expectedStreamVersion });
    }),
    read: async (stream) => (await store.readStream(stream)).events.length,
    async replay() {
      let count = 0;
      for (let after = 0n, left = true; left;) {
        // What its own consumers read with.
        const batch = await library.readMessagesBatch(connection, { after, batchSize: page });
        count += batch.messages.length;
        after = batch.currentGlobalPosition;
        left = batch.areEventsLeft;
      }
      return count;
    },
    close: async () => connection.close(),
  };
}

interface ActSqlite {
  SqliteStore: new (options: { url: string }) => {
    client: { execute(sql: string): Promise<{ rows: readonly unknown[] }> };
    seed(): Promise<void>;
    commit(stream: string, events: readonly object[], meta: object, expectedVersion?: number): Promise<unknown>;
    query(each: (event: { id: number }) => void, query: object): Promise<number>;
    dispose(): Promise<void>;
  };
}

async function act(folder: string, { SqliteStore }: ActSqlite): Promise<MeasuredStore> {
  const store = new SqliteStore({ url: `file:${join(folder, 'act.db')}` });
  await store.seed();
  await mustBeFull((await store.client.execute('PRAGMA synchronous')).rows);
  return {
    append: oneByOne((stream, version, events) => {
      const { meta } = events[0]!;
      const its = events.map(({ id, type, v, org, data, personal }) => ({
        name: type,
        data: { ...data, id, v, org, personal },
      }));
      return store.commit(stream, its, { ...meta, causation: { command: meta.causation } }, version - 1);
    }),
    read: (stream) => store.query(() => undefined, { stream, stream_exact: true }),
    async replay() {
      let count = 0;
      for (let [after, found] = [0, page]; found === page;) {
        found = await store.query(({ id }) => (after = id), { after, limit: page });
        count += found;
      }
      return count;
    },
    close: () => store.dispose(),
  };
}

/**
 * A queue before a store whose appends must not overlap, as its user would have to put there. Emmett on one connection
 * acknowledges before the commit when they do, and on several it stalls; Act refuses them with SQLITE_BUSY.
 */
function oneByOne(append: MeasuredStore['append']): MeasuredStore['append'] {
  let last: Promise<unknown> = Promise.resolve();
  return (...args) => {
    const mine = last.then(() => append(...args));
    last = mine.catch(() => undefined);
    return mine;
  };
}

/** Compared are stores that have on disk what they acknowledge. */
async function mustBeFull(found: unknown): Promise<void> {
  const [row] = found as readonly { synchronous?: unknown }[];
  if (Number(row?.synchronous) !== 2)
    throw new Error(`it writes with synchronous ${String(row?.synchronous)}, not FULL`);
}

/** Who else is measured, in which versions, and what opens it once it is installed. */
export const peerStores = {
  Emmett: {
    packages: {
      '@event-driven-io/emmett': '0.42.0',
      '@event-driven-io/emmett-sqlite': '0.42.4',
      sqlite3: '5.1.7',
      'async-retry': '1.3.3',
      commander: '12.1.0',
      uuid: '10.0.0',
    },
    main: '@event-driven-io/emmett-sqlite/dist/index.js',
    /** Its driver comes as source, or is fetched by its own install script. */
    driver: 'sqlite3',
    open: (folder: string, library: unknown) => emmett(folder, library as EmmettSqlite),
  },
  Act: {
    packages: { '@rotorsoft/act': '1.31.26', '@rotorsoft/act-sqlite': '1.19.4', zod: '4.6.7' },
    main: '@rotorsoft/act-sqlite/dist/index.js',
    driver: null,
    open: (folder: string, library: unknown) => act(folder, library as ActSqlite),
  },
} as const;
export type PeerName = keyof typeof peerStores;

/**
 * Opens a peer in `folder`. They are no dependencies of ours: npm puts them into a folder of temporary files, once for these
 * versions. @throws Error that says why it can't be had on this machine
 */
export async function openPeer(name: PeerName, folder: string, say: ReportProgress): Promise<MeasuredStore> {
  const { packages, main, driver, open } = peerStores[name];
  const versions = Object.entries(packages).map(([it, version]) => `${it}@${version}`);
  const place = join(tmpdir(), `leadstream-bench-${name.toLowerCase()}`);
  const stamp = join(place, 'installed');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== versions.join('\n')) {
    say(`installing ${name} into ${place}`);
    rmSync(place, { recursive: true, force: true });
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), '{ "name": "peer", "version": "1.0.0", "private": true }\n');
    // Peer dependencies that only tests and types would need are left out.
    npm(place, ['install', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', ...versions]);
    if (driver) {
      say(`building ${driver}`);
      // Of this one package; our own settings refuse every package's scripts.
      npm(place, ['rebuild', driver, '--foreground-scripts', '--ignore-scripts=false']);
    }
    writeFileSync(stamp, versions.join('\n'));
  }
  // What can't be loaded is found out here: the library would leave a rejection behind that nobody catches.
  if (driver) createRequire(join(place, 'package.json'))(driver);
  const library: unknown = await import(pathToFileURL(join(place, 'node_modules', main)).href);
  return open(folder, library);
}

function npm(folder: string, args: readonly string[]): void {
  const windows = process.platform === 'win32';
  const options = { cwd: folder, encoding: 'utf8', shell: windows, timeout: 600_000 } as const;
  const { status, stdout, stderr, error } = spawnSync(windows ? 'npm.cmd' : 'npm', args, options);
  if (!error && status === 0) return;
  const said = `${stdout}\n${stderr}`.split('\n').filter((line) => /err/i.test(line));
  const why = error?.message ?? (said.slice(0, 3).join(' ') || `exit code ${status}`);
  throw new Error(`npm ${args[0]} failed: ${why}`);
}
