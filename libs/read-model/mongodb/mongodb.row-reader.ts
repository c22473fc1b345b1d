import type { Collection } from 'mongodb';
import { pollUntil } from '#timing/poll';
import {
  emptyViewState,
  type Filter,
  type Group,
  type GroupQuery,
  type Page,
  type RowQuery,
  type RowReader,
  ViewBeingBuilt,
  type ViewState,
  ViewsUnavailable,
} from '../view-store.js';
import type { ColumnValue } from '../view.js';
import type { MongodbAccess, StoredDocument } from './connection.js';
import { type LiveGeneration, MongodbGenerations } from './generations.js';
import { checkColumn, toMongoFilter, toSegments } from './query.js';
import { collectionName, type MongodbTableSchema, type MongodbViewSchema } from './schema.js';

type Checkpoint = Page<object>['checkpoint'];

export function requireTable(schema: MongodbViewSchema, name: string): MongodbTableSchema {
  const table = schema.tables[name];
  if (!table) throw new Error(`view ${schema.id} has no table ${name}`);
  return table;
}

/**
 * Calls `work` with a session in which each read sees at least what the reads before it saw; with `atOneMoment` exactly the same
 * moment, if the server can do that.
 */
export type SessionRunner = <T>(
  work: (session: MongodbAccess) => Promise<T>,
  options?: { readonly atOneMoment?: boolean },
) => Promise<T>;

/** Until a read returns a checkpoint that is not older than an earlier read has returned. */
const staleReadRetry = { intervalMs: 20, timeoutMs: 4_000 };

/** Reads the live generation. */
export class MongodbRowReader implements RowReader {
  private newest: Progress | undefined;

  constructor(
    private readonly inSession: SessionRunner,
    private readonly schema: MongodbViewSchema,
  ) {}

  async state(): Promise<ViewState> {
    const { checkpoint, stopped, built } = await this.withLiveGeneration(async (live) => live ?? emptyViewState);
    return { checkpoint, stopped, built };
  }

  /** Undefined when rows may be ahead of the checkpoint. */
  async consistentCheckpoint(): Promise<{ readonly checkpoint: Checkpoint } | undefined> {
    const { isConsistent, checkpoint } = await this.withLiveGeneration(async (live) => this.requireBuilt(live));
    return isConsistent ? { checkpoint } : undefined;
  }

  async get<Row extends object>(tableName: string, keys: readonly string[]): Promise<ReadonlyMap<string, Row>> {
    const table = requireTable(this.schema, tableName);
    const documents = await this.inTable(table, (rows, { queryOptions }) =>
      rows
        .find({ _id: { $in: [...keys] } }, { projection: { _row: 1 }, batchSize: 1_000, ...queryOptions() })
        .toArray(),
    );
    return new Map(documents.map((document) => [document._id, parseRow<Row>(document)]));
  }

  async find<Row extends object>(tableName: string, query: RowQuery): Promise<Page<Row>> {
    const table = requireTable(this.schema, tableName);
    const segments = toSegments(table, query);
    const { column } = query.sort;
    const readSegments: TableWork<Page<Row>> = async (stored, { checkpoint, queryOptions }) => {
      const rows = new Map<string, Page<Row>['rows'][number]>();
      for (const { filter, sort } of segments) {
        const limit = query.limit + 1 - rows.size;
        if (limit <= 0) break;
        const options = { sort, limit, batchSize: limit, projection: { _row: 1, [column]: 1 } };
        const documents = await stored.find(filter, { ...options, ...queryOptions() }).toArray();
        for (const document of documents) {
          const { _id: key } = document;
          // Without a snapshot, a row whose sort value changes between two segments may be found in both, or in neither.
          if (rows.has(key)) continue;
          rows.set(key, { key, row: parseRow<Row>(document), sortValue: (document[column] ?? null) as ColumnValue });
        }
      }
      return { rows: [...rows.values()].slice(0, query.limit), hasMore: rows.size > query.limit, checkpoint };
    };
    return this.inTable(table, readSegments, { atOneMoment: segments.length > 1 });
  }

