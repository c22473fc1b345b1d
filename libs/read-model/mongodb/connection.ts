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

export interface MongodbTimeouts {
  /** How long a call waits for a usable server, or for a connection to it. */
  readonly serverSelectionMs: number;
  /** How long a query may run. */
  readonly queryMs: number;
}

export type StoredDocument = Document & { readonly _id: string };

/** A view must read only what no failing server can roll back: see `MongodbViewWriter.load`. */
const durableReads: DbOptions = {
  readPreference: 'primary',
  readConcern: new ReadConcern('majority'),
  writeConcern: new WriteConcern('majority', 10_000),
  // Otherwise undefined is stored as null.
  ignoreUndefined: true,
};

/** Our defaults for options that the URL does not set. */
function clientOptions(url: string, { serverSelectionMs }: MongodbTimeouts): MongoClientOptions {
  const defaults: MongoClientOptions = {
    appName: 'leadstream',
    serverSelectionTimeoutMS: serverSelectionMs,
    waitQueueTimeoutMS: serverSelectionMs,
    // The driver's monitor uses it too: after so long without a reply from the server, all waiting calls fail.
    connectTimeoutMS: 3_000,
    heartbeatFrequencyMS: 2_000,
    maxPoolSize: 20,
  };
  const inUrl = new Set([...url.matchAll(/[?&]([^=&]+)=/g)].map(([, name]) => name!.toLowerCase()));
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => !inUrl.has(name.toLowerCase())));
}

/** @throws Error when the URL names no database, because the driver would use `test` */
export function parseDatabaseName(url: string): string {
  const [, name] = /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^/?]+)/.exec(url) ?? [];
  if (name) return decodeURIComponent(name);
  throw new Error('The URL of the read store must name a database: mongodb://<host>/<database>');
}

/** Runs reads and writes, within a snapshot or not. */
export interface MongodbAccess {
  /** @throws ViewsUnavailable */
  withDatabase<T>(work: (database: Db) => Promise<T>): Promise<T>;
  /** @throws ViewsUnavailable */
  withCollection<T>(collection: string, work: (collection: Collection<StoredDocument>) => Promise<T>): Promise<T>;
  /** Limits the time of a query on the server and, if the server does not keep to it, in this process. */
  queryOptions(): { readonly maxTimeMS: number; readonly signal: AbortSignal; readonly session?: ClientSession };
}

/**
 * One client for all views, which connects when it is first used. The driver reconnects by itself, but a client that found no server
 * in time is replaced all the same: its monitor may hang forever when the connection ends during a check (7.9.0, seen on a busy
 * machine), and then no call finds the server again.
 */
export class MongodbConnection implements MongodbAccess {
  private readonly database: string;
  /** Hosts and database for messages, without the user. */
  private readonly location: string;
  private client: Promise<MongoClient> | undefined;
  /** Replaced clients and the timers that close them. Calls that began before may still be running. */
  private readonly replacedClients = new Map<MongoClient, NodeJS.Timeout>();
  private closed = false;

  constructor(
    private readonly url: string,
    readonly timeouts: MongodbTimeouts,
  ) {
    this.database = parseDatabaseName(url);
    this.location = `${/^[^/]+\/\/(?:[^/]*@)?([^/]+)/.exec(url)![1]}/${this.database}`;
  }

  async withDatabase<T>(work: (database: Db) => Promise<T>): Promise<T> {
    return this.withClient((client) => work(client.db(this.database, durableReads)));
  }

  async withCollection<T>(
    collection: string,
    work: (collection: Collection<StoredDocument>) => Promise<T>,
  ): Promise<T> {
    return this.withDatabase((database) => work(database.collection<StoredDocument>(collection)));
  }

  queryOptions(): { maxTimeMS: number; signal: AbortSignal } {
    const { queryMs } = this.timeouts;
    return { maxTimeMS: queryMs, signal: AbortSignal.timeout(queryMs + 500) };
  }

  /**
   * All reads see the data at the time of the first one. The server keeps that data for `minSnapshotHistoryWindowInSeconds`, by
   * default five minutes, and rejects reads afterwards.
   * @throws SnapshotRefused when the server does not support snapshot reads
   */
  async startSnapshot(): Promise<MongodbAccess & { readonly end: () => Promise<void> }> {
    const session = await this.withClient(async (client) => {
      // A server that does not know `hello` is too old for snapshot reads.
      const hello = await client
        .db('admin')
        .command({ hello: 1 }, { timeoutMS: this.timeouts.queryMs })
        .catch(ifUnknownCommand<Document>({}));
      if (hello['setName'] === undefined && hello['msg'] !== 'isdbgrid')
        throw new SnapshotRefused('Snapshot reads require a replica set; this MongoDB server is standalone.');
      return client.startSession({ snapshot: true });
    });
    // The session sets the read concern. Setting another one as well would be an error.
    const { readConcern: _, ...options } = durableReads;
    const withDatabase: MongodbAccess['withDatabase'] = (work) =>
      this.withClient((client) => work(client.db(this.database, options)));
    return {
      withDatabase,
      withCollection: (collection, work) =>
        withDatabase((database) => work(database.collection<StoredDocument>(collection))),
      queryOptions: () => ({ ...this.queryOptions(), session }),
      end: () => session.endSession(),
    };
  }

  async close(): Promise<void> {
    this.closed = true;
    const client = await this.client?.catch(() => undefined);
    const replaced = [...this.replacedClients.keys()].map((each) => this.closeReplaced(each));
    await Promise.all([client?.close(), ...replaced]);
  }

  private replace(client: MongoClient): void {
    this.client = undefined;
    const { serverSelectionMs, queryMs } = this.timeouts;
    const timer = setTimeout(() => void this.closeReplaced(client), serverSelectionMs + queryMs);
    this.replacedClients.set(client, timer);
  }

  private async closeReplaced(client: MongoClient): Promise<void> {
    clearTimeout(this.replacedClients.get(client));
    this.replacedClients.delete(client);
    await client.close().catch(() => undefined);
  }

  private withClient<T>(work: (client: MongoClient) => Promise<T>): Promise<T> {
    return translateErrors(this.location, async () => {
      if (this.closed) throw new ViewsUnavailable('The view store is closed.');
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

  /** A client whose first connection attempt failed stays unusable, unlike one that has been connected before. */
  private async connect(): Promise<MongoClient> {
    const client = new MongoClient(this.url, clientOptions(this.url, this.timeouts));
    try {
      return await client.connect();
    } catch (error) {
      this.client = undefined;
      await client.close().catch(() => undefined);
      throw error;
    }
  }
}
