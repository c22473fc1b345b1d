import { existsSync } from 'node:fs';
import type { Position } from '#domain/event';
import { type Asked, type Query, ViewsUnavailable, type ViewState } from '../view-store.js';
import type { ColumnValue } from '../view.js';
import { Connection, toSql } from './connection.js';
import { TableQuery, usualEffort } from './query.sql.js';
import { checkShape, isMade, quoted, readState, rowsTable, type ViewShape } from './schema.sql.js';

/** What may be asked of a view's file: plain data, so that it can be asked in another thread. */
export type Question =
  | { readonly what: 'state' }
  | { readonly what: 'get'; readonly table: string; readonly keys: readonly string[] }
  | { readonly what: 'find'; readonly table: string; readonly query: Query }
  | { readonly what: 'count'; readonly table: string; readonly query: Asked };

/** Rows are JSON text: whoever wants them parses them. */
export interface Answers {
  state: ViewState;
  get: readonly (readonly [key: string, row: string])[];
  find: {
    readonly rows: readonly (readonly [key: string, row: string, sortValue: ColumnValue])[];
    readonly more: boolean;
    readonly checkpoint: Position | null;
  };
  count: number;
}

const nothing: Answers = {
  state: { checkpoint: null, stopped: null, built: false },
  get: [],
  find: { rows: [], more: false, checkpoint: null },
  count: 0,
};

/** Reads one view's file, in this thread. Each answer is of one moment. The file may come later: until then, it is empty. */
export class FileReader {
  private connection: Connection | undefined;

  constructor(
    private readonly path: string,
    private readonly shape: ViewShape,
    private readonly connect = (path: string) => new Connection(path, true),
    private readonly effort = usualEffort,
  ) {}

  answer<Q extends Question>(question: Q): Answers[Q['what']];
  answer(question: Question): Answers[Question['what']] {
    const table = question.what === 'state' ? undefined : this.shape.tables[question.table];
    if (question.what !== 'state' && !table) throw new Error(`view ${this.shape.name} has no table ${question.table}`);
    try {
      const connection = (this.connection ??= this.open());
      if (!connection) return nothing[question.what];
      return connection.transaction('DEFERRED', () => {
        const state = readState(connection);
        if (question.what === 'state') return state;
        if (question.what === 'get') return rows(connection, question.table, question.keys);
        const query = new TableQuery(connection, question.table, table!, state.built, this.effort);
        if (question.what === 'count') return query.count(question.query);
        const { hits, more } = query.find(question.query);
        const sql = `SELECT _row FROM ${rowsTable(question.table)} WHERE _id = ?`;
        return {
          rows: hits.map(([id, key, value]) => [key, connection.get<[string]>(sql, id)![0], value] as const),
          more,
          checkpoint: state.checkpoint,
        };
      });
    } catch (error) {
      if (error instanceof ViewsUnavailable) this.close();
      throw error;
    }
  }

  close(): void {
    this.connection?.close();
    this.connection = undefined;
  }

  private open(): Connection | undefined {
    if (!existsSync(this.path)) return undefined;
    const connection = this.connect(this.path);
    try {
      if (isMade(connection)) {
        checkShape(connection, this.shape);
        return connection;
      }
    } catch (error) {
      connection.close();
      throw error;
    }
    connection.close();
    return undefined;
  }
}

function rows(connection: Connection, table: string, keys: readonly string[]): Answers['get'] {
  const sql = `SELECT _row FROM ${rowsTable(table)} WHERE _id = (SELECT _id FROM ${quoted(table)} WHERE _key = ?)`;
  return keys.flatMap((key) => {
    const row = connection.get<[string]>(sql, toSql(key));
    return row ? [[key, row[0]] as const] : [];
  });
}
