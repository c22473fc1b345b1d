import { setImmediate } from 'node:timers/promises';
import type { Position } from '#domain/event';
import {
  CheckpointMoved,
  type Stopped,
  type Stored,
  type ViewState,
  type ViewWriter,
  type Write,
} from '../view-store.js';
import { type Connection, toSql } from './connection.js';
import { buildIndexes, quoted, readState, type TableShape, type ViewShape, wordsTable } from './schema.sql.js';

/** Rows and checkpoint move in one transaction. */
export class SqliteViewWriter implements ViewWriter {
  /** Per table: a row that is not there yet, and all of one that is. */
  private readonly statements: ReadonlyMap<string, { readonly insert: string; readonly replace: string }>;

  constructor(
    private readonly connection: Connection,
    private readonly shape: ViewShape,
  ) {
    this.statements = new Map(
      Object.entries(shape.tables).map(([table, { columns }]) => {
        const names = ['_position', '_row', '_tokens', ...columns].map(quoted);
        const insert = `INSERT INTO ${quoted(table)} (${names.join(', ')}, _key) VALUES (${names.map(() => '?').join(', ')}, ?)
          ON CONFLICT (_key) DO NOTHING`;
        const set = names.map((name) => `${name} = ?`).join(', ');
        return [table, { insert, replace: `UPDATE ${quoted(table)} SET ${set} WHERE _key = ? AND _position < ?` }];
      }),
    );
  }

  async state(): Promise<ViewState> {
    return readState(this.connection);
  }

  async load(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, Stored>> {
    this.tableOf(table);
    const sql = `SELECT _row, _position FROM ${quoted(table)} WHERE _key = ?`;
    const found = new Map<string, Stored>();
    for (const key of keys) {
      const stored = this.connection.get<[string, Position]>(sql, toSql(key));
      if (stored) found.set(key, { row: JSON.parse(stored[0]) as object, position: stored[1] });
    }
    return found;
  }

  async save(rows: readonly Write[], from: Position | null, to: Position): Promise<void> {
    this.connection.transaction('IMMEDIATE', () => {
      if (this.connection.run('UPDATE _view SET checkpoint = ? WHERE checkpoint IS ?', to, from).changes === 0)
        throw new CheckpointMoved(`view ${this.shape.name} is not at ${from ?? 'its beginning'} any more`);
      for (const write of rows) this.write(write);
    });
  }

  private write(write: Write): void {
    const { searched, columns } = this.tableOf(write.table);
    const json = JSON.stringify(write.row);
    const tokens = searched ? textOf(write.tokens) : null;
    if (this.rewrite(write, json, tokens)) return;
    const { insert, replace } = this.statements.get(write.table)!;
    const key = toSql(write.key);
    const values = [write.position, json, tokens, ...columns.map((column) => toSql(write.columns[column])), key];
    const { changes, lastInsertRowid } = this.connection.run(insert, ...values);
    if (changes > 0) {
      if (searched) this.index(write.table, lastInsertRowid, tokens);
    } else if (this.connection.run(replace, ...values, write.position).changes > 0 && searched)
      this.index(write.table, this.rowid(write.table, key), tokens);
  }

  /**
   * Writes only what differs from what is stored: an UPDATE rewrites every index on a column that it names. False when something
   * else is stored than was thought.
   */
  private rewrite({ table, key, position, columns, previous }: Write, json: string, tokens: string | null): boolean {
    if (!previous || previous.position >= position) return false;
    const { searched } = this.tableOf(table);
    const changed = Object.keys(columns).filter((column) => columns[column] !== previous.columns[column]);
    const names = changed.map((column) => `, ${quoted(column)} = ?`).join('');
    const values = changed.map((column) => toSql(columns[column]));
    const otherWords = searched && tokens !== textOf(previous.tokens);
    if (otherWords) values.push(tokens);
    const sql = `UPDATE ${quoted(table)} SET _position = ?, _row = ?${names}${otherWords ? ', _tokens = ?' : ''}
      WHERE _key = ? AND _position = ?`;
    if (this.connection.run(sql, position, json, ...values, toSql(key), previous.position).changes === 0) return false;
    if (otherWords) this.index(table, this.rowid(table, toSql(key)), tokens);
    return true;
  }

  private rowid(table: string, key: string): number {
    return this.connection.get<[number]>(`SELECT rowid FROM ${quoted(table)} WHERE _key = ?`, key)![0];
  }

  private index(table: string, rowid: number | bigint, tokens: string | null): void {
    this.connection.run(`INSERT OR REPLACE INTO ${wordsTable(table)} (rowid, tokens) VALUES (?, ?)`, rowid, tokens);
  }

  async build(): Promise<void> {
    for (const _ of buildIndexes(this.connection, this.shape)) await setImmediate();
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
