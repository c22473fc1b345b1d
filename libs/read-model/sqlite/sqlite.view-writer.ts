import { setImmediate } from 'node:timers/promises';
import type { Position } from '#domain/event-envelope';
import { pollUntil } from '#timing/poll';
import {
  CheckpointMoved,
  emptyViewState,
  type ProjectionFailure,
  type RowWrite,
  type StoredRow,
  type ViewState,
  type ViewWriter,
  writePause,
} from '../view-store.js';
import { type SqliteConnection, toSqlValue } from './connection.js';
import type { SqliteGenerations } from './generations.js';
import { buildIndexes, isRetired, readViewState, type SqliteViewSchema, writePausedUntil } from './schema.sql.js';
import { buildTableStatements, type TableStatements } from './table-statements.sql.js';

const pauseCheckIntervalMs = 5;

/** Rows and checkpoint are written in one transaction. */
export class SqliteViewWriter implements ViewWriter {
  private connection: SqliteConnection;
  private readonly statements: ReadonlyMap<string, TableStatements>;

  constructor(
    private readonly generations: SqliteGenerations,
    private readonly schema: SqliteViewSchema,
    private readonly isCandidate: boolean,
  ) {
    this.connection = this.open();
    this.statements = new Map(
      Object.entries(schema.tables).map(([name, table]) => [name, buildTableStatements(name, table)]),
    );
  }

  private open(): SqliteConnection {
    const connection = this.generations.openForWriting(this.isCandidate);
    // Commits lost in a power failure are replayed from the log, because rows and checkpoint are lost together. So no commit waits
    // for the disk; only moving the write-ahead log into the file does.
    connection.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000; PRAGMA journal_size_limit = 67108864');
    connection.exec('PRAGMA wal_autocheckpoint = 4000');
    return connection;
  }

  async state(): Promise<ViewState> {
    if (!isRetired(this.connection)) return readViewState(this.connection);
    if (this.isCandidate) return emptyViewState;
    this.connection.close();
    this.connection = this.open();
    return readViewState(this.connection);
  }

