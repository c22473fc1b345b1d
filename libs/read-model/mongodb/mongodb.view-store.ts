import type { Lease } from '../lease.js';
import { type ViewReader, type ViewState, ViewStore, type ViewWriter } from '../view-store.js';
import type { View } from '../view.js';
import { Connection, type Limits } from './connection.js';
import { Generations, versionsIn } from './generations.js';
import { MongodbLease } from './mongodb.lease.js';
import { MongodbViewReader } from './mongodb.view-reader.js';
import { MongodbViewWriter } from './mongodb.view-writer.js';
import { shapeOf } from './schema.js';

/**
 * Views in MongoDB: one collection `<view>.v<version>.g<generation>.<table>` for each table, a document for each row, and one
 * document for each generation's checkpoint. Any number of workers and readers, in any number of processes, on a single server, a replica set or a
 * sharded cluster.
 */
export class MongodbViewStore extends ViewStore {
  private readonly connection: Connection;

  /**
   * Connects when first used.
   * @param url `mongodb://` or `mongodb+srv://`, with the name of the database
   * @throws Error when the URL names no database
   */
  constructor(url: string, limits: Partial<Limits> = {}) {
    super();
    this.connection = new Connection(url, { patience: 4_500, query: 4_000, ...limits });
  }

  async openForWriting(view: View, { beside = false } = {}): Promise<ViewWriter> {
    const writer = new MongodbViewWriter(this.connection, shapeOf(view), beside);
    await writer.open();
    return writer;
  }

  async openForReading(view: View): Promise<ViewReader> {
    return new MongodbViewReader(this.connection, shapeOf(view));
  }

  async beside(view: View): Promise<ViewState | undefined> {
    return this.generationsOf(view).beside();
  }

  /** Who is writing meanwhile may leave rows behind, which nobody reads: the next tidying takes them. */
  async wipe(view: View): Promise<void> {
    const generations = this.generationsOf(view);
    await generations.closeAll();
    await generations.tidy(Infinity);
  }

  async tidy(view: View): Promise<void> {
    await this.generationsOf(view).tidy();
  }

  async versions(name: string): Promise<readonly number[]> {
    return versionsIn(this.connection, name);
  }

  private generationsOf(view: View): Generations {
    return new Generations(this.connection, shapeOf(view));
  }

  lease(): Lease {
    return new MongodbLease(this.connection);
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}
