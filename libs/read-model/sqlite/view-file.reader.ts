import type { Position } from '#domain/event-envelope';
import {
  emptyViewState,
  type Filter,
  type Group,
  type GroupQuery,
  type RowQuery,
  ViewBeingBuilt,
  type ViewState,
  ViewsUnavailable,
} from '../view-store.js';
import type { ColumnValue } from '../view.js';
import { SqliteConnection, toSqlValue } from './connection.js';
import { SqliteGenerations } from './generations.js';
import { defaultCostModel } from './query-planner.js';
import { isRetired, quoteIdentifier, readViewState, rowsTable, type SqliteViewSchema } from './schema.sql.js';
import { TableQuery } from './table-query.sql.js';

/** Plain data, so that it can be sent to another thread. */
export type ReadRequest =
  | { readonly type: 'state' }
  /** Starts a snapshot: all later requests read the view as it is now, until the reader is closed. */
  | { readonly type: 'snapshot' }
  | { readonly type: 'get'; readonly table: string; readonly keys: readonly string[] }
  | { readonly type: 'find'; readonly table: string; readonly query: RowQuery }
  | { readonly type: 'count'; readonly table: string; readonly query: Filter }
  | { readonly type: 'group'; readonly table: string; readonly query: GroupQuery };

/** Rows are JSON text. The caller parses them. */
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

/** Reads the live generation of a view in the calling thread. Each request is a read transaction; those of a snapshot share one. */
export class ViewFileReader {
  private readonly generations: SqliteGenerations;
  private connection: SqliteConnection | undefined;
  private isSnapshot = false;

  /** `basePath` is the path of the view's files up to `.g<generation>.db`. */
  constructor(
    basePath: string,
    private readonly schema: SqliteViewSchema,
    private readonly connect = (path: string) => new SqliteConnection(path, 'read'),
    private readonly costModel = defaultCostModel,
  ) {
    this.generations = new SqliteGenerations(basePath, schema);
  }

  handle<R extends ReadRequest>(request: R): ReadResponses[R['type']];
  handle(request: ReadRequest): ReadResponses[ReadRequest['type']] {
    if ('table' in request && !this.schema.tables[request.table])
      throw new Error(`view ${this.schema.name} has no table ${request.table}`);
    try {
      if (this.isSnapshot) return this.read(this.snapshotConnection(), request);
      return request.type === 'snapshot' ? this.startSnapshot() : this.readLive(request);
    } catch (error) {
      if (error instanceof ViewsUnavailable) this.close();
      throw error;
    }
  }

  close(): void {
    this.connection?.close();
    this.connection = undefined;
  }

  private readLive(request: ReadRequest): ReadResponses[ReadRequest['type']] {
    for (;;) {
      const connection = (this.connection ??= this.generations.openLive(this.connect));
      if (!connection && request.type === 'state') return emptyViewState;
      if (!connection) throw new ViewBeingBuilt(this.schema.name);
      const response = connection.transaction('DEFERRED', () =>
        isRetired(connection) ? undefined : this.read(connection, request),
      );
      if (response !== undefined) return response;
      this.close();
    }
  }

  private startSnapshot(): ViewState {
    for (;;) {
      const connection = (this.connection ??= this.generations.openLive(this.connect));
      if (!connection) throw new ViewBeingBuilt(this.schema.name);
      connection.exec('BEGIN DEFERRED');
      this.isSnapshot = true;
      const [isStale, state] = [isRetired(connection), readViewState(connection)];
      if (!isStale && !state.built) throw new ViewBeingBuilt(this.schema.name);
      if (!isStale) return state;
      this.close();
      this.isSnapshot = false;
    }
  }

  private snapshotConnection(): SqliteConnection {
    if (this.connection) return this.connection;
    throw new ViewsUnavailable(`The snapshot of view ${this.schema.name} has ended. Start a new one.`);
  }

  private read(connection: SqliteConnection, request: ReadRequest): ReadResponses[ReadRequest['type']] {
    const { name, tables } = this.schema;
    const state = readViewState(connection);
    if (request.type === 'state' || request.type === 'snapshot') return state;
    if (!state.built) throw new ViewBeingBuilt(name);
    if (request.type === 'get') return readRows(connection, request.table, request.keys);
    const query = new TableQuery(connection, request.table, tables[request.table]!, this.costModel);
    if (request.type === 'count') return query.count(request.query);
    if (request.type === 'group') return query.group(request.query);
    const { rows, hasMore } = query.find(request.query);
    const selectRow = `SELECT _row FROM ${rowsTable(request.table)} WHERE _id = ?`;
    return {
      rows: rows.map(([id, key, sortValue]) => [key, connection.get<[string]>(selectRow, id)![0], sortValue] as const),
      hasMore,
      checkpoint: state.checkpoint,
    };
  }
}

function readRows(connection: SqliteConnection, table: string, keys: readonly string[]): ReadResponses['get'] {
  const selectRow = `SELECT _row FROM ${rowsTable(table)} WHERE _id = (SELECT _id FROM ${quoteIdentifier(table)} WHERE _key = ?)`;
  return keys.flatMap((key) => {
    const row = connection.get<[string]>(selectRow, toSqlValue(key));
    return row ? [[key, row[0]] as const] : [];
  });
}
