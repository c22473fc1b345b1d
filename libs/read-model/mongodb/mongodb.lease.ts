import type { Lease, LeaseRecord } from '../lease.js';
import type { MongodbConnection, StoredDocument } from './connection.js';
import { isDuplicateKey } from './failures.js';

interface LeaseDocument extends StoredDocument {
  readonly holder: string | null;
  /** The heartbeat. The stored name is older. */
  readonly beat: number;
}

const collection = 'leases';
const leaseId = 'worker';

/** One document. The primary applies one of several concurrent changes. */
export class MongodbLease implements Lease {
  constructor(private readonly connection: MongodbConnection) {}

  async read(): Promise<LeaseRecord | null> {
    const stored = await this.connection.withCollection(collection, (leases) =>
      leases.findOne<LeaseDocument>({ _id: leaseId }, this.connection.queryOptions()),
    );
    return stored && { holder: stored.holder, heartbeat: stored.beat };
  }

  async compareAndSet(from: LeaseRecord | null, { holder, heartbeat }: LeaseRecord): Promise<boolean> {
    return this.connection.write(collection, async (leases, options) => {
      if (from) {
        const expected = { _id: leaseId, holder: from.holder, beat: from.heartbeat };
        return (await leases.updateOne(expected, { $set: { holder, beat: heartbeat } }, options)).matchedCount > 0;
      }
      try {
        await leases.insertOne({ _id: leaseId, holder, beat: heartbeat }, options);
        return true;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    // The connection belongs to the store.
  }
}
