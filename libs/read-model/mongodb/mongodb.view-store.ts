import { setTimeout } from 'node:timers/promises';
import type { Lease } from '../lease.js';
import {
  maxSnapshots,
  SnapshotRefused,
  type ViewReader,
  type ViewSnapshot,
  type ViewState,
  ViewStore,
  type ViewWriter,
} from '../view-store.js';
import type { View } from '../view.js';
import { MongodbConnection, type MongodbTimeouts } from './connection.js';
import { MongodbGenerations, listStoredVersions } from './generations.js';
import { MongodbLease } from './mongodb.lease.js';
import { MongodbRowReader } from './mongodb.row-reader.js';
import { MongodbViewWriter } from './mongodb.view-writer.js';
import { mongodbSchemaOf, type MongodbViewSchema } from './schema.js';

/** For how long a moment is looked for in which no batch is half-written, and how often; in milliseconds. */
const search = { forMs: 5_000, everyMs: 10 };

/**
 * Views in MongoDB: one collection `<view>.v<version>.g<generation>.<table>` for each table, a document for each row, and one
 * document for each generation's checkpoint. Any number of workers and readers, in any number of processes, on a single server, a replica set or a
 * sharded cluster.
 */
export class MongodbViewStore extends ViewStore {
  private readonly connection: MongodbConnection;
  private snapshots = 0;

  /**
   * Connects when first used.
   * @param url `mongodb://` or `mongodb+srv://`, with the name of the database
   * @throws Error when the URL names no database
   */
  constructor(url: string, limits: Partial<MongodbTimeouts> = {}) {
    super();
    this.connection = new MongodbConnection(url, { serverSelectionMs: 3_500, queryMs: 4_000, ...limits });
  }

  async openForWriting(view: View, { candidate = false } = {}): Promise<ViewWriter> {
    const writer = new MongodbViewWriter(this.connection, mongodbSchemaOf(view), candidate);
    await writer.open();
    return writer;
  }

  async openForReading(view: View): Promise<ViewReader> {
    const shape = mongodbSchemaOf(view);
    const snapshot = (): Promise<ViewSnapshot> => this.hold(shape);
    // Nothing is held but the store's connection.
    return Object.assign(new MongodbRowReader(this.connection, shape), { snapshot, close: async () => undefined });
  }

  async candidateState(view: View): Promise<ViewState | undefined> {
    return this.generationsOf(view).candidateState();
  }

  /** Who is writing meanwhile may leave rows behind, which nobody reads: the next tidying takes them. */
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

  /** Rows are written before their checkpoint: a moment in between is of no use, so another one is looked for. */
  private async hold(shape: MongodbViewSchema): Promise<ViewSnapshot> {
    if (this.snapshots >= maxSnapshots)
      throw new SnapshotRefused(
        `The view is held ${maxSnapshots} times already, such as for exports: ask again when one has ended.`,
      );
    this.snapshots++;
    const free = (): void => void this.snapshots--;
    try {
      for (
        const until = performance.now() + search.forMs;
        performance.now() < until;
        await setTimeout(search.everyMs)
      ) {
        const { end, ...reads } = await this.connection.startSnapshot();
        const rows = new MongodbRowReader(reads, shape);
        const found = await rows.consistentCheckpoint().catch(async (error: unknown) => {
          await end();
          throw error;
        });
        if (!found) {
          await end();
          continue;
        }
        let ended: Promise<void> | undefined;
        return Object.assign(rows, { ...found, close: () => (ended ??= end().finally(free)) });
      }
    } catch (error) {
      free();
      throw error;
    }
    free();
    throw new SnapshotRefused('The view is written to without a pause: ask again.');
  }
}
