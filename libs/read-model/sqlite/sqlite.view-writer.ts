import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Position } from '#domain/event';
import {
  CheckpointMoved,
  holding,
  nothingStored,
  type Stopped,
  type Stored,
  type ViewState,
  type ViewWriter,
  type Write,
} from '../view-store.js';
import { type Connection, toSql } from './connection.js';
import type { Generations } from './generations.js';
import {
  buildIndexes,
  heldUntil,
  isClosed,
  quoted,
  readState,
  rowsTable,
  type TableShape,
  type ViewShape,
  wordsTable,
} from './schema.sql.js';

/** Rows and checkpoint move in one transaction. */
export class SqliteViewWriter implements ViewWriter {
  private connection: Connection;

  constructor(
    private readonly generations: Generations,
    private readonly shape: ViewShape,
    private readonly beside: boolean,
  ) {
    this.connection = this.open();
  }

  private open(): Connection {
    const connection = this.generations.openForWriting(this.beside);
    // Rows and checkpoint move in one transaction: a tail of commits that a power cut takes away is replayed from the log. So no
    // commit waits for the disk, only the moving of the write-ahead log into the file does.
    connection.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000; PRAGMA journal_size_limit = 67108864');
    connection.exec('PRAGMA wal_autocheckpoint = 4000');
    return connection;
  }

  async state(): Promise<ViewState> {
    if (!isClosed(this.connection)) return readState(this.connection);
    if (this.beside) return nothingStored;
    this.connection.close();
    this.connection = this.open();
    return readState(this.connection);
  }

  async load(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, Stored>> {
    this.tableOf(table);
    const sql = `SELECT _row, _position FROM ${rowsTable(table)} WHERE _id = (SELECT _id FROM ${quoted(table)} WHERE _key = ?)`;
    const found = new Map<string, Stored>();
    for (const key of keys) {
      const stored = this.connection.get<[string, Position]>(sql, toSql(key));
      if (stored) found.set(key, { row: JSON.parse(stored[0]) as object, position: stored[1] });
    }
    return found;
  }

  async save(rows: readonly Write[], from: Position | null, to: Position): Promise<void> {
    await this.released();
    const moved = 'UPDATE _view SET checkpoint = ? WHERE checkpoint IS ? AND closed = 0';
    this.connection.transaction('IMMEDIATE', () => {
      if (this.connection.run(moved, to, from).changes === 0)
        throw new CheckpointMoved(`view ${this.shape.name} is not at ${from ?? 'its beginning'} any more`);
      for (const write of rows) this.write(write);
    });
  }

  /** Never waits for long, whatever the clocks say. */
  private async released(): Promise<void> {
    for (const until = performance.now() + holding.forMs; performance.now() < until;) {
      if (heldUntil(this.connection) <= Date.now()) return;
      await setTimeout(5);
    }
  }

  private write({ table, key, position, row, columns, tokens, previous }: Write): void {
    const { searched } = this.tableOf(table);
    const json = JSON.stringify(row);
    const words = searched ? textOf(tokens) : undefined;
    if (!previous && this.insert(table, key, position, json, columns, words)) return;
    const id = this.idOf(table, key);
    if (id === undefined) return void this.insert(table, key, position, json, columns, words);
    if (previous && previous.position < position && this.replace(table, id, position, json, '=', previous.position)) {
      const changed = Object.keys(columns).filter((column) => columns[column] !== previous.columns[column]);
      return this.update(table, id, columns, changed, words === textOf(previous.tokens) ? undefined : words);
    }
    // Something else is stored than was thought.
    if (this.replace(table, id, position, json, '<', position))
      this.update(table, id, columns, Object.keys(columns), words);
  }

  /** Whether there was no such row yet. */
  private insert(
    table: string,
    key: string,
    position: Position,
    json: string,
    columns: Write['columns'],
    words: string | undefined,
  ): boolean {
    const all: Readonly<Record<string, unknown>> = {
      _key: key,
      ...columns,
      ...(words === undefined ? {} : { _tokens: words }),
    };
    const names = Object.keys(all);
    const { changes, lastInsertRowid: id } = this.connection.run(
      `INSERT INTO ${quoted(table)} (${names.map(quoted).join(', ')}) VALUES (${names.map(() => '?').join(', ')})
        ON CONFLICT (_key) DO NOTHING`,
      ...names.map((name) => toSql(all[name])),
    );
    if (changes === 0) return false;
    this.connection.run(`INSERT INTO ${rowsTable(table)} (_id, _position, _row) VALUES (?, ?, ?)`, id, position, json);
    if (words !== undefined) this.index(table, id, words);
    return true;
  }

  /** Whether the row stored had such a position. */
  private replace(table: string, id: number, position: Position, json: string, is: '=' | '<', than: Position): boolean {
    const sql = `UPDATE ${rowsTable(table)} SET _position = ?, _row = ? WHERE _id = ? AND _position ${is} ?`;
    return this.connection.run(sql, position, json, id, than).changes > 0;
  }

  /** Writes only what differs: an UPDATE rewrites every index on a column that it names. */
  private update(
    table: string,
    id: number,
    columns: Write['columns'],
    changed: readonly string[],
    words: string | undefined,
  ): void {
    const names = [...changed, ...(words === undefined ? [] : ['_tokens'])];
    if (names.length === 0) return;
    const values = changed.map((column) => toSql(columns[column]));
    const sql = `UPDATE ${quoted(table)} SET ${names.map((name) => `${quoted(name)} = ?`).join(', ')} WHERE _id = ?`;
    this.connection.run(sql, ...values, ...(words === undefined ? [] : [words]), id);
    if (words !== undefined) this.index(table, id, words);
  }

  private idOf(table: string, key: string): number | undefined {
    return this.connection.get<[number]>(`SELECT _id FROM ${quoted(table)} WHERE _key = ?`, toSql(key))?.[0];
  }

  private index(table: string, id: number | bigint, words: string): void {
    this.connection.run(`INSERT OR REPLACE INTO ${wordsTable(table)} (rowid, tokens) VALUES (?, ?)`, id, words);
  }

  async build(): Promise<void> {
    for (const _ of buildIndexes(this.connection, this.shape)) await setImmediate();
  }

  async takeOver(): Promise<boolean> {
    if (isClosed(this.connection)) return true;
    const { built, checkpoint } = readState(this.connection);
    if (!built) return false;
    // Before another file is given up for it, it must be on the disk.
    this.connection.exec('PRAGMA wal_checkpoint(PASSIVE)');
    return this.generations.closeBefore(this.connection.path, checkpoint);
  }

  async report(stopped: Stopped): Promise<void> {
    this.connection.run('UPDATE _view SET stopped = ?', JSON.stringify(stopped));
  }

  async close(): Promise<void> {
    this.connection.close();
  }

  private tableOf(table: string): TableShape {
    const found = this.shape.tables[table];
    if (!found) throw new Error(`view ${this.shape.name} has no table ${table}`);
    return found;
  }
}

/** Each token has a space before it, so that a scan finds its beginning. */
const textOf = (tokens: readonly string[] | undefined): string =>
  toSql((tokens ?? []).map((token) => ` ${token}`).join(''));
