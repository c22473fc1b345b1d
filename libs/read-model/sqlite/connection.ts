import { pathToFileURL } from 'node:url';
import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import { LRUCache } from 'lru-cache';
import { ViewsUnavailable } from '../view-store.js';

/** "LSvw": this file holds a view of ours. */
export const applicationId = 0x4c537677;

/** In milliseconds: how long to wait, with the thread, for another process's write. */
const usualPatience = 1_000;

/** Only `make` makes a file that is not there. */
export type AccessMode = 'read' | 'write' | 'make';

const reasons: Readonly<Record<string, string>> = {
  SQLITE_FULL: 'the disk is full',
  SQLITE_READONLY: 'it can only be read',
  SQLITE_PERM: 'access is denied',
  SQLITE_AUTH: 'access is denied',
  SQLITE_CORRUPT: 'it is damaged: rebuild the view',
  SQLITE_NOTADB: 'it is not one of ours: move it away',
  SQLITE_CANTOPEN: 'it can not be opened',
  SQLITE_IOERR: 'reading or writing failed',
  SQLITE_BUSY: 'another process is writing',
  SQLITE_LOCKED: 'another process is writing',
  SQLITE_NOMEM: 'there is no memory left',
  SQLITE_TOOBIG: 'a row is too big',
};

/** A connection to one file, its statements kept; everything SQLite complains of becomes `ViewsUnavailable`, naming the file. */
export class SqliteConnection {
  // The statements are of no use, and crash the process, once this is collected.
  private readonly database: DatabaseSyncInstance;
  private readonly statements = new LRUCache<string, StatementSyncInstance>({ max: 300 });

  constructor(
    readonly path: string,
    private readonly access: AccessMode,
    patience = usualPatience,
  ) {
    const options = { readOnly: access === 'read', timeout: patience };
    const where = access === 'write' ? `${pathToFileURL(path).href}?mode=rw` : path;
    this.database = translated(path, () => new DatabaseSync(where, options));
  }

  exec(sql: string): void {
    translated(this.path, () => this.database.exec(sql));
  }

  /** How many rows changed, and the rowid of the last one inserted. */
  run(
    sql: string,
    ...values: readonly unknown[]
  ): { readonly changes: number; readonly lastInsertRowid: number | bigint } {
    return translated(this.path, () => this.statement(sql).run(...values));
  }

  /** The first row, its values in the order of the columns. */
  get<Row extends readonly unknown[]>(sql: string, ...values: readonly unknown[]): Row | undefined {
    return translated(this.path, () => this.statement(sql).get(...values) as Row | undefined);
  }

  all<Row extends readonly unknown[]>(sql: string, ...values: readonly unknown[]): readonly Row[] {
    return translated(this.path, () => this.statement(sql).all(...values) as Row[]);
  }

  /** All or nothing. `IMMEDIATE` for writing: nobody else writes until it ends. */
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
    // A full disk has rolled back already.
    if (this.database.isTransaction) this.exec('ROLLBACK');
  }

  close(): void {
    if (!this.database.isOpen) return;
    try {
      // Statements that are not collected yet would keep it open.
      this.rollBack();
      // SQLite lets go of the files only when the last statement has been collected as garbage: so it tidies them up now.
      if (this.access !== 'read') this.database.exec('PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // What is not tidied up stays readable, and whoever opens the file next does it.
    }
    this.statements.clear();
    this.database.close();
  }

  private statement(sql: string): StatementSyncInstance {
    const kept = this.statements.get(sql);
    if (kept) return kept;
    const statement = this.database.prepare(sql);
    statement.setReturnArrays(true);
    this.statements.set(sql, statement);
    return statement;
  }
}

const codeOf = (error: unknown): string => (error as { sqliteCodeName?: string } | undefined)?.sqliteCodeName ?? '';

/** The file is of no use any more. */
export const isCorruption = (error: unknown): boolean =>
  error instanceof ViewsUnavailable && codeOf(error.cause).startsWith('SQLITE_CORRUPT');

function translated<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const reason = reasons[codeOf(error).split('_').slice(0, 2).join('_')];
    throw reason ? new ViewsUnavailable(`The view's file ${path} can't be used: ${reason}.`, { cause: error }) : error;
  }
}

// The characters that are told apart below are control characters: the rule takes them for a slip.
/* eslint-disable no-control-regex */
/** SQLite cuts a text at a NUL. The order of texts is kept: NUL becomes 1 1, and 1 becomes 1 2. */
export const toSqlValue = <T>(value: T): T =>
  typeof value === 'string' && /[\0\x01]/.test(value)
    ? (value.replace(/[\0\x01]/g, (found) => (found === '\0' ? '\x01\x01' : '\x01\x02')) as T)
    : value;

export const fromSqlValue = <T>(value: T): T =>
  typeof value === 'string' && value.includes('\x01')
    ? (value.replace(/\x01[\x01\x02]/g, (found) => (found === '\x01\x01' ? '\0' : '\x01')) as T)
    : value;
