import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Position } from '#domain/event-envelope';
import { emptyViewState, type ViewState, ViewsUnavailable, writePause } from '../view-store.js';
import { isCorruption, SqliteConnection } from './connection.js';
import {
  checkSchema,
  createTables,
  isInitialized,
  isRetired,
  readViewState,
  SchemaMismatch,
  type SqliteViewSchema,
} from './schema.sql.js';

/** Retired files are removed periodically, so a single attempt never waits for another process. */
const noBusyTimeoutMs = 0;

const mainFiles = ['.db'];
const allFiles = ['.db-wal', '.db-shm', '.db'];

/**
 * The files `<view>.v<version>.g<number>.db` of one version of a view. Each is a generation. The lowest one that is not retired is
 * live; the next one is the candidate. Retiring the live file therefore promotes the candidate with a single write. Each reader sees
 * that write in its own transaction.
 */
export class SqliteGenerations {
  /** `basePath` is the path of the files up to `.g<number>.db`. */
  constructor(
    private readonly basePath: string,
    private readonly schema: SqliteViewSchema,
  ) {}

  /** Undefined if there is no live generation yet. */
  openLive(connect: (path: string) => SqliteConnection): SqliteConnection | undefined {
    for (const number of this.numbers(mainFiles)) {
      const connection = this.openIfPresent(number, () => connect(this.pathOf(number)));
      if (!connection) continue;
      try {
        if (!isInitialized(connection)) {
          connection.close();
          return undefined;
        }
        if (!isRetired(connection)) {
          checkSchema(connection, this.schema);
          return connection;
        }
      } catch (error) {
        connection.close();
        throw error;
      }
      connection.close();
    }
    return undefined;
  }

  /** Opens the generation, or creates it if it is missing. A damaged or outdated candidate is retired and replaced. */
  openForWriting(isCandidate: boolean): SqliteConnection {
    const [live, candidate] = this.notRetired();
    if (live === undefined) return this.create();
    if (!isCandidate) return this.openExisting(live);
    if (candidate === undefined) return this.create();
    try {
      return this.openExisting(candidate);
    } catch (error) {
      if (!isCorruption(error) && !(error instanceof SchemaMismatch)) throw error;
      this.retire(candidate);
      return this.create();
    }
  }

  /** Undefined when there is no candidate. */
  candidateState(): ViewState | undefined {
    const [, candidate] = this.notRetired();
    if (candidate === undefined) return undefined;
    const connection = this.openIfPresent(candidate, () => new SqliteConnection(this.pathOf(candidate), 'read'));
    if (!connection) return undefined;
    try {
      return isInitialized(connection) ? readViewState(connection) : emptyViewState;
    } finally {
      connection.close();
    }
  }

  /** Retires all generations older than the one at `path`. Returns false if one of them is ahead of `checkpoint`. */
  retireBefore(path: string, checkpoint: Position | null): boolean {
    const older = this.notRetired().filter((number) => number < this.numberOf(basename(path)));
    return older.every((number) => this.retireUnlessAhead(number, checkpoint));
  }

  retireAll(): void {
    // The newest first, so that the candidate never becomes live in between.
    for (const number of this.notRetired().reverse()) this.retire(number);
  }

  /** Removes the files of generations before the live one. A process that still has one open can read that it is retired. */
  removeRetired(): void {
    const [live = Infinity] = this.notRetired();
    for (const number of this.numbers(allFiles)) if (number < live) this.remove(number);
  }

