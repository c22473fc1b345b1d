import {
  type Asked,
  type Found,
  nothingStored,
  type Query,
  type Rows,
  type Tallied,
  type Tally,
  ViewBeingBuilt,
  type ViewState,
} from '../view-store.js';
import type { ColumnValue } from '../view.js';
import type { Doc, Reads } from './connection.js';
import { Generations } from './generations.js';
import { columnOf, filterOf, segmentsOf } from './query.js';
import { collectionOf, type TableShape, type ViewShape } from './schema.js';

export function tableOf(shape: ViewShape, table: string): TableShape {
  const found = shape.tables[table];
  if (!found) throw new Error(`view ${shape.id} has no table ${table}`);
  return found;
}

/** The rows of the generation that serves. */
export class MongodbRows implements Rows {
  private readonly generations: Generations;

  constructor(
    private readonly connection: Reads,
    private readonly shape: ViewShape,
  ) {
    this.generations = new Generations(connection, shape);
  }

  async state(): Promise<ViewState> {
    const { checkpoint, stopped, built } = (await this.generations.serving()) ?? nothingStored;
    return { checkpoint, stopped, built };
  }

  /** How far the view is when no row is ahead of that; undefined when some may be. */
  async whole(): Promise<{ readonly checkpoint: Found<object>['checkpoint'] } | undefined> {
    const serving = await this.generations.serving();
    if (!serving?.built) throw new ViewBeingBuilt(this.shape.id);
    return serving.whole ? { checkpoint: serving.checkpoint } : undefined;
  }

  async get<Row extends object>(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, Row>> {
    const { collection } = await this.built(tableOf(this.shape, table));
    const found = await this.connection.with(collection, (rows) =>
      rows
        .find({ _id: { $in: [...keys] } }, { projection: { _row: 1 }, batchSize: 1_000, ...this.connection.bounded() })
        .toArray(),
    );
    return new Map(found.map((document) => [document._id, rowOf<Row>(document)]));
  }

  async find<Row extends object>(table: string, query: Query): Promise<Found<Row>> {
    const shape = tableOf(this.shape, table);
    const segments = segmentsOf(shape, query);
    // Before the rows: they may be ahead of it, never behind.
    const { collection, checkpoint } = await this.built(shape);
    const { column } = query.sort;
    const rows = new Map<string, Found<Row>['rows'][number]>();
    for (const { filter, sort } of segments) {
      const limit = query.limit + 1 - rows.size;
      if (limit <= 0) break;
      const options = { sort, limit, batchSize: limit, projection: { _row: 1, [column]: 1 } };
      const found = await this.connection.with(collection, (documents) =>
        documents.find(filter, { ...options, ...this.connection.bounded() }).toArray(),
      );
      for (const document of found) {
        const { _id: key } = document;
        // Whose value changed meanwhile could come twice.
        if (rows.has(key)) continue;
        rows.set(key, { key, row: rowOf<Row>(document), sortValue: (document[column] ?? null) as ColumnValue });
      }
    }
    return { rows: [...rows.values()].slice(0, query.limit), more: rows.size > query.limit, checkpoint };
  }

  async count(table: string, query: Asked): Promise<number> {
    const shape = tableOf(this.shape, table);
    const filter = filterOf(shape, query);
    const { collection } = await this.built(shape);
    if (!filter) return 0;
    return this.connection.with(collection, (rows) => rows.countDocuments(filter, this.connection.bounded()));
  }

  async tally(table: string, { where, by, sum = [] }: Tallied): Promise<readonly Tally[]> {
    const shape = tableOf(this.shape, table);
    const filter = filterOf(shape, { where });
    const named = (columns: readonly string[]): (readonly [string, string])[] =>
      columns.map((column, nth) => [`_${nth}`, `$${columnOf(shape, column)}`]);
    const sums = named(sum).map(([name, column]) => [name, { $sum: column }] as const);
    const group = { _id: Object.fromEntries(named(by)), count: { $sum: 1 }, ...Object.fromEntries(sums) };
    const { collection } = await this.built(shape);
    if (!filter) return [];
    const found = await this.connection.with(collection, (rows) =>
      rows.aggregate<Grouped>([{ $match: filter }, { $group: group }], this.connection.bounded()).toArray(),
    );
    return found.map(({ _id, count, ...told }) => ({
      values: by.map((_, nth) => (_id as Record<string, ColumnValue>)[`_${nth}`] ?? null),
      count,
      sums: sum.map((_, nth) => told[`_${nth}`] as number),
    }));
  }

  /** Where the rows are by now. */
  private async built(table: TableShape): Promise<{ collection: string; checkpoint: Found<object>['checkpoint'] }> {
    const serving = await this.generations.serving();
    if (!serving?.built) throw new ViewBeingBuilt(this.shape.id);
    return { collection: collectionOf(serving.id, table), checkpoint: serving.checkpoint };
  }
}

const rowOf = <Row extends object>({ _row }: Doc): Row => JSON.parse(_row as string) as Row;

/** Rows with the same values, besides their sums. */
interface Grouped extends Readonly<Record<string, unknown>> {
  readonly _id: Readonly<Record<string, ColumnValue>>;
  readonly count: number;
}