  async count(tableName: string, { where, words = [] }: Filter): Promise<number> {
    const table = requireTable(this.schema, tableName);
    // Without derived conditions: an index that contains the others would not suffice, and each row would be read.
    const filter = toMongoFilter(table, { where, words });
    return this.inTable(table, (rows, { queryOptions }) =>
      filter ? rows.countDocuments(filter, queryOptions()) : Promise.resolve(0),
    );
  }

  async group(tableName: string, { where, by, sum = [] }: GroupQuery): Promise<readonly Group[]> {
    const table = requireTable(this.schema, tableName);
    const filter = toMongoFilter(table, { where });
    // Results are named by number, so that no column collides with `_id` or `count`.
    const groupKey = Object.fromEntries(by.map((column, index) => [`_${index}`, `$${checkColumn(table, column)}`]));
    const sums = Object.fromEntries(
      sum.map((column, index) => [`_${index}`, { $sum: `$${checkColumn(table, column)}` }]),
    );
    const pipeline = [{ $match: filter }, { $group: { _id: groupKey, count: { $sum: 1 }, ...sums } }];
    const groups = await this.inTable(table, (rows, { queryOptions }) =>
      filter ? rows.aggregate<GroupDocument>(pipeline, queryOptions()).toArray() : Promise.resolve([]),
    );
    return groups.map((group) => ({
      values: by.map((_, index) => group._id[`_${index}`] ?? null),
      count: group.count,
      sums: sum.map((_, index) => group[`_${index}`] as number),
    }));
  }

  /** The checkpoint is read before the rows, so that they may be ahead of it but never behind. */
  private inTable<T>(
    table: MongodbTableSchema,
    work: TableWork<T>,
    options?: { readonly atOneMoment: boolean },
  ): Promise<T> {
    return this.withLiveGeneration((live, session) => {
      const { id, checkpoint } = this.requireBuilt(live);
      return session.withCollection(collectionName(id, table), (rows) =>
        work(rows, { checkpoint, queryOptions: () => session.queryOptions() }),
      );
    }, options);
  }

  private requireBuilt(live: LiveGeneration | undefined): LiveGeneration {
    if (!live?.built) throw new ViewBeingBuilt(this.schema.id);
    return live;
  }

  /**
   * Never goes back in time: after a caller has waited for a position, its queries must not be answered from before that position.
   * @throws ViewsUnavailable when the server keeps answering from an older moment
   */
  private async withLiveGeneration<T>(
    work: (live: LiveGeneration | undefined, session: MongodbAccess) => Promise<T>,
    options?: { readonly atOneMoment: boolean },
  ): Promise<T> {
    const known = this.newest;
    const read = (): Promise<{ readonly result: T } | undefined> =>
      this.inSession(async (session) => {
        const live = await new MongodbGenerations(session, this.schema).live();
        if (live && known && isOlder(live, known)) return undefined;
        if (live && (!this.newest || isOlder(this.newest, live))) this.newest = live;
        return { result: await work(live, session) };
      }, options);
    const done = await pollUntil(read, staleReadRetry);
    if (!done) throw new ViewsUnavailable('MongoDB returns an older state of the view than before. Retry.');
    return done.result;
  }
}

type TableWork<T> = (
  rows: Collection<StoredDocument>,
  context: { readonly checkpoint: Checkpoint; readonly queryOptions: () => ReturnType<MongodbAccess['queryOptions']> },
) => Promise<T>;

type Progress = Pick<LiveGeneration, 'id' | 'checkpoint'>;

/** A later generation has a higher number. */
const isOlder = (a: Progress, b: Progress): boolean =>
  a.id < b.id || (a.id === b.id && (a.checkpoint ?? '') < (b.checkpoint ?? ''));

const parseRow = <Row extends object>({ _row }: StoredDocument): Row => JSON.parse(_row as string) as Row;

/** A group's sums are fields of their own. */
interface GroupDocument extends Readonly<Record<string, unknown>> {
  readonly _id: Readonly<Record<string, ColumnValue>>;
  readonly count: number;
}
