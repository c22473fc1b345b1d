import type { Position } from '#domain/event';
import {
  type Asked,
  nothingStored,
  type Query,
  type Tallied,
  type Tally,
  ViewBeingBuilt,
  ViewsUnavailable,
  type ViewState,
} from '../view-store.js';
import type { ColumnValue } from '../view.js';
import { Connection, toSql } from './connection.js';
import { Generations } from './generations.js';
import { TableQuery, usualEffort } from './query.sql.js';
import { isClosed, quoted, readState, rowsTable, type ViewShape } from './schema.sql.js';

/** What may be asked of a view's file: plain data, so that it can be asked in another thread. */
export type Question =
  | { readonly what: 'state' }
  /** From here on everything is answered as of this moment, until it is closed. */
  | { readonly what: 'hold' }
  | { readonly what: 'get'; readonly table: string; readonly keys: readonly string[] }
  | { readonly what: 'find'; readonly table: string; readonly query: Query }
  | { readonly what: 'count'; readonly table: string; readonly query: Asked }
  | { readonly what: 'tally'; readonly table: string; readonly query: Tallied };

/** Rows are JSON text: whoever wants them parses them. */
export interface Answers {
  state: ViewState;
  hold: ViewState;
  get: readonly (readonly [key: string, row: string])[];
  find: {
    readonly rows: readonly (readonly [key: string, row: string, sortValue: ColumnValue])[];
    readonly more: boolean;
    readonly checkpoint: Position | null;
  };
  count: number;
  tally: readonly Tally[];
}

/** Reads the file of a view's generation that serves, in this thread. Each answer is of one moment; of a held one, all are of the same. */
export class FileReader {
  private readonly generations: Generations;
  private connection: Connection | undefined;
  private held = false;

  /** `stem`: the path of the view's files, up to their generation */
  constructor(
    stem: string,
    private readonly shape: ViewShape,
    private readonly connect = (path: string) => new Connection(path, 'read'),
    private readonly effort = usualEffort,
  ) {
    this.generations = new Generations(stem, shape);
  }

  answer<Q extends Question>(question: Q): Answers[Q['what']];
  answer(question: Question): Answers[Question['what']] {
    if ('table' in question && !this.shape.tables[question.table])
      throw new Error(`view ${this.shape.name} has no table ${question.table}`);
    try {
      if (this.held) return this.answerFrom(this.holding(), question);
      if (question.what === 'hold') return this.hold();
      for (;;) {
        const connection = (this.connection ??= this.generations.serving(this.connect));
        if (!connection && question.what === 'state') return nothingStored;
        if (!connection) throw new ViewBeingBuilt(this.shape.name);
        const answer = connection.transaction('DEFERRED', () =>
          isClosed(connection) ? undefined : this.answerFrom(connection, question),
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
      const connection = (this.connection ??= this.generations.serving(this.connect));
      if (!connection) throw new ViewBeingBuilt(this.shape.name);
      connection.exec('BEGIN DEFERRED');
      this.held = true;
      const [closed, state] = [isClosed(connection), readState(connection)];
      if (!closed && !state.built) throw new ViewBeingBuilt(this.shape.name);
      if (!closed) return state;
      this.close();
      this.held = false;
    }
  }

  private holding(): Connection {
    if (this.connection) return this.connection;
    throw new ViewsUnavailable(`The view ${this.shape.name} is not held any more.`);
  }

  private answerFrom(connection: Connection, question: Question): Answers[Question['what']] {
    const { name, tables } = this.shape;
    const state = readState(connection);
    if (question.what === 'state' || question.what === 'hold') return state;
    if (!state.built) throw new ViewBeingBuilt(name);
    if (question.what === 'get') return rows(connection, question.table, question.keys);
    const query = new TableQuery(connection, question.table, tables[question.table]!, this.effort);
    if (question.what === 'count') return query.count(question.query);
    if (question.what === 'tally') return query.tally(question.query);
    const { hits, more } = query.find(question.query);
    const sql = `SELECT _row FROM ${rowsTable(question.table)} WHERE _id = ?`;
    return {
      rows: hits.map(([id, key, value]) => [key, connection.get<[string]>(sql, id)![0], value] as const),
      more,
      checkpoint: state.checkpoint,
    };
  }
}

function rows(connection: Connection, table: string, keys: readonly string[]): Answers['get'] {
  const sql = `SELECT _row FROM ${rowsTable(table)} WHERE _id = (SELECT _id FROM ${quoted(table)} WHERE _key = ?)`;
  return keys.flatMap((key) => {
    const row = connection.get<[string]>(sql, toSql(key));
    return row ? [[key, row[0]] as const] : [];
  });
}
