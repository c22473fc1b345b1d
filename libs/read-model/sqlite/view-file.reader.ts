import type { Position } from '#domain/event-envelope';
import {
  type Filter,
  emptyViewState,
  type RowQuery,
  type GroupQuery,
  type Group,
  ViewBeingBuilt,
  ViewsUnavailable,
  type ViewState,
} from '../view-store.js';
import type { ColumnValue } from '../view.js';
import { SqliteConnection, toSqlValue } from './connection.js';
import { SqliteGenerations } from './generations.js';
import { QueryPlanner, defaultCostModel } from './query-planner.sql.js';
import { isRetired, quoteIdentifier, readViewState, rowsTable, type SqliteViewSchema } from './schema.sql.js';

/** What may be asked of a view's file: plain data, so that it can be asked in another thread. */
export type ReadRequest =
  | { readonly what: 'state' }
  /** From here on everything is answered as of this moment, until it is closed. */
  | { readonly what: 'snapshot' }
  | { readonly what: 'get'; readonly table: string; readonly keys: readonly string[] }
  | { readonly what: 'find'; readonly table: string; readonly query: RowQuery }
  | { readonly what: 'count'; readonly table: string; readonly query: Filter }
  | { readonly what: 'group'; readonly table: string; readonly query: GroupQuery };

/** Rows are JSON text: whoever wants them parses them. */
export interface ReadResponses {
  state: ViewState;
  snapshot: ViewState;
  get: readonly (readonly [key: string, row: string])[];
  find: {
    readonly rows: readonly (readonly [key: string, row: string, sortValue: ColumnValue])[];
    readonly hasMore: boolean;
    readonly checkpoint: Position | null;
  };
  count: number;
  group: readonly Group[];
}

/** Reads the file of a view's generation that serves, in this thread. Each answer is of one moment; of a held one, all are of the same. */
export class ViewFileReader {
  private readonly generations: SqliteGenerations;
  private connection: SqliteConnection | undefined;
  private held = false;

  /** `stem`: the path of the view's files, up to their generation */
  constructor(
    stem: string,
    private readonly shape: SqliteViewSchema,
    private readonly connect = (path: string) => new SqliteConnection(path, 'read'),
    private readonly effort = defaultCostModel,
  ) {
    this.generations = new SqliteGenerations(stem, shape);
  }

  handle<Q extends ReadRequest>(question: Q): ReadResponses[Q['what']];
  handle(question: ReadRequest): ReadResponses[ReadRequest['what']] {
    if ('table' in question && !this.shape.tables[question.table])
      throw new Error(`view ${this.shape.name} has no table ${question.table}`);
    try {
      if (this.held) return this.answerFrom(this.holding(), question);
      if (question.what === 'snapshot') return this.hold();
      for (;;) {
        const connection = (this.connection ??= this.generations.openLive(this.connect));
        if (!connection && question.what === 'state') return emptyViewState;
        if (!connection) throw new ViewBeingBuilt(this.shape.name);
        const answer = connection.transaction('DEFERRED', () =>
          isRetired(connection) ? undefined : this.answerFrom(connection, question),
        );
        if (answer !== undefined) return answer;
        this.close();
      }
    } catch (error) {
      if (error instanceof ViewsUnavailable) this.close();
      throw error;
    }
  }

  close(): void {
    this.connection?.close();
    this.connection = undefined;
  }

  private hold(): ViewState {
    for (;;) {
      const connection = (this.connection ??= this.generations.openLive(this.connect));
      if (!connection) throw new ViewBeingBuilt(this.shape.name);
      connection.exec('BEGIN DEFERRED');
      this.held = true;
      const [closed, state] = [isRetired(connection), readViewState(connection)];
      if (!closed && !state.built) throw new ViewBeingBuilt(this.shape.name);
      if (!closed) return state;
      this.close();
      this.held = false;
    }
  }

  private holding(): SqliteConnection {
    if (this.connection) return this.connection;
    throw new ViewsUnavailable(`The view ${this.shape.name} is not held any more.`);
  }

  private answerFrom(connection: SqliteConnection, question: ReadRequest): ReadResponses[ReadRequest['what']] {
    const { name, tables } = this.shape;
    const state = readViewState(connection);
    if (question.what === 'state' || question.what === 'snapshot') return state;
    if (!state.built) throw new ViewBeingBuilt(name);
    if (question.what === 'get') return rows(connection, question.table, question.keys);
    const query = new QueryPlanner(connection, question.table, tables[question.table]!, this.effort);
    if (question.what === 'count') return query.count(question.query);
    if (question.what === 'group') return query.group(question.query);
    const { hits, hasMore: more } = query.find(question.query);
    const sql = `SELECT _row FROM ${rowsTable(question.table)} WHERE _id = ?`;
    return {
      rows: hits.map(([id, key, value]) => [key, connection.get<[string]>(sql, id)![0], value] as const),
      hasMore: more,
      checkpoint: state.checkpoint,
    };
  }
}

function rows(connection: SqliteConnection, table: string, keys: readonly string[]): ReadResponses['get'] {
  const sql = `SELECT _row FROM ${rowsTable(table)} WHERE _id = (SELECT _id FROM ${quoteIdentifier(table)} WHERE _key = ?)`;
  return keys.flatMap((key) => {
    const row = connection.get<[string]>(sql, toSqlValue(key));
    return row ? [[key, row[0]] as const] : [];
  });
}