  async load(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, StoredRow>> {
    const { selectRow } = this.statementsOf(table);
    const found = new Map<string, StoredRow>();
    for (const key of keys) {
      const stored = this.connection.get<[string, Position]>(selectRow, toSqlValue(key));
      if (stored) found.set(key, { row: JSON.parse(stored[0]) as object, position: stored[1] });
    }
    return found;
  }

  /** A write pause is ignored after its full length, so that a wrong clock cannot block writing. */
  async save(rows: readonly RowWrite[], from: Position | null, to: Position): Promise<void> {
    const deadline = performance.now() + writePause.durationMs;
    const save = (): boolean => this.trySave(rows, from, to, performance.now() < deadline);
    await pollUntil(save, { intervalMs: pauseCheckIntervalMs });
  }

  /** Returns false while writers are paused. */
  private trySave(rows: readonly RowWrite[], from: Position | null, to: Position, respectsPause: boolean): boolean {
    return this.connection.transaction('IMMEDIATE', () => {
      const now = respectsPause ? Date.now() : Number.MAX_SAFE_INTEGER;
      if (this.connection.run(moveCheckpoint, to, from, now).changes === 0) {
        if (writePausedUntil(this.connection) > now) return false;
        throw new CheckpointMoved(`view ${this.schema.name} is no longer at ${from ?? 'its beginning'}`);
      }
      for (const write of rows) this.write(write);
      return true;
    });
  }

  private write({ table, key, position, row, columns, tokens, previous }: RowWrite): void {
    const statements = this.statementsOf(table);
    const json = JSON.stringify(row);
    if (!previous && this.insert(statements, key, position, json, columns, tokens)) return;
    if (previous && previous.position < position) {
      const id = this.replace(statements.replaceRow, key, position, json, previous.position);
      if (id !== undefined) {
        const changed = statements.columns.filter((column) => columns[column] !== previous.columns[column]);
        const changedTokens = haveSameText(tokens, previous.tokens) ? undefined : tokens;
        this.update(statements, id, columns, changed, changedTokens);
        return;
      }
    }
    if (previous === undefined) {
      const id = this.replace(statements.replaceOlderRow, key, position, json, position);
      if (id !== undefined) this.update(statements, id, columns, statements.columns, tokens);
      return;
    }
    const stored = this.connection.get<[string, Position]>(statements.selectRow, toSqlValue(key));
    if (!stored || stored[1] < position)
      throw new CheckpointMoved(`row ${key} of view ${this.schema.name} is not the one that was read`);
  }

  /** Returns false if the row exists. */
  private insert(
    statements: TableStatements,
    key: string,
    position: Position,
    json: string,
    columns: RowWrite['columns'],
    tokens: RowWrite['tokens'],
  ): boolean {
    const values = statements.columns.map((column) => toSqlValue(columns[column]));
    const tokenText = statements.indexTokens === undefined ? undefined : joinTokens(tokens);
    if (tokenText !== undefined) values.push(tokenText);
    const { changes, lastInsertRowid: id } = this.connection.run(statements.insert, toSqlValue(key), ...values);
    if (changes === 0) return false;
    this.connection.run(statements.insertRow, id, position, json);
    if (tokenText !== undefined) this.connection.run(statements.indexTokens!, id, tokenText);
    return true;
  }

  /** Returns the row's `_id`; undefined if the stored position does not satisfy the statement. */
  private replace(
    sql: string,
    key: string,
    position: Position,
    json: string,
    comparedPosition: Position,
  ): number | undefined {
    return this.connection.get<[number]>(sql, position, json, toSqlValue(key), comparedPosition)?.[0];
  }

  /** Names only changed columns: an UPDATE rewrites every index on a column that it names. */
  private update(
    statements: TableStatements,
    id: number,
    columns: RowWrite['columns'],
    changed: readonly string[],
    tokens: RowWrite['tokens'],
  ): void {
    const values = changed.map((column) => toSqlValue(columns[column]));
    const tokenText = statements.indexTokens === undefined || tokens === undefined ? undefined : joinTokens(tokens);
    if (tokenText !== undefined) values.push(tokenText);
    if (values.length === 0) return;
    const names = tokenText === undefined ? changed : [...changed, '_tokens'];
    this.connection.run(statements.updateColumns(names), ...values, id);
    if (tokenText !== undefined) this.connection.run(statements.indexTokens!, id, tokenText);
  }

  async finishBuild(): Promise<void> {
    for (const _ of buildIndexes(this.connection, this.schema)) await setImmediate();
  }

  async promote(): Promise<boolean> {
    if (isRetired(this.connection)) return true;
    const { built, checkpoint } = readViewState(this.connection);
    if (!built) return false;
    // The candidate must be on disk before the live file is retired.
    this.connection.exec('PRAGMA wal_checkpoint(PASSIVE)');
    return this.generations.retireBefore(this.connection.path, checkpoint);
  }

  async reportFailure(failure: ProjectionFailure): Promise<void> {
    this.connection.run('UPDATE _view SET stopped = ?', JSON.stringify(failure));
  }

  async close(): Promise<void> {
    this.connection.close();
  }

  private statementsOf(table: string): TableStatements {
    const statements = this.statements.get(table);
    if (!statements) throw new Error(`view ${this.schema.name} has no table ${table}`);
    return statements;
  }
}

const moveCheckpoint = 'UPDATE _view SET checkpoint = ? WHERE checkpoint IS ? AND closed = 0 AND held <= ?';

/** Compares identity first: tables often return the same list again. */
const haveSameText = (tokens: RowWrite['tokens'], previous: RowWrite['tokens']): boolean =>
  tokens === previous || joinTokens(tokens) === joinTokens(previous);

/** The space before each token marks where it begins. */
const joinTokens = (tokens: readonly string[] | undefined): string =>
  toSqlValue((tokens ?? []).map((token) => ` ${token}`).join(''));
