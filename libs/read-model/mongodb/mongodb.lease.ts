import type { Beat, Lease } from '../lease.js';
import type { Connection, Doc } from './connection.js';
import { isAlreadyThere } from './failures.js';

interface Stored extends Doc, Beat {}

const collection = 'leases';
const id = 'worker';

/** One document: the primary changes it for one of those who ask at once. */
export class MongodbLease implements Lease {
  constructor(private readonly connection: Connection) {}

  async read(): Promise<Beat | null> {
    const stored = await this.connection.with(collection, (documents) =>
      documents.findOne<Stored>({ _id: id }, this.connection.bounded()),
    );
    return stored && { holder: stored.holder, beat: stored.beat };
  }

  async move(from: Beat | null, { holder, beat }: Beat): Promise<boolean> {
    return this.connection.with(collection, async (documents) => {
      if (from) {
        const expected = { _id: id, holder: from.holder, beat: from.beat };
        return (await documents.updateOne(expected, { $set: { holder, beat } })).matchedCount > 0;
      }
      try {
        await documents.insertOne({ _id: id, holder, beat });
        return true;
      } catch (error) {
        if (isAlreadyThere(error)) return false;
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    // Nothing is held but the store's connection.
  }
}
