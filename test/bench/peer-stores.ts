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

/** An event store, used as its documentation recommends, behind the operations that the bench measures. */
export interface MeasuredStore {
  /** Appends at the version that the stream has, so the store must check it. */
  append(stream: string, expectedVersion: number, events: readonly StoredEvent[]): Promise<unknown>;
  /** Reads and decodes all events of the stream. Returns their number. */
  read(stream: string): Promise<number>;
  /** Reads and decodes all events of the store in order, a thousand at a time. Returns their number. */
  replay(): Promise<number>;
  close(): Promise<void>;
}

const pageSize = 1_000;

export function openLeadstream(folder: string): MeasuredStore {
  const file = join(folder, 'leadstream.db');
  const { events } = SqliteLog.open({ file });
  return {
    append: (stream, version, newEvents) => events.append(stream, version, newEvents),
    read: async (stream) => (await events.read(stream, 0, 10_000)).length,
    async replay() {
      // A new instance, because an open log caches the events that it returned last.
      const { events: reader } = SqliteLog.open({ file, readOnly: true });
      const [head, stop] = [await reader.head(), new AbortController()];
      let count = 0;
      for await (const batch of reader.follow(reader.start, { signal: stop.signal, batchSize: pageSize })) {
        count += batch.events.length;
        if (batch.position === head) stop.abort();
      }
      await reader.close();
      return count;
    },
    close: () => events.close(),
  };
}

