import type { Lease } from '../lease.js';
import { type ViewReader, ViewStore, type ViewWriter } from '../view-store.js';
import type { View } from '../view.js';
import { Checkpoint } from './checkpoint.js';
import { Connection, type Limits } from './connection.js';
import { isMissing } from './failures.js';
import { MongodbLease } from './mongodb.lease.js';
import { MongodbViewReader } from './mongodb.view-reader.js';
import { MongodbViewWriter } from './mongodb.view-writer.js';
import { shapeOf } from './schema.js';

/**
 * Views in MongoDB: one collection `<view>.v<version>.<table>` for each table, a document for each row, and one document for each
 * view's checkpoint. Any number of workers and readers, in any number of processes, on a single server, a replica set or a
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

  async openForWriting(view: View): Promise<ViewWriter> {
    const writer = new MongodbViewWriter(this.connection, shapeOf(view));
    await writer.open();
    return writer;
  }

  async openForReading(view: View): Promise<ViewReader> {
    return new MongodbViewReader(this.connection, shapeOf(view));
  }

  /**
   * The checkpoint is reset before and after: a writer who began before it, or in the midst of it, finds it moved, and does not
   * vouch for rows that have been dropped. Rows that such a writer leaves behind are as the next pass over the log makes them.
   */
  async wipe(view: View): Promise<void> {
    const shape = shapeOf(view);
    const checkpoint = new Checkpoint(this.connection, shape);
    await checkpoint.reset();
    await this.connection.use(async (database) => {
      const name = new RegExp(`^${shape.id.replace('.', '\\.')}\\.`);
      for (const collection of await database.listCollections({ name }, { nameOnly: true }).toArray())
        await database.dropCollection(collection.name).catch((error: unknown) => {
          if (!isMissing(error)) throw error;
        });
    });
    await checkpoint.reset();
  }

  lease(): Lease {
    return new MongodbLease(this.connection);
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}
