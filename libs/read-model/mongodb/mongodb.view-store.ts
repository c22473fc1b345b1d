import { pollUntil } from '#timing/poll';
import type { Lease } from '../lease.js';
import {
  maxSnapshots,
  SnapshotRefused,
  tooManySnapshots,
  type ViewReader,
  type ViewSnapshot,
  type ViewState,
  ViewStore,
  type ViewWriter,
} from '../view-store.js';
import type { View } from '../view.js';
import { MongodbConnection, type MongodbTimeouts } from './connection.js';
import { listStoredVersions, MongodbGenerations } from './generations.js';
import { MongodbLease } from './mongodb.lease.js';
import { MongodbRowReader } from './mongodb.row-reader.js';
import { MongodbViewWriter } from './mongodb.view-writer.js';
import { mongodbSchemaOf, type MongodbViewSchema } from './schema.js';

/** A snapshot is taken again and again for so long until it falls between two batches. */
const snapshotRetry = { intervalMs: 10, timeoutMs: 5_000 };

/**
 * Views in MongoDB: for each generation, a collection `<view>.v<version>.g<generation>.<table>` per table and a document with its
 * checkpoint. Works on a single server, a replica set or a sharded cluster, with any number of workers and readers in any number of
 * processes.
 */
export class MongodbViewStore extends ViewStore {
  private readonly connection: MongodbConnection;
  private openSnapshots = 0;

  /**
   * Connects when it is first used.
   * @param url `mongodb://` or `mongodb+srv://`, with the name of the database
   * @throws Error when the URL names no database
   */
  constructor(url: string, timeouts: Partial<MongodbTimeouts> = {}) {
    super();
    this.connection = new MongodbConnection(url, {
      serverSelectionMs: 3_500,
      queryMs: 4_000,
      writeMs: 15_000,
      ...timeouts,
    });
  }

  async openForWriting(view: View, { candidate = false } = {}): Promise<ViewWriter> {
    const writer = new MongodbViewWriter(this.connection, mongodbSchemaOf(view), candidate);
    await writer.open();
    return writer;
  }

  async openForReading(view: View): Promise<ViewReader> {
    const schema = mongodbSchemaOf(view);
    const reader = new MongodbRowReader((work, options) => this.connection.inSession(work, options), schema);
    // There is nothing to close: the connection belongs to the store.
    return Object.assign(reader, { snapshot: () => this.openSnapshot(schema), close: async () => undefined });
  }

  async candidateState(view: View): Promise<ViewState | undefined> {
    return this.generationsOf(view).candidateState();
  }

  /** A running writer may leave rows behind, which nobody reads. The next call of `removeRetired` removes them. */
  async wipe(view: View): Promise<void> {
    const generations = this.generationsOf(view);
    await generations.retireAll();
    await generations.removeRetired(Infinity);
  }

  async removeRetired(view: View): Promise<void> {
    await this.generationsOf(view).removeRetired();
  }

  async versions(name: string): Promise<readonly number[]> {
    return listStoredVersions(this.connection, name);
  }

  private generationsOf(view: View): MongodbGenerations {
    return new MongodbGenerations(this.connection, mongodbSchemaOf(view));
  }

  lease(): Lease {
    return new MongodbLease(this.connection);
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  private async openSnapshot(schema: MongodbViewSchema): Promise<ViewSnapshot> {
    if (this.openSnapshots >= maxSnapshots) throw new SnapshotRefused(tooManySnapshots);
    this.openSnapshots++;
    try {
      const snapshot = await pollUntil(() => this.tryConsistentSnapshot(schema), snapshotRetry);
      if (snapshot) return snapshot;
      throw new SnapshotRefused('Could not take a consistent snapshot while the view is being updated; retry.');
    } catch (error) {
      this.openSnapshots--;
      throw error;
    }
  }

  /** Undefined when the snapshot falls into a batch: rows are written before their checkpoint. */
  private async tryConsistentSnapshot(schema: MongodbViewSchema): Promise<ViewSnapshot | undefined> {
    const session = await this.connection.startSnapshot();
    const reader = new MongodbRowReader((work) => work(session), schema);
    const consistent = await reader.consistentCheckpoint().catch(async (error: unknown) => {
      await session.end();
      throw error;
    });
    if (!consistent) {
      await session.end();
      return undefined;
    }
    let ending: Promise<void> | undefined;
    const close = (): Promise<void> => (ending ??= session.end().finally(() => this.openSnapshots--));
    return Object.assign(reader, { ...consistent, close });
  }
}
