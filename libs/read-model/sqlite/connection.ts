import { pathToFileURL } from 'node:url';
import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import { LRUCache } from 'lru-cache';
import { ViewsUnavailable } from '../view-store.js';

/** "LSvw": marks an SQLite file as a view of Leadstream. */
export const applicationId = 0x4c537677;

/** How long the thread blocks while another process writes to the file. */
const defaultBusyTimeoutMs = 1_000;

/** `create` creates a missing file; the other modes fail. */
export type AccessMode = 'read' | 'write' | 'create';

export const notAViewFile = 'it is not a view file. Move it to another folder';
const busy = 'another process is writing to it. Retry in a moment';
const denied = 'access is denied. Allow the service to read and write it';

/** By SQLite result code: what is wrong and what to do. */
const reasons: Readonly<Record<string, string>> = {
  SQLITE_FULL: 'the disk is full. Free some space',
  SQLITE_READONLY: 'it is read-only. Allow the service to write to it',
  SQLITE_PERM: denied,
  SQLITE_AUTH: denied,
  SQLITE_CORRUPT: 'it is damaged. Rebuild the view',
  SQLITE_NOTADB: notAViewFile,
  SQLITE_CANTOPEN: 'it cannot be opened. Check that the service may read and write its folder',
  SQLITE_IOERR: 'reading or writing failed. Check the disk',
  SQLITE_BUSY: busy,
  SQLITE_LOCKED: busy,
  SQLITE_NOMEM: 'the process is out of memory',
  SQLITE_TOOBIG: 'a row is too big',
};

/** A connection to one file, with a statement cache. SQLite errors are thrown as `ViewsUnavailable` with the file's name. */
export class SqliteConnection {
  // Must stay referenced: when it is garbage-collected, using one of its statements crashes the process.
  private readonly database: DatabaseSyncInstance;
  private readonly statements = new LRUCache<string, StatementSyncInstance>({ max: 300 });

  constructor(
    readonly path: string,
    private readonly access: AccessMode,
    busyTimeoutMs = defaultBusyTimeoutMs,
  ) {
    const options = { readOnly: access === 'read', timeout: busyTimeoutMs };
    const location = access === 'write' ? `${pathToFileURL(path).href}?mode=rw` : path;
    this.database = translateErrors(path, () => new DatabaseSync(location, options));
  }

  exec(sql: string): void {
    translateErrors(this.path, () => this.database.exec(sql));
  }

  run(
    sql: string,
    ...values: readonly unknown[]
  ): { readonly changes: number; readonly lastInsertRowid: number | bigint } {
    return translateErrors(this.path, () => this.statement(sql).run(...values));
  }

  /** The first row as an array of its values. */
  get<Row extends readonly unknown[]>(sql: string, ...values: readonly unknown[]): Row | undefined {
    return translateErrors(this.path, () => this.statement(sql).get(...values) as Row | undefined);
  }

  /** Each row as an array of its values. */
  all<Row extends readonly unknown[]>(sql: string, ...values: readonly unknown[]): readonly Row[] {
    return translateErrors(this.path, () => this.statement(sql).all(...values) as Row[]);
  }

  /** Use `IMMEDIATE` to write: no other connection can write until the transaction ends. */
  transaction<T>(mode: 'DEFERRED' | 'IMMEDIATE', work: () => T): T {
    this.run(`BEGIN ${mode}`);
    try {
      const result = work();
      this.run('COMMIT');
      return result;
    } catch (error) {
      this.rollBack();
      throw error;
    }
  }

  private rollBack(): void {
    // SQLite has already rolled back when the disk is full.
    if (this.database.isTransaction) this.exec('ROLLBACK');
  }

  close(): void {
    if (!this.database.isOpen) return;
    try {
      // Statements that are not garbage-collected yet would keep the transaction open.
      this.rollBack();
      // SQLite closes the files only after all statements are garbage-collected, so truncate the write-ahead log now.
      if (this.access !== 'read') this.database.exec('PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // The write-ahead log stays readable, and the next connection to the file truncates it.
    }
    this.statements.clear();
    this.database.close();
  }

  private statement(sql: string): StatementSyncInstance {
    const cached = this.statements.get(sql);
    if (cached) return cached;
    const statement = this.database.prepare(sql);
    statement.setReturnArrays(true);
    this.statements.set(sql, statement);
    return statement;
  }
}

const codeOf = (error: unknown): string => (error as { sqliteCodeName?: string } | undefined)?.sqliteCodeName ?? '';

export const isCorruption = (error: unknown): boolean =>
  error instanceof ViewsUnavailable && codeOf(error.cause).startsWith('SQLITE_CORRUPT');

function translateErrors<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    // Extended codes such as SQLITE_IOERR_WRITE begin with the primary one.
    const reason = reasons[codeOf(error).split('_').slice(0, 2).join('_')];
    throw reason ? new ViewsUnavailable(`Cannot use the view file ${path}: ${reason}.`, { cause: error }) : error;
  }
}

// The patterns below contain control characters on purpose.
/* eslint-disable no-control-regex */
/** Encodes a text, because SQLite truncates it at a NUL. NUL becomes 1 1 and 1 becomes 1 2, which keeps the order of texts. */
export const toSqlValue = <T>(value: T): T =>
  typeof value === 'string' && /[\0\x01]/.test(value)
    ? (value.replace(/[\0\x01]/g, (character) => (character === '\0' ? '\x01\x01' : '\x01\x02')) as T)
    : value;

export const fromSqlValue = <T>(value: T): T =>
  typeof value === 'string' && value.includes('\x01')
    ? (value.replace(/\x01[\x01\x02]/g, (escaped) => (escaped === '\x01\x01' ? '\0' : '\x01')) as T)
    : value;
