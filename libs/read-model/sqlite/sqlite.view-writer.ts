import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Position } from '#domain/event-envelope';
import {
  CheckpointMoved,
  writePause,
  emptyViewState,
  type ProjectionFailure,
  type StoredRow,
  type ViewState,
  type ViewWriter,
  type RowWrite,
} from '../view-store.js';
import { type SqliteConnection, toSqlValue } from './connection.js';
import type { SqliteGenerations } from './generations.js';
import { buildIndexes, writePausedUntil, isRetired, readViewState, type SqliteViewSchema } from './schema.sql.js';
import { type TableStatements, buildTableStatements } from './table-statements.sql.js';

/** Rows and checkpoint move in one transaction. */
export class SqliteViewWriter implements ViewWriter {
  private connection: SqliteConnection;
  private readonly sql: ReadonlyMap<string, TableStatements>;

  constructor(
    private readonly generations: SqliteGenerations,
    private readonly shape: SqliteViewSchema,
    private readonly beside: boolean,
  ) {
    this.connection = this.open();
    this.sql = new Map(Object.entries(shape.tables).map(([table, its]) => [table, buildTableStatements(table, its)]));
  }

  private open(): SqliteConnection {
    const connection = this.generations.openForWriting(this.beside);
    // Rows and checkpoint move in one transaction: a tail of commits that a power cut takes away is replayed from the log. So no
    // commit waits for the disk, only the moving of the write-ahead log into the file does.
    connection.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000; PRAGMA journal_size_limit = 67108864');
    connection.exec('PRAGMA wal_autocheckpoint = 4000');
    return connection;
  }

  async state(): Promise<ViewState> {
    if (!isRetired(this.connection)) return readViewState(this.connection);
    if (this.beside) return emptyViewState;
    this.connection.close();
    this.connection = this.open();
    return readViewState(this.connection);
  }

  async load(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, StoredRow>> {
    const { selectRow: find } = this.sqlOf(table);
    const found = new Map<string, StoredRow>();
    for (const key of keys) {
      const stored = this.connection.get<[string, Position]>(find, toSqlValue(key));
      if (stored) found.set(key, { row: JSON.parse(stored[0]) as object, position: stored[1] });
    }
    return found;
  }

  /** Never waits for long, whatever the clocks say. */
  async save(rows: readonly RowWrite[], from: Position | null, to: Position): Promise<void> {
    const until = performance.now() + writePause.durationMs;
    while (!this.saved(rows, from, to, performance.now() < until)) await setTimeout(5);
  }

  /** False: writers are held up. */
  private saved(rows: readonly RowWrite[], from: Position | null, to: Position, patient: boolean): boolean {
    return this.connection.transaction('IMMEDIATE', () => {
      const now = patient ? Date.now() : Number.MAX_SAFE_INTEGER;
      if (this.connection.run(moved, to, from, now).changes === 0) {
        if (writePausedUntil(this.connection) > now) return false;
        throw new CheckpointMoved(`view ${this.shape.name} is not at ${from ?? 'its beginning'} any more`);
      }
      for (const write of rows) this.write(write);
      return true;
    });
  }

  private write({ table, key, position, row, columns, tokens, previous }: RowWrite): void {
    const its = this.sqlOf(table);
    const json = JSON.stringify(row);
    if (!previous && this.insert(its, key, position, json, columns, tokens)) return;
    if (previous && previous.position < position) {
      const id = this.replaced(its.replaceRow, key, position, json, previous.position);
      if (id !== undefined) {
        const changed = its.columns.filter((column) => columns[column] !== previous.columns[column]);
        return this.update(its, id, columns, changed, sameWords(tokens, previous.tokens) ? undefined : tokens);
      }
    }
    // Something else is stored than was thought.
    const id = this.replaced(its.replaceOlderRow, key, position, json, position);
    if (id !== undefined) this.update(its, id, columns, its.columns, tokens);
    else if (previous) this.insert(its, key, position, json, columns, tokens);
  }

  /** Whether there was no such row yet. */
  private insert(
    its: TableStatements,
    key: string,
    position: Position,
    json: string,
    columns: RowWrite['columns'],
    tokens: RowWrite['tokens'],
  ): boolean {
    const values = its.columns.map((column) => toSqlValue(columns[column]));
    const words = its.indexTokens === undefined ? undefined : textOf(tokens);
    if (words !== undefined) values.push(words);
    const { changes, lastInsertRowid: id } = this.connection.run(its.insert, toSqlValue(key), ...values);
    if (changes === 0) return false;
    this.connection.run(its.insertRow, id, position, json);
    if (words !== undefined) this.connection.run(its.indexTokens!, id, words);
    return true;
  }

  /** The row's `_id`, if it had such a position. */
  private replaced(sql: string, key: string, position: Position, json: string, than: Position): number | undefined {
    return this.connection.get<[number]>(sql, position, json, toSqlValue(key), than)?.[0];
  }

  /** Writes only what differs: an UPDATE rewrites every index on a column that it names. */
  private update(
    its: TableStatements,
    id: number,
    columns: RowWrite['columns'],
    changed: readonly string[],
    tokens: RowWrite['tokens'],
  ): void {
    const values = changed.map((column) => toSqlValue(columns[column]));
    const words = its.indexTokens === undefined || tokens === undefined ? undefined : textOf(tokens);
    if (words !== undefined) values.push(words);
    if (values.length === 0) return;
    this.connection.run(its.updateColumns(words === undefined ? changed : [...changed, '_tokens']), ...values, id);
    if (words !== undefined) this.connection.run(its.indexTokens!, id, words);
  }

  async finishBuild(): Promise<void> {
    for (const _ of buildIndexes(this.connection, this.shape)) await setImmediate();
  }

  async promote(): Promise<boolean> {
    if (isRetired(this.connection)) return true;
    const { built, checkpoint } = readViewState(this.connection);
    if (!built) return false;
    // Before another file is given up for it, it must be on the disk.
    this.connection.exec('PRAGMA wal_checkpoint(PASSIVE)');
    return this.generations.retireBefore(this.connection.path, checkpoint);
  }

  async reportFailure(stopped: ProjectionFailure): Promise<void> {
    this.connection.run('UPDATE _view SET stopped = ?', JSON.stringify(stopped));
  }

  async close(): Promise<void> {
    this.connection.close();
  }

  private sqlOf(table: string): TableStatements {
    const found = this.sql.get(table);
    if (!found) throw new Error(`view ${this.shape.name} has no table ${table}`);
    return found;
  }
}

const moved = 'UPDATE _view SET checkpoint = ? WHERE checkpoint IS ? AND closed = 0 AND held <= ?';

/** The same list again is told without a look at the words. */
const sameWords = (some: RowWrite['tokens'], others: RowWrite['tokens']): boolean =>
  some === others || textOf(some) === textOf(others);

/** Each token has a space before it, so that a scan finds its beginning. */
const textOf = (tokens: readonly string[] | undefined): string =>
  toSqlValue((tokens ?? []).map((token) => ` ${token}`).join(''));
