import type { AnyBulkWriteOperation } from 'mongodb';
import type { Position } from '#domain/event-envelope';
import {
  CheckpointMoved,
  emptyViewState,
  type ProjectionFailure,
  type StoredRow,
  type ViewState,
  type ViewWriter,
  type RowWrite,
} from '../view-store.js';
import type { MongodbConnection, StoredDocument } from './connection.js';
import { isCollectionMissing, duplicateKeyIndexes } from './failures.js';
import { MongodbGenerations } from './generations.js';
import { collectionName, indexNamePrefix, type MongodbTableSchema, type MongodbViewSchema } from './schema.js';
import { requireTable } from './mongodb.row-reader.js';

/** How many rows are asked for, and written, at once: each takes no longer than a call may. */
const atOnce = { asked: 1_000, written: 8_000 };

/**
 * Rows first, each only over a lower position, and when they are durable the checkpoint: so no transaction is needed. Before all,
 * how far the rows will go: so a snapshot can tell whether they are ahead of the checkpoint.
 */
export class MongodbViewWriter implements ViewWriter {
  private readonly generations: MongodbGenerations;
  /** The generation that is written to. */
  private id = '';

  constructor(
    private readonly connection: MongodbConnection,
    private readonly shape: MongodbViewSchema,
    private readonly beside: boolean,
  ) {
    this.generations = new MongodbGenerations(connection, shape);
  }

  /** Makes what is missing. */
  async open(): Promise<void> {
    this.id = await this.generations.ensureGeneration(this.beside);
  }

  async state(): Promise<ViewState> {
    if (!this.beside) await this.open();
    return (await this.generations.state(this.id)) ?? emptyViewState;
  }

  /**
   * Only what a majority has: a row of another worker that a failing primary could still take back would have its events
   * skipped here as already folded in, and the checkpoint moved past them.
   */
  async load(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, StoredRow>> {
    const collection = collectionName(this.id, requireTable(this.shape, table));
    const found = new Map<string, StoredRow>();
    for (let at = 0; at < keys.length; at += atOnce.asked) {
      const some = keys.slice(at, at + atOnce.asked);
      const rows = await this.connection.withCollection(collection, (rows) =>
        rows.find({ _id: { $in: some } }, { projection: { _row: 1, _position: 1 }, batchSize: atOnce.asked }).toArray(),
      );
      for (const { _id, _row, _position } of rows)
        found.set(_id, { row: JSON.parse(_row as string) as object, position: _position as Position });
    }
    return found;
  }

  async save(rows: readonly RowWrite[], from: Position | null, to: Position): Promise<void> {
    const moved = new CheckpointMoved(`view ${this.shape.id} is not at ${from ?? 'its beginning'} any more`);
    if (rows.length > 0 && !(await this.generations.recordWriteIntent(this.id, from, to))) throw moved;
    for (const name of new Set(rows.map(({ table }) => table))) {
      const table = requireTable(this.shape, name);
      const its = rows.filter((row) => row.table === name);
      for (let at = 0; at < its.length; at += atOnce.written)
        await this.write(table, its.slice(at, at + atOnce.written));
    }
    if (!(await this.generations.moveCheckpoint(this.id, from, to))) throw moved;
  }

  private async write(table: MongodbTableSchema, writes: readonly RowWrite[]): Promise<void> {
    const { isSearchable: searched } = table;
    const collection = collectionName(this.id, table);
    const updates = writes.map((write) => ({
      // A row with this or a higher position does not match, and what is then inserted is refused.
      filter: { _id: write.key, _position: { $lt: write.position } },
      update: {
        $set: {
          ...write.columns,
          _position: write.position,
          ...(searched ? { _tokens: write.tokens ?? [] } : {}),
          // As text: field names may hold anything, numbers stay equal, and depth has no limit.
          _row: JSON.stringify(write.row),
        },
      },
    }));
    const apply = (operations: readonly AnyBulkWriteOperation<StoredDocument>[]) =>
      this.connection.withCollection(collection, (rows) => rows.bulkWrite(operations, { ordered: false }));
    const taken = await apply(updates.map((updateOne) => ({ updateOne: { ...updateOne, upsert: true } }))).then(
      () => [],
      duplicateKeyIndexes,
    );
    // Usually already applied. But who loses a race of two inserts is refused as well, over a lower position, and is not tried
    // again by the server: a second try finds the row.
    if (taken.length > 0) await apply(taken.map((index) => ({ updateOne: updates[index]! })));
  }

  async finishBuild(): Promise<void> {
    const { id } = this;
    for (const table of Object.values(this.shape.tables)) await this.index(collectionName(id, table), table.indexes);
    await this.generations.markBuilt(id);
  }

  async promote(): Promise<boolean> {
    const state = await this.generations.state(this.id);
    return !state || (state.built && this.generations.retireBefore(this.id, state.checkpoint));
  }

  /** Reading and writing go on meanwhile. */
  private async index(collection: string, wanted: MongodbTableSchema['indexes']): Promise<void> {
    await this.connection.withCollection(collection, async (rows) => {
      const present = await rows.indexes().catch((error: unknown) => {
        if (isCollectionMissing(error)) return [];
        throw error;
      });
      const names = new Set(wanted.map(({ name }) => name));
      for (const { name } of present)
        if (name?.startsWith(indexNamePrefix) && !names.has(name)) await rows.dropIndex(name);
      if (wanted.length > 0) await rows.createIndexes([...wanted]);
    });
  }

  async reportFailure(stopped: ProjectionFailure): Promise<void> {
    await this.generations.reportFailure(this.id, stopped);
  }

  async close(): Promise<void> {
    // Nothing is held but the store's connection.
  }
}
