import type { AnyBulkWriteOperation } from 'mongodb';
import type { Position } from '#domain/event-envelope';
import {
  CheckpointMoved,
  emptyViewState,
  type ProjectionFailure,
  type RowWrite,
  type StoredRow,
  type ViewState,
  type ViewWriter,
} from '../view-store.js';
import type { MongodbConnection, StoredDocument } from './connection.js';
import { duplicateKeyIndexes, isCollectionMissing } from './failures.js';
import { MongodbGenerations } from './generations.js';
import { requireTable } from './mongodb.row-reader.js';
import { collectionName, indexNamePrefix, type MongodbTableSchema, type MongodbViewSchema } from './schema.js';

/** Rows per call, so that no call takes longer than it may. */
const loadBatchSize = 1_000;
const writeBatchSize = 8_000;

/**
 * Writes rows first, each only over a lower position, and moves the checkpoint when they are durable. So it needs no transaction.
 * Before the rows it records how far they will go, so that a snapshot can tell whether rows are ahead of the checkpoint.
 */
export class MongodbViewWriter implements ViewWriter {
  private readonly generations: MongodbGenerations;
  private generationId = '';

  constructor(
    private readonly connection: MongodbConnection,
    private readonly schema: MongodbViewSchema,
    private readonly isCandidate: boolean,
  ) {
    this.generations = new MongodbGenerations(connection, schema);
  }

  async open(): Promise<void> {
    this.generationId = await this.generations.ensureGeneration(this.isCandidate);
  }

  async state(): Promise<ViewState> {
    if (!this.isCandidate) await this.open();
    return (await this.generations.state(this.generationId)) ?? emptyViewState;
  }

  /**
   * Reads only what a majority of the servers has. A failing primary may roll back a row that another worker wrote. If this worker
   * had read that row, it would skip its events as already applied and move the checkpoint past them.
   */
  async load(tableName: string, keys: readonly string[]): Promise<ReadonlyMap<string, StoredRow>> {
    const collection = collectionName(this.generationId, requireTable(this.schema, tableName));
    const options = { projection: { _row: 1, _position: 1 }, batchSize: loadBatchSize };
    const found = new Map<string, StoredRow>();
    for (let start = 0; start < keys.length; start += loadBatchSize) {
      const batch = keys.slice(start, start + loadBatchSize);
      const documents = await this.connection.withCollection(collection, (rows) =>
        rows.find({ _id: { $in: batch } }, options).toArray(),
      );
      for (const { _id, _row, _position } of documents)
        found.set(_id, { row: JSON.parse(_row as string) as object, position: _position as Position });
    }
    return found;
  }

  async save(rows: readonly RowWrite[], from: Position | null, to: Position): Promise<void> {
    if (rows.length > 0 && !(await this.generations.recordWriteIntent(this.generationId, from, to)))
      throw this.checkpointMoved(from);
    for (const name of new Set(rows.map(({ table }) => table))) {
      const table = requireTable(this.schema, name);
      const tableRows = rows.filter((row) => row.table === name);
      for (let start = 0; start < tableRows.length; start += writeBatchSize)
        await this.write(table, tableRows.slice(start, start + writeBatchSize));
    }
    if (!(await this.generations.moveCheckpoint(this.generationId, from, to))) throw this.checkpointMoved(from);
  }

  private checkpointMoved(from: Position | null): CheckpointMoved {
    return new CheckpointMoved(`view ${this.schema.id} is no longer at ${from ?? 'its beginning'}`);
  }

  private async write(table: MongodbTableSchema, writes: readonly RowWrite[]): Promise<void> {
    const { isSearchable } = table;
    const collection = collectionName(this.generationId, table);
    const updates = writes.map((write) => ({
      // A stored row with this or a higher position does not match. The upsert then fails with a duplicate key.
      filter: { _id: write.key, _position: { $lt: write.position } },
      update: {
        $set: {
          ...write.columns,
          _position: write.position,
          ...(isSearchable ? { _tokens: write.tokens ?? [] } : {}),
          // As text, because BSON restricts field names and depth and changes numbers.
          _row: JSON.stringify(write.row),
        },
      },
    }));
    const apply = (operations: readonly AnyBulkWriteOperation<StoredDocument>[]) =>
      this.connection.withCollection(collection, (rows) => rows.bulkWrite(operations, { ordered: false }));
    const upserts = updates.map((updateOne) => ({ updateOne: { ...updateOne, upsert: true } }));
    const duplicates = await apply(upserts).then(() => [], duplicateKeyIndexes);
    // Usually these rows have been applied before. But when two workers insert a row at the same time, the server rejects the
    // later insert even if its position is higher, and does not retry it: a second update finds the row.
    if (duplicates.length > 0) await apply(duplicates.map((index) => ({ updateOne: updates[index]! })));
  }

  async finishBuild(): Promise<void> {
    const { generationId } = this;
    for (const table of Object.values(this.schema.tables))
      await this.buildIndexes(collectionName(generationId, table), table.indexes);
    await this.generations.markBuilt(generationId);
  }

  async promote(): Promise<boolean> {
    const state = await this.generations.state(this.generationId);
    return !state || (state.built && this.generations.retireBefore(this.generationId, state.checkpoint));
  }

  /** Does not block reads and writes. */
  private async buildIndexes(collection: string, required: MongodbTableSchema['indexes']): Promise<void> {
    await this.connection.withCollection(collection, async (rows) => {
      const existing = await rows.indexes().catch((error: unknown) => {
        if (isCollectionMissing(error)) return [];
        throw error;
      });
      const requiredNames = new Set(required.map(({ name }) => name));
      for (const { name } of existing)
        if (name?.startsWith(indexNamePrefix) && !requiredNames.has(name)) await rows.dropIndex(name);
      if (required.length > 0) await rows.createIndexes([...required]);
    });
  }

  async reportFailure(failure: ProjectionFailure): Promise<void> {
    await this.generations.reportFailure(this.generationId, failure);
  }

  async close(): Promise<void> {
    // The connection belongs to the store.
  }
}
