import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Position } from '#domain/event-envelope';
import { writePause, emptyViewState, ViewsUnavailable, type ViewState } from '../view-store.js';
import { SqliteConnection, isCorruption } from './connection.js';
import {
  checkSchema,
  isRetired,
  isInitialized,
  createTables,
  SchemaMismatch,
  readViewState,
  type SqliteViewSchema,
} from './schema.sql.js';

/** Nothing waits for a file that is only tidied up. */
const impatient = 0;

/**
 * The files `<view>.v<version>.g<n>.db` of a view and version. The lowest that is not closed serves, the next one is built beside
 * it: so closing a file, which is one write to it, is the switch, and each reader learns of it in the transaction it reads in.
 */
export class SqliteGenerations {
  /** `stem`: their path up to `.g<n>.db` */
  constructor(
    private readonly stem: string,
    private readonly shape: SqliteViewSchema,
  ) {}

  /** The one that serves, as readers see it; undefined when there is none yet. */
  openLive(connect: (path: string) => SqliteConnection): SqliteConnection | undefined {
    for (const n of this.numbers()) {
      const connection = this.ifThere(n, () => connect(this.file(n)));
      if (!connection) continue;
      try {
        if (!isInitialized(connection)) return void connection.close();
        if (!isRetired(connection)) return (checkSchema(connection, this.shape), connection);
      } catch (error) {
        connection.close();
        throw error;
      }
      connection.close();
    }
    return undefined;
  }

  /** Makes what is missing. */
  openForWriting(beside: boolean): SqliteConnection {
    const [serving, next] = this.open();
    if (serving === undefined) return this.make(this.newest() + 1);
    if (!beside) return this.writable(serving);
    if (next === undefined) return this.make(this.newest() + 1);
    try {
      return this.writable(next);
    } catch (error) {
      if (!isCorruption(error) && !(error instanceof SchemaMismatch)) throw error;
      this.close(next);
      return this.make(this.newest() + 1);
    }
  }

  /** How far the one beside that which serves is; undefined when there is none. */
  candidateState(): ViewState | undefined {
    const [, next] = this.open();
    if (next === undefined) return undefined;
    const connection = this.ifThere(next, () => new SqliteConnection(this.file(next), 'read'));
    try {
      return connection && (isInitialized(connection) ? readViewState(connection) : emptyViewState);
    } finally {
      connection?.close();
    }
  }

  /** Closes all that are older than that at `path` and not ahead of `checkpoint`. False: one of them is ahead. */
  retireBefore(path: string, checkpoint: Position | null): boolean {
    const older = this.open().filter((n) => n < this.numberOf(basename(path)));
    return older.every((n) => this.close(n, checkpoint));
  }

  retireAll(): void {
    // What is built beside must not come to serve in between.
    for (const n of this.open().reverse()) this.close(n);
  }

  /** Removes the files before the one that serves. Whoever has one open goes on reading that it is closed. */
  removeRetired(): void {
    const [serving = Infinity] = this.open();
    for (const n of this.numbers('.db-wal', '.db-shm', '.db')) if (n < serving) this.remove(n);
  }

  /** Those not closed, in order; damaged ones are not. */
  private open(): number[] {
    return this.numbers().filter((n) => {
      const connection = this.ifThere(n, () => new SqliteConnection(this.file(n), 'read'));
      if (!connection) return false;
      try {
        return !isInitialized(connection) || !isRetired(connection);
      } catch (error) {
        if (isCorruption(error)) return true;
        throw error;
      } finally {
        connection.close();
      }
    });
  }

  private make(n: number): SqliteConnection {
    createFolder(dirname(this.stem));
    return this.made(new SqliteConnection(this.file(n), 'make'));
  }

  private writable(n: number): SqliteConnection {
    return this.made(new SqliteConnection(this.file(n), 'write'));
  }

  private made(connection: SqliteConnection): SqliteConnection {
    try {
      createTables(connection, this.shape);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** False: it is ahead of `upTo`. */
  private close(n: number, upTo?: Position | null): boolean {
    try {
      const connection = this.ifThere(n, () => new SqliteConnection(this.file(n), 'write'));
      if (!connection) return true;
      try {
        if (!isInitialized(connection)) createTables(connection, this.shape);
        const unless = upTo === undefined ? [] : [upTo];
        const only = upTo === undefined ? '' : 'WHERE checkpoint IS NULL OR checkpoint <= ?';
        connection.run(`UPDATE _view SET closed = 1 ${only}`, ...unless);
        if (isRetired(connection)) return true;
        const now = Date.now();
        connection.run(
          'UPDATE _view SET held = ? WHERE held < ?',
          now + writePause.durationMs,
          now - writePause.minIntervalMs,
        );
        return false;
      } finally {
        connection.close();
      }
    } catch (error) {
      if (!isCorruption(error)) throw error;
      this.unlink(n);
      return true;
    }
  }

  private remove(n: number): void {
    try {
      const connection = this.ifThere(n, () => new SqliteConnection(this.file(n), 'write', impatient));
      if (connection) {
        try {
          if (!isRetired(connection)) return;
          // Who opens the file after its write-ahead log is gone must still find that it is closed.
          const [busy] = connection.get<[number]>('PRAGMA wal_checkpoint(TRUNCATE)')!;
          if (busy !== 0) return;
        } finally {
          connection.close();
        }
      }
      this.unlink(n);
    } catch {
      // Somebody is at it: it is removed the next time.
    }
  }

  private unlink(n: number): void {
    for (const suffix of ['', '-wal', '-shm']) rmSync(this.file(n) + suffix, { force: true });
  }

  /** Undefined for a file that another process has just removed. */
  private ifThere(n: number, connect: () => SqliteConnection): SqliteConnection | undefined {
    try {
      return connect();
    } catch (error) {
      if (existsSync(this.file(n))) throw error;
      return undefined;
    }
  }

  private file(n: number): string {
    return `${this.stem}.g${n}.db`;
  }

  /** What a crash has left of a removed one counts: its number is not given away again. */
  private newest(): number {
    return this.numbers('.db-wal', '.db-shm', '.db').at(-1) ?? 0;
  }

  /** In order. */
  private numbers(...suffixes: readonly string[]): number[] {
    const wanted = suffixes.length > 0 ? suffixes : ['.db'];
    const folder = dirname(this.stem);
    const names = existsSync(folder) ? readdirSync(folder) : [];
    const numbers = names
      .filter((name) => wanted.some((suffix) => name.endsWith(suffix)))
      .map((name) => this.numberOf(name));
    return [...new Set(numbers)].filter((n) => n > 0).sort((a, b) => a - b);
  }

  /** 0 for the file of another view or version, and what is no such file. */
  private numberOf(name: string): number {
    const start = `${basename(this.stem)}.g`;
    if (!name.startsWith(start)) return 0;
    return Number(/^([1-9]\d*)\.db(-wal|-shm)?$/.exec(name.slice(start.length))?.[1] ?? 0);
  }
}

/** The versions of a view that there are files of. */
export function listFileVersions(folder: string, view: string): readonly number[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const versions = names
    .filter((name) => name.startsWith(`${view}.v`))
    .map((name) => Number(/^([1-9]\d*)\.g\d+\.db$/.exec(name.slice(view.length + 2))?.[1] ?? 0));
  return [...new Set(versions)].filter((version) => version > 0).sort((a, b) => a - b);
}

/** The folder of all views. */
export function createFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new ViewsUnavailable(`The views' folder ${folder} can't be made.`, { cause });
  }
}
