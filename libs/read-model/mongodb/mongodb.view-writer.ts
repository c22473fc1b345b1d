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
import type { MongodbConnection, MongodbSession, StoredDocument } from './connection.js';
import { countDespiteDuplicates, isCollectionMissing } from './failures.js';
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
  private readonly session: MongodbSession;
  private readonly generations: MongodbGenerations;
  private generationId = '';

  constructor(
    connection: MongodbConnection,
    private readonly schema: MongodbViewSchema,
    private readonly isCandidate: boolean,
  ) {
    this.session = connection.startCausalSession();
    this.generations = new MongodbGenerations(this.session, schema);
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
   * had read that row, it would skip its events as already applied and move the checkpoint past them. The session ensures that rows
   * are not older than the checkpoint: an event may leave an outdated row unchanged, and then no write would notice.
   */
  async load(tableName: string, keys: readonly string[]): Promise<ReadonlyMap<string, StoredRow>> {
    const collection = collectionName(this.generationId, requireTable(this.schema, tableName));
    const projection = { _row: 1, _position: 1 };
    const found = new Map<string, StoredRow>();
    for (let start = 0; start < keys.length; start += loadBatchSize) {
      const batch = keys.slice(start, start + loadBatchSize);
      const documents = await this.session.withCollection(collection, (rows) =>
        rows
          .find({ _id: { $in: batch } }, { projection, batchSize: loadBatchSize, ...this.session.queryOptions() })
          .toArray(),
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
    const collection = collectionName(this.generationId, table);
    /** Returns how many of the updates found or inserted their row. */
    const apply = (updates: readonly AnyBulkWriteOperation<StoredDocument>[]): Promise<number> =>
      this.session.write(collection, (rows, limit) =>
        rows
          .bulkWrite(updates, { ordered: false, ...limit })
          .then(({ matchedCount, upsertedCount }) => matchedCount + upsertedCount, countDespiteDuplicates),
      );
    if ((await apply(writes.map((write) => toUpdate(table, write)))) === writes.length) return;
    // When two workers insert a row at the same time, the server rejects the later insert even if its position is higher, and does
    // not retry it: a second update finds the row.
    const notLookedUp = writes.filter(({ previous }) => previous === undefined);
    if (notLookedUp.length > 0) await apply(notLookedUp.map((write) => toUpdate(table, write, false)));
    // All rows must be stored now, by this or another worker. Unlike a read, an update sees the latest row, and it waits until that
    // row is durable even if it changes nothing.
    const stored = await apply(writes.map(toPositionCheck));
    if (stored < writes.length)
      throw new CheckpointMoved(`rows of ${collection} are not those that were read: another worker has written them`);
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
    const existing = await this.session.write(collection, (rows, limit) =>
      rows.indexes(limit).catch((error: unknown) => {
        if (isCollectionMissing(error)) return [];
        throw error;
      }),
    );
    const requiredNames = new Set(required.map(({ name }) => name));
    for (const { name } of existing)
      if (name?.startsWith(indexNamePrefix) && !requiredNames.has(name))
        await this.session.write(collection, (rows, limit) => rows.dropIndex(name, limit));
    // Without a time limit: it takes as long as the collection is large.
    if (required.length > 0) await this.session.withCollection(collection, (rows) => rows.createIndexes([...required]));
  }

  async reportFailure(failure: ProjectionFailure): Promise<void> {
    await this.generations.reportFailure(this.generationId, failure);
  }

  /** The connection belongs to the store. */
  async close(): Promise<void> {
    await this.session.end();
  }
}

/** Compares and sets. The upsert of a row that does not match fails with a duplicate key. */
function toUpdate(table: MongodbTableSchema, write: RowWrite, upsert = !write.previous) {
  const { key, position, previous, columns, tokens = [], row } = write;
  // Not only a lower position: a read may return an older row than is stored, after an election or from another shard.
  const unchanged = previous ? { $eq: previous.position, $lt: position } : { $exists: false };
  const expected = previous === undefined ? { $lt: position } : unchanged;
  const changes = {
    ...columns,
    _position: position,
    ...(table.isSearchable ? { _tokens: tokens } : {}),
    // As text, because BSON restricts field names and depth and changes numbers.
    _row: JSON.stringify(row),
  };
  return { updateOne: { filter: { _id: key, _position: expected }, update: { $set: changes }, upsert } };
}

/** Finds the row if it has this or a higher position, and changes nothing. */
const toPositionCheck = ({ key, position }: RowWrite) => ({
  updateOne: { filter: { _id: key, _position: { $gte: position } }, update: { $max: { _position: position } } },
});
