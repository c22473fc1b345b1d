import type { LeaseRecord, Lease } from '../lease.js';
import type { MongodbConnection, StoredDocument } from './connection.js';
import { isDuplicateKey } from './failures.js';

interface LeaseDocument extends StoredDocument {
  readonly holder: string | null;
  /** The heartbeat; the stored name is older. */
  readonly beat: number;
}

const collection = 'leases';
const id = 'worker';

/** One document: the primary changes it for one of those who ask at once. */
export class MongodbLease implements Lease {
  constructor(private readonly connection: MongodbConnection) {}

  async read(): Promise<LeaseRecord | null> {
    const stored = await this.connection.withCollection(collection, (documents) =>
      documents.findOne<LeaseDocument>({ _id: id }, this.connection.queryOptions()),
    );
    return stored && { holder: stored.holder, heartbeat: stored.beat };
  }

  async compareAndSet(from: LeaseRecord | null, { holder, heartbeat }: LeaseRecord): Promise<boolean> {
    return this.connection.withCollection(collection, async (documents) => {
      if (from) {
        const expected = { _id: id, holder: from.holder, beat: from.heartbeat };
        return (await documents.updateOne(expected, { $set: { holder, beat: heartbeat } })).matchedCount > 0;
      }
      try {
        await documents.insertOne({ _id: id, holder, beat: heartbeat });
        return true;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    // Nothing is held but the store's connection.
  }
}
