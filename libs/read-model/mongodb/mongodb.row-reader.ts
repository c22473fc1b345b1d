import {
  type Filter,
  type Page,
  emptyViewState,
  type RowQuery,
  type RowReader,
  type GroupQuery,
  type Group,
  ViewBeingBuilt,
  type ViewState,
} from '../view-store.js';
import type { ColumnValue } from '../view.js';
import type { StoredDocument, MongodbAccess } from './connection.js';
import { MongodbGenerations } from './generations.js';
import { checkColumn, toMongoFilter, toSegments } from './query.js';
import { collectionName, type MongodbTableSchema, type MongodbViewSchema } from './schema.js';

export function requireTable(shape: MongodbViewSchema, table: string): MongodbTableSchema {
  const found = shape.tables[table];
  if (!found) throw new Error(`view ${shape.id} has no table ${table}`);
  return found;
}

/** The rows of the generation that serves. */
export class MongodbRowReader implements RowReader {
  private readonly generations: MongodbGenerations;

  constructor(
    private readonly connection: MongodbAccess,
    private readonly shape: MongodbViewSchema,
  ) {
    this.generations = new MongodbGenerations(connection, shape);
  }

  async state(): Promise<ViewState> {
    const { checkpoint, stopped, built } = (await this.generations.live()) ?? emptyViewState;
    return { checkpoint, stopped, built };
  }

  /** How far the view is when no row is ahead of that; undefined when some may be. */
  async consistentCheckpoint(): Promise<{ readonly checkpoint: Page<object>['checkpoint'] } | undefined> {
    const serving = await this.generations.live();
    if (!serving?.built) throw new ViewBeingBuilt(this.shape.id);
    return serving.whole ? { checkpoint: serving.checkpoint } : undefined;
  }

  async get<Row extends object>(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, Row>> {
    const { collection } = await this.built(requireTable(this.shape, table));
    const found = await this.connection.withCollection(collection, (rows) =>
      rows
        .find(
          { _id: { $in: [...keys] } },
          { projection: { _row: 1 }, batchSize: 1_000, ...this.connection.queryOptions() },
        )
        .toArray(),
    );
    return new Map(found.map((document) => [document._id, rowOf<Row>(document)]));
  }

  async find<Row extends object>(table: string, query: RowQuery): Promise<Page<Row>> {
    const shape = requireTable(this.shape, table);
    const segments = toSegments(shape, query);
    // Before the rows: they may be ahead of it, never behind.
    const { collection, checkpoint } = await this.built(shape);
    const { column } = query.sort;
    const rows = new Map<string, Page<Row>['rows'][number]>();
    for (const { filter, sort } of segments) {
      const limit = query.limit + 1 - rows.size;
      if (limit <= 0) break;
      const options = { sort, limit, batchSize: limit, projection: { _row: 1, [column]: 1 } };
      const found = await this.connection.withCollection(collection, (documents) =>
        documents.find(filter, { ...options, ...this.connection.queryOptions() }).toArray(),
      );
      for (const document of found) {
        const { _id: key } = document;
        // Whose value changed meanwhile could come twice.
        if (rows.has(key)) continue;
        rows.set(key, { key, row: rowOf<Row>(document), sortValue: (document[column] ?? null) as ColumnValue });
      }
    }
    return { rows: [...rows.values()].slice(0, query.limit), hasMore: rows.size > query.limit, checkpoint };
  }

  async count(table: string, query: Filter): Promise<number> {
    const shape = requireTable(this.shape, table);
    const filter = toMongoFilter(shape, query);
    const { collection } = await this.built(shape);
    if (!filter) return 0;
    return this.connection.withCollection(collection, (rows) =>
      rows.countDocuments(filter, this.connection.queryOptions()),
    );
  }

  async group(table: string, { where, by, sum = [] }: GroupQuery): Promise<readonly Group[]> {
    const shape = requireTable(this.shape, table);
    const filter = toMongoFilter(shape, { where });
    const named = (columns: readonly string[]): (readonly [string, string])[] =>
      columns.map((column, nth) => [`_${nth}`, `$${checkColumn(shape, column)}`]);
    const sums = named(sum).map(([name, column]) => [name, { $sum: column }] as const);
    const group = { _id: Object.fromEntries(named(by)), count: { $sum: 1 }, ...Object.fromEntries(sums) };
    const { collection } = await this.built(shape);
    if (!filter) return [];
    const found = await this.connection.withCollection(collection, (rows) =>
      rows.aggregate<Grouped>([{ $match: filter }, { $group: group }], this.connection.queryOptions()).toArray(),
    );
    return found.map(({ _id, count, ...told }) => ({
      values: by.map((_, nth) => (_id as Record<string, ColumnValue>)[`_${nth}`] ?? null),
      count,
      sums: sum.map((_, nth) => told[`_${nth}`] as number),
    }));
  }

  /** Where the rows are by now. */
  private async built(
    table: MongodbTableSchema,
  ): Promise<{ collection: string; checkpoint: Page<object>['checkpoint'] }> {
    const serving = await this.generations.live();
    if (!serving?.built) throw new ViewBeingBuilt(this.shape.id);
    return { collection: collectionName(serving.id, table), checkpoint: serving.checkpoint };
  }
}

const rowOf = <Row extends object>({ _row }: StoredDocument): Row => JSON.parse(_row as string) as Row;

/** Rows with the same values, besides their sums. */
interface Grouped extends Readonly<Record<string, unknown>> {
  readonly _id: Readonly<Record<string, ColumnValue>>;
  readonly count: number;
}