/** The minimum that every store does: JSON rows under the same group commit, with an index by stream. It checks nothing. */
export function openBareRows(folder: string): MeasuredStore {
  const db = new DatabaseSync(join(folder, 'rows.db'));
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    CREATE TABLE rows (position INTEGER PRIMARY KEY, stream TEXT NOT NULL, body TEXT NOT NULL) STRICT;
    CREATE INDEX rows_by_stream ON rows (stream);
  `);
  const [insert, selectStream, selectAfter] = [
    'INSERT INTO rows (stream, body) VALUES (?, ?)',
    'SELECT position, body FROM rows WHERE stream = ? ORDER BY position',
    'SELECT position, body FROM rows WHERE position > ? ORDER BY position LIMIT ?',
  ].map((sql) => db.prepare(sql, { returnArrays: true }));
  const commits = new GroupCommit(db, () => undefined);
  const parseRows = (rows: unknown): readonly (readonly [position: number, event: unknown])[] =>
    (rows as [number, string][]).map(([position, body]) => [position, JSON.parse(body)]);
  return {
    append(stream, _, events) {
      const bodies = events.map((event) => JSON.stringify(event));
      return commits.run(() => bodies.forEach((body) => insert!.run(stream, body)), bodies.length);
    },
    read: async (stream) => parseRows(selectStream!.all(stream)).length,
    async replay() {
      let count = 0;
      for (let [after, found] = [0, pageSize]; found === pageSize;) {
        const events = parseRows(selectAfter!.all(after, pageSize));
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

/** With one connection for all calls. By default Emmett opens one per call, which takes three times as long. */
async function openEmmett(folder: string, library: EmmettSqlite): Promise<MeasuredStore> {
  const fileName = join(folder, 'emmett.db');
  const connection = library.sqliteConnection({ fileName });
  const pool = library.SQLiteConnectionPool({ fileName, connectionOptions: { singleton: true, connection } });
  const store = library.getSQLiteEventStore({ fileName, pool });
  await store.schema.migrate();
  checkSynchronousFull(await connection.query('PRAGMA synchronous'));
  return {
    append: oneAtATime((stream, version, events) => {
      const expectedStreamVersion = version === 0 ? 'STREAM_DOES_NOT_EXIST' : BigInt(version);
      const messages = events.map(({ id, type, v, org, data, personal, meta }) => ({
        type,
        data: { ...data, personal },
        metadata: { messageId: id, v, org, ...meta },
      }));
      return store.appendToStream(stream, messages, { expectedStreamVersion });
    }),
    read: async (stream) => (await store.readStream(stream)).events.length,
    async replay() {
      let count = 0;
      for (let after = 0n, hasMore = true; hasMore;) {
        // Emmett's own consumers read with this function.
        const batch = await library.readMessagesBatch(connection, { after, batchSize: pageSize });
        count += batch.messages.length;
        after = batch.currentGlobalPosition;
        hasMore = batch.areEventsLeft;
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
    query(onEvent: (event: { id: number }) => void, query: object): Promise<number>;
    dispose(): Promise<void>;
  };
}

async function openAct(folder: string, { SqliteStore }: ActSqlite): Promise<MeasuredStore> {
  const store = new SqliteStore({ url: `file:${join(folder, 'act.db')}` });
  await store.seed();
  checkSynchronousFull((await store.client.execute('PRAGMA synchronous')).rows);
  return {
    append: oneAtATime((stream, version, events) => {
      const { meta } = events[0]!;
      const messages = events.map(({ id, type, v, org, data, personal }) => ({
        name: type,
        data: { ...data, id, v, org, personal },
      }));
      return store.commit(stream, messages, { ...meta, causation: { command: meta.causation } }, version - 1);
    }),
    read: (stream) => store.query(() => undefined, { stream, stream_exact: true }),
    async replay() {
      let count = 0;
      for (let [after, found] = [0, pageSize]; found === pageSize;) {
        found = await store.query(({ id }) => (after = id), { after, limit: pageSize });
        count += found;
      }
      return count;
    },
    close: () => store.dispose(),
  };
}

/**
 * Queues the appends of a store whose appends must not overlap, as its users would have to. With overlapping appends, Emmett
 * acknowledges before the commit on one connection and stalls on several; Act rejects them with SQLITE_BUSY.
 */
function oneAtATime(append: MeasuredStore['append']): MeasuredStore['append'] {
  let last: Promise<unknown> = Promise.resolve();
  return (...args) => {
    const result = last.then(() => append(...args));
    last = result.catch(() => undefined);
    return result;
  };
}

/** The comparison is only fair among stores that acknowledge an append when it is on disk. */
function checkSynchronousFull(rows: unknown): void {
  const [row] = rows as readonly { synchronous?: unknown }[];
  if (Number(row?.synchronous) !== 2)
    throw new Error(`it writes with "PRAGMA synchronous" ${String(row?.synchronous)} instead of 2 (FULL)`);
}

/** The stores that Leadstream is compared with, in which versions, and how to open them once they are installed. */
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
    /** This package compiles its driver, or downloads it in its install script. */
    driver: 'sqlite3',
    open: (folder: string, library: unknown) => openEmmett(folder, library as EmmettSqlite),
  },
  Act: {
    packages: { '@rotorsoft/act': '1.31.26', '@rotorsoft/act-sqlite': '1.19.4', zod: '4.6.7' },
    main: '@rotorsoft/act-sqlite/dist/index.js',
    driver: null,
    open: (folder: string, library: unknown) => openAct(folder, library as ActSqlite),
  },
} as const;
export type PeerName = keyof typeof peerStores;

/**
 * Opens a peer in `folder`. Peers are not dependencies: npm installs these versions once, into a folder for temporary files.
 * @throws Error if it cannot be installed on this machine
 */
export async function openPeer(name: PeerName, folder: string, report: ReportProgress): Promise<MeasuredStore> {
  const { packages, main, driver, open } = peerStores[name];
  const versions = Object.entries(packages).map(([packageName, version]) => `${packageName}@${version}`);
  const installFolder = join(tmpdir(), `leadstream-bench-${name.toLowerCase()}`);
  const versionsFile = join(installFolder, 'installed');
  if (!existsSync(versionsFile) || readFileSync(versionsFile, 'utf8') !== versions.join('\n')) {
    report(`installing ${name} into ${installFolder}`);
    rmSync(installFolder, { recursive: true, force: true });
    mkdirSync(installFolder, { recursive: true });
    writeFileSync(join(installFolder, 'package.json'), '{ "name": "peer", "version": "1.0.0", "private": true }\n');
    // Without peer dependencies, which only tests and types need.
    npm(installFolder, ['install', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', ...versions]);
    if (driver) {
      report(`building ${driver}`);
      // Only this package runs scripts; the npm settings of this repository disable them for all packages.
      npm(installFolder, ['rebuild', driver, '--foreground-scripts', '--ignore-scripts=false']);
    }
    writeFileSync(versionsFile, versions.join('\n'));
  }
  // Loaded here first, because Emmett would leave an unhandled rejection behind if the driver cannot be loaded.
  if (driver) createRequire(join(installFolder, 'package.json'))(driver);
  const library: unknown = await import(pathToFileURL(join(installFolder, 'node_modules', main)).href);
  return open(folder, library);
}

function npm(folder: string, args: readonly string[]): void {
  const isWindows = process.platform === 'win32';
  const options = { cwd: folder, encoding: 'utf8', shell: isWindows, timeout: 600_000 } as const;
  const { status, stdout, stderr, error } = spawnSync(isWindows ? 'npm.cmd' : 'npm', args, options);
  if (!error && status === 0) return;
  const errorLines = `${stdout}\n${stderr}`.split('\n').filter((line) => /err/i.test(line));
  const reason = error?.message ?? (errorLines.slice(0, 3).join(' ') || `exit code ${status}`);
  throw new Error(`npm ${args[0]} failed: ${reason}`);
}
