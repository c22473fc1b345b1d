import {
  type ClientSession,
  type Collection,
  type Db,
  type DbOptions,
  type Document,
  MongoClient,
  type MongoClientOptions,
  MongoServerSelectionError,
  ReadConcern,
  WriteConcern,
} from 'mongodb';
import { SnapshotRefused, ViewsUnavailable } from '../view-store.js';
import { ifUnknownCommand, translateErrors } from './failures.js';

/** In milliseconds. */
export interface MongodbTimeouts {
  /** How long a call waits for a server that can be used, or for a connection to it. */
  readonly serverSelectionMs: number;
  /** How long a query may run. */
  readonly queryMs: number;
}

export type StoredDocument = Document & { readonly _id: string };

/** Everything that a view reads must be what no failing server can take back: see `MongodbViewWriter.load`. */
const durable: DbOptions = {
  readPreference: 'primary',
  readConcern: new ReadConcern('majority'),
  writeConcern: new WriteConcern('majority', 10_000),
  // Otherwise stored as null.
  ignoreUndefined: true,
};

/** Only those that the URL leaves open. */
function tuning(url: string, { serverSelectionMs: patience }: MongodbTimeouts): MongoClientOptions {
  const wanted: MongoClientOptions = {
    appName: 'leadstream',
    serverSelectionTimeoutMS: patience,
    waitQueueTimeoutMS: patience,
    // Also how long a server may be silent to the driver's own looks at it before all that waits for it fails.
    connectTimeoutMS: 3_000,
    heartbeatFrequencyMS: 2_000,
    maxPoolSize: 20,
  };
  const given = new Set([...url.matchAll(/[?&]([^=&]+)=/g)].map(([, name]) => name!.toLowerCase()));
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => !given.has(name.toLowerCase())));
}

/**
 * The name of the database in a URL.
 * @throws Error when it names none: the driver would take `test`
 */
export function parseDatabaseName(url: string): string {
  const [, name] = /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^/?]+)/.exec(url) ?? [];
  if (name) return decodeURIComponent(name);
  throw new Error('The URL of the views must name a database: mongodb://<host>/<database>');
}

/** What questions go through. */
export interface MongodbAccess {
  /** @throws ViewsUnavailable */
  withDatabase<T>(work: (database: Db) => Promise<T>): Promise<T>;
  withCollection<T>(collection: string, work: (collection: Collection<StoredDocument>) => Promise<T>): Promise<T>;
  /** What bounds a query: the server stops it in time, and one that does not is not waited for. */
  queryOptions(): { readonly maxTimeMS: number; readonly signal: AbortSignal; readonly session?: ClientSession };
}

/**
 * One client for all views, connecting when first used. It reconnects by itself; one that found no server in time is replaced by
 * a fresh one all the same. For the driver's look at a server may hang for good when the connection ends under it (7.9.0, seen on
 * a busy machine), and nothing that is asked then finds the server again.
 */
export class MongodbConnection implements MongodbAccess {
  private readonly database: string;
  /** For messages: the hosts and the database, never the user. */
  private readonly where: string;
  private client: Promise<MongoClient> | undefined;
  /** Not asked any more, but answers may still come. */
  private readonly replaced = new Map<MongoClient, NodeJS.Timeout>();
  private closed = false;

  constructor(
    private readonly url: string,
    readonly timeouts: MongodbTimeouts,
  ) {
    this.database = parseDatabaseName(url);
    this.where = `${/^[^/]+\/\/(?:[^/]*@)?([^/]+)/.exec(url)![1]}/${this.database}`;
  }

  async withDatabase<T>(work: (database: Db) => Promise<T>): Promise<T> {
    return this.using((client) => work(client.db(this.database, durable)));
  }

  async withCollection<T>(
    collection: string,
    work: (collection: Collection<StoredDocument>) => Promise<T>,
  ): Promise<T> {
    return this.withDatabase((database) => work(database.collection<StoredDocument>(collection)));
  }

  queryOptions(): { maxTimeMS: number; signal: AbortSignal } {
    const { queryMs: query } = this.timeouts;
    return { maxTimeMS: query, signal: AbortSignal.timeout(query + 500) };
  }

  /**
   * Reads of one moment: that of the first one. The server keeps it for as long as its `minSnapshotHistoryWindowInSeconds` says, five
   * minutes unless told otherwise, and refuses to read from it afterwards.
   * @throws SnapshotRefused where the server has no such reads
   */
  async startSnapshot(): Promise<MongodbAccess & { readonly end: () => Promise<void> }> {
    const session = await this.using(async (client) => {
      // A server that does not know the question is older than such reads.
      const hello = await client
        .db('admin')
        .command({ hello: 1 }, { timeoutMS: this.timeouts.queryMs })
        .catch(ifUnknownCommand<Document>({}));
      if (hello['setName'] === undefined && hello['msg'] !== 'isdbgrid')
        throw new SnapshotRefused('This MongoDB is no replica set, which alone can tell all rows of one moment.');
      return client.startSession({ snapshot: true });
    });
    // The session says how to read; said here as well, it would be taken for another wish.
    const { readConcern: _, ...asEver } = durable;
    const use: MongodbAccess['withDatabase'] = (work) => this.using((client) => work(client.db(this.database, asEver)));
    return {
      withDatabase: use,
      withCollection: (collection, work) => use((database) => work(database.collection<StoredDocument>(collection))),
      queryOptions: () => ({ ...this.queryOptions(), session }),
      end: () => session.endSession(),
    };
  }

  async close(): Promise<void> {
    this.closed = true;
    const client = await this.client?.catch(() => undefined);
    await Promise.all([client?.close(), ...[...this.replaced.keys()].map((it) => this.end(it))]);
  }

  private replace(client: MongoClient): void {
    this.client = undefined;
    const { serverSelectionMs: patience, queryMs: query } = this.timeouts;
    this.replaced.set(
      client,
      setTimeout(() => void this.end(client), patience + query),
    );
  }

  private async end(client: MongoClient): Promise<void> {
    clearTimeout(this.replaced.get(client));
    this.replaced.delete(client);
    await client.close().catch(() => undefined);
  }

  private using<T>(work: (client: MongoClient) => Promise<T>): Promise<T> {
    return translateErrors(this.where, async () => {
      if (this.closed) throw new ViewsUnavailable('The storage of views is closed.');
      const connecting = (this.client ??= this.connect());
      const client = await connecting;
      try {
        return await work(client);
      } catch (error) {
        if (error instanceof MongoServerSelectionError && this.client === connecting) this.replace(client);
        throw error;
      }
    });
  }

  /** A client whose first connecting failed is of no use afterwards, though one that was connected once recovers. */
  private async connect(): Promise<MongoClient> {
    const client = new MongoClient(this.url, tuning(this.url, this.timeouts));
    try {
      return await client.connect();
    } catch (error) {
      this.client = undefined;
      await client.close().catch(() => undefined);
      throw error;
    }
  }
}
