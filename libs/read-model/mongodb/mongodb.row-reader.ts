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
} from '../view-store.js';
import type { ColumnValue } from '../view.js';
import type { MongodbAccess, StoredDocument } from './connection.js';
import { MongodbGenerations } from './generations.js';
import { checkColumn, toMongoFilter, toSegments } from './query.js';
import { collectionName, type MongodbTableSchema, type MongodbViewSchema } from './schema.js';

type Checkpoint = Page<object>['checkpoint'];

export function requireTable(schema: MongodbViewSchema, name: string): MongodbTableSchema {
  const table = schema.tables[name];
  if (!table) throw new Error(`view ${schema.id} has no table ${name}`);
  return table;
}

/** Reads the live generation. */
export class MongodbRowReader implements RowReader {
  private readonly generations: MongodbGenerations;

  constructor(
    private readonly connection: MongodbAccess,
    private readonly schema: MongodbViewSchema,
  ) {
    this.generations = new MongodbGenerations(connection, schema);
  }

  async state(): Promise<ViewState> {
    const { checkpoint, stopped, built } = (await this.generations.live()) ?? emptyViewState;
    return { checkpoint, stopped, built };
  }

  /** Undefined when rows may be ahead of the checkpoint. */
  async consistentCheckpoint(): Promise<{ readonly checkpoint: Checkpoint } | undefined> {
    const { isConsistent, checkpoint } = await this.builtGeneration();
    return isConsistent ? { checkpoint } : undefined;
  }

  async get<Row extends object>(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, Row>> {
    const { collection } = await this.locate(requireTable(this.schema, table));
    const options = { projection: { _row: 1 }, batchSize: 1_000, ...this.connection.queryOptions() };
    const documents = await this.connection.withCollection(collection, (rows) =>
      rows.find({ _id: { $in: [...keys] } }, options).toArray(),
    );
    return new Map(documents.map((document) => [document._id, parseRow<Row>(document)]));
  }

  async find<Row extends object>(tableName: string, query: RowQuery): Promise<Page<Row>> {
    const table = requireTable(this.schema, tableName);
    const segments = toSegments(table, query);
    // Reads the checkpoint before the rows, so that they may be ahead of it but never behind.
    const { collection, checkpoint } = await this.locate(table);
    const { column } = query.sort;
    const rows = new Map<string, Page<Row>['rows'][number]>();
    for (const { filter, sort } of segments) {
      const limit = query.limit + 1 - rows.size;
      if (limit <= 0) break;
      const options = { sort, limit, batchSize: limit, projection: { _row: 1, [column]: 1 } };
      const documents = await this.connection.withCollection(collection, (stored) =>
        stored.find(filter, { ...options, ...this.connection.queryOptions() }).toArray(),
      );
      for (const document of documents) {
        const { _id: key } = document;
        // A row whose sort value changes between two segments may be found in both.
        if (rows.has(key)) continue;
        rows.set(key, { key, row: parseRow<Row>(document), sortValue: (document[column] ?? null) as ColumnValue });
      }
    }
    return { rows: [...rows.values()].slice(0, query.limit), hasMore: rows.size > query.limit, checkpoint };
  }

  async count(tableName: string, query: Filter): Promise<number> {
    const table = requireTable(this.schema, tableName);
    const filter = toMongoFilter(table, query);
    const { collection } = await this.locate(table);
    if (!filter) return 0;
    return this.connection.withCollection(collection, (rows) =>
      rows.countDocuments(filter, this.connection.queryOptions()),
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
    const { collection } = await this.locate(table);
    if (!filter) return [];
    const pipeline = [{ $match: filter }, { $group: { _id: groupKey, count: { $sum: 1 }, ...sums } }];
    const groups = await this.connection.withCollection(collection, (rows) =>
      rows.aggregate<GroupDocument>(pipeline, this.connection.queryOptions()).toArray(),
    );
    return groups.map((group) => ({
      values: by.map((_, index) => group._id[`_${index}`] ?? null),
      count: group.count,
      sums: sum.map((_, index) => group[`_${index}`] as number),
    }));
  }

  private async locate(table: MongodbTableSchema): Promise<{ collection: string; checkpoint: Checkpoint }> {
    const { id, checkpoint } = await this.builtGeneration();
    return { collection: collectionName(id, table), checkpoint };
  }

  private async builtGeneration() {
    const live = await this.generations.live();
    if (!live?.built) throw new ViewBeingBuilt(this.schema.id);
    return live;
  }
}

const parseRow = <Row extends object>({ _row }: StoredDocument): Row => JSON.parse(_row as string) as Row;

/** A group's sums are fields of their own. */
interface GroupDocument extends Readonly<Record<string, unknown>> {
  readonly _id: Readonly<Record<string, ColumnValue>>;
  readonly count: number;
}