  /** In ascending order. A damaged generation counts as not retired. */
  private notRetired(): number[] {
    return this.numbers(mainFiles).filter((number) => {
      const connection = this.openIfPresent(number, () => new SqliteConnection(this.pathOf(number), 'read'));
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

  private create(): SqliteConnection {
    createFolder(dirname(this.basePath));
    // A number is never used twice, even if a crash has left only some files of its generation.
    const newest = this.numbers(allFiles).at(-1) ?? 0;
    return this.prepare(new SqliteConnection(this.pathOf(newest + 1), 'create'));
  }

  private openExisting(number: number): SqliteConnection {
    return this.prepare(new SqliteConnection(this.pathOf(number), 'write'));
  }

  private prepare(connection: SqliteConnection): SqliteConnection {
    try {
      createTables(connection, this.schema);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private retire(number: number): void {
    this.withWritable(number, (connection) => {
      if (!isInitialized(connection)) createTables(connection, this.schema);
      connection.run('UPDATE _view SET closed = 1');
    });
  }

  /** Returns false if the generation is ahead of `checkpoint`. Its writers are then paused, unless they have just been paused. */
  private retireUnlessAhead(number: number, checkpoint: Position | null): boolean {
    let isAhead = false;
    this.withWritable(number, (connection) => {
      if (!isInitialized(connection)) createTables(connection, this.schema);
      connection.run('UPDATE _view SET closed = 1 WHERE checkpoint IS NULL OR checkpoint <= ?', checkpoint);
      if (isRetired(connection)) return;
      isAhead = true;
      const now = Date.now();
      const [pausedUntil, lastPauseBefore] = [now + writePause.durationMs, now - writePause.minIntervalMs];
      connection.run('UPDATE _view SET held = ? WHERE held < ?', pausedUntil, lastPauseBefore);
    });
    return !isAhead;
  }

  /** Does nothing for a missing file. A damaged file is removed. */
  private withWritable(number: number, work: (connection: SqliteConnection) => void): void {
    try {
      const connection = this.openIfPresent(number, () => new SqliteConnection(this.pathOf(number), 'write'));
      if (!connection) return;
      try {
        work(connection);
      } finally {
        connection.close();
      }
    } catch (error) {
      if (!isCorruption(error)) throw error;
      this.unlink(number);
    }
  }

  private remove(number: number): void {
    try {
      const open = () => new SqliteConnection(this.pathOf(number), 'write', noBusyTimeoutMs);
      const connection = this.openIfPresent(number, open);
      if (connection) {
        try {
          if (!isRetired(connection)) return;
          // A process that opens the file after its write-ahead log was deleted must still read that it is retired.
          const [busy] = connection.get<[number]>('PRAGMA wal_checkpoint(TRUNCATE)')!;
          if (busy !== 0) return;
        } finally {
          connection.close();
        }
      }
      this.unlink(number);
    } catch {
      // Another process uses the file. It is removed next time.
    }
  }

  private unlink(number: number): void {
    for (const suffix of ['', '-wal', '-shm']) rmSync(this.pathOf(number) + suffix, { force: true });
  }

  /** Undefined if another process has just removed the file. */
  private openIfPresent(number: number, open: () => SqliteConnection): SqliteConnection | undefined {
    try {
      return open();
    } catch (error) {
      if (existsSync(this.pathOf(number))) throw error;
      return undefined;
    }
  }

  private pathOf(number: number): string {
    return `${this.basePath}.g${number}.db`;
  }

  /** The numbers of the generations that have a file with one of these suffixes, in ascending order. */
  private numbers(suffixes: readonly string[]): number[] {
    const numbers = listFiles(dirname(this.basePath))
      .filter((name) => suffixes.some((suffix) => name.endsWith(suffix)))
      .map((name) => this.numberOf(name));
    return sortUnique(numbers);
  }

  /** 0 if the file does not belong to this view and version. */
  private numberOf(name: string): number {
    const start = `${basename(this.basePath)}.g`;
    if (!name.startsWith(start)) return 0;
    return Number(/^([1-9]\d*)\.db(-wal|-shm)?$/.exec(name.slice(start.length))?.[1] ?? 0);
  }
}

export function listFileVersions(folder: string, view: string): readonly number[] {
  const versions = listFiles(folder)
    .filter((name) => name.startsWith(`${view}.v`))
    .map((name) => Number(/^([1-9]\d*)\.g\d+\.db$/.exec(name.slice(view.length + 2))?.[1] ?? 0));
  return sortUnique(versions);
}

export function createFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new ViewsUnavailable(
      `Cannot create the folder ${folder} for views. Check READ_STORE_URL, DATA_DIR and the permissions of the folder.`,
      { cause },
    );
  }
}

const listFiles = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

const sortUnique = (numbers: readonly number[]): number[] =>
  [...new Set(numbers)].filter((number) => number > 0).sort((a, b) => a - b);
