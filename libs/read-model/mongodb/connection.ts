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
import { sleep } from '#timing/sleep';
import { SnapshotRefused, ViewsUnavailable } from '../view-store.js';
import { ifUnknownCommand, translateErrors } from './failures.js';

export interface MongodbTimeouts {
  /** How long a call waits for a usable server, or for a connection to it. */
  readonly serverSelectionMs: number;
  /** How long a query may run. */
  readonly queryMs: number;
  /** How long a write may run, including the wait until it is durable. */
  readonly writeMs: number;
}

export type StoredDocument = Document & { readonly _id: string };

const databaseOptions: DbOptions = {
  readPreference: 'primary',
  writeConcern: new WriteConcern('majority', 10_000),
  // Otherwise undefined is stored as null.
  ignoreUndefined: true,
};

/**
 * A view must read only what no failing server can roll back: see `MongodbViewWriter.load`. The read concern is a new object each
 * time, because the driver adds the time of a session to it.
 */
const durableReads = (): DbOptions => ({ ...databaseOptions, readConcern: new ReadConcern('majority') });

/** How much later the client gives up than the server, so that the server's better error arrives first. */
const responseGraceMs = 500;
/** How long a call waits for the server to return during an outage, before it fails. */
const outageWaitMs = 50;
const reconnectPauseMs = 100;

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

export interface WriteOptions {
  readonly maxTimeMS: number;
  readonly session?: ClientSession;
}

/** Runs reads and writes, within a session or not. */
export interface MongodbAccess {
  /** @throws ViewsUnavailable */
  withDatabase<T>(work: (database: Db) => Promise<T>): Promise<T>;
  /** @throws ViewsUnavailable */
  withCollection<T>(collection: string, work: (collection: Collection<StoredDocument>) => Promise<T>): Promise<T>;
  /** Limits the time of a query on the server and, if the server does not keep to it, in this process. */
  queryOptions(): { readonly maxTimeMS: number; readonly signal: AbortSignal; readonly session?: ClientSession };
  /**
   * Runs a write, or another command that the driver cannot abort, within a time limit. The write must pass on its options.
   * @throws ViewsUnavailable
   */
  write<T>(
    collection: string,
    work: (collection: Collection<StoredDocument>, options: WriteOptions) => Promise<T>,
  ): Promise<T>;
}

/** A session of the server. Do not overlap its calls, and end it soon. */
export interface MongodbSession extends MongodbAccess {
  end(): Promise<void>;
}

/**
 * One client for all views, which connects when it is first used. The driver reconnects by itself, but a client that found no server
 * in time is replaced all the same: its monitor may hang forever when the connection ends during a check (7.9.0, seen on a busy
 * machine), and then no call finds the server again. Until the new client has connected, calls fail almost at once.
 */
export class MongodbConnection implements MongodbAccess {
  private readonly database: string;
  /** Hosts and database for messages, without the user. */
  private readonly location: string;
  private client: Promise<MongoClient> | undefined;
  /** Why no server can be used now. */
  private outage: Error | undefined;
  private reconnecting: Promise<void> | undefined;
  private readonly snapshotSupport = new WeakMap<MongoClient, boolean>();
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
    return this.withClient((client) => work(this.databaseOf(client, durableReads())));
  }

  async withCollection<T>(
    collection: string,
    work: (collection: Collection<StoredDocument>) => Promise<T>,
  ): Promise<T> {
    return this.withDatabase((database) => work(database.collection<StoredDocument>(collection)));
  }

  queryOptions(): { maxTimeMS: number; signal: AbortSignal } {
    const { queryMs } = this.timeouts;
    return { maxTimeMS: queryMs, signal: AbortSignal.timeout(queryMs + responseGraceMs) };
  }

  async write<T>(
    collection: string,
    work: (collection: Collection<StoredDocument>, options: WriteOptions) => Promise<T>,
  ): Promise<T> {
    const { writeMs } = this.timeouts;
    return this.withClient(async (client) => {
      const stored = this.databaseOf(client, durableReads()).collection<StoredDocument>(collection);
      return this.limitTime(client, writeMs + responseGraceMs, work(stored, { maxTimeMS: writeMs }));
    });
  }

  /** The driver cannot abort a write. Its connection is closed with the client. */
  private async limitTime<T>(client: MongoClient, timeoutMs: number, call: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        void this.client?.then((current) => current === client && this.replace(client));
        reject(new ViewsUnavailable(`The database ${this.location} has not responded within ${timeoutMs} ms.`));
      }, timeoutMs);
    });
    try {
      return await Promise.race([call, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  databaseOf(client: MongoClient, options: DbOptions): Db {
    return client.db(this.database, options);
  }

  /**
   * Each read sees at least what earlier reads and writes of the session saw or wrote. Without it, a read may be answered from an
   * older moment after an election or by another shard, even with majority read concern.
   */
  startCausalSession(): MongodbSession {
    return new SessionAccess(this, false);
  }

  /** With `atOneMoment`, all reads see the same moment, if the server supports it. */
  async inSession<T>(
    work: (session: MongodbAccess) => Promise<T>,
    { atOneMoment = false }: { readonly atOneMoment?: boolean } = {},
  ): Promise<T> {
    const isSnapshot = atOneMoment && (await this.withClient((client) => this.supportsSnapshots(client)));
    const session = new SessionAccess(this, isSnapshot);
    try {
      return await work(session);
    } finally {
      await session.end();
    }
  }

  /** Whether the server is a replica set or a sharded cluster. It is asked once for each client. */
  async supportsSnapshots(client: MongoClient): Promise<boolean> {
    const known = this.snapshotSupport.get(client);
    if (known !== undefined) return known;
    const { signal } = this.queryOptions();
    // A server that does not know `hello` is too old for snapshot reads.
    const hello = await client.db('admin').command({ hello: 1 }, { signal }).catch(ifUnknownCommand<Document>({}));
    const isSupported = hello['setName'] !== undefined || hello['msg'] === 'isdbgrid';
    this.snapshotSupport.set(client, isSupported);
    return isSupported;
  }

  /**
   * All reads see the data at the time of the first one, even when the client is replaced. The server keeps that data for
   * `minSnapshotHistoryWindowInSeconds`, by default five minutes, and rejects reads afterwards.
   * @throws SnapshotRefused when the server does not support snapshot reads
   */
  async startSnapshot(): Promise<MongodbSession> {
    if (!(await this.withClient((client) => this.supportsSnapshots(client))))
      throw new SnapshotRefused('Snapshot reads require a replica set; this MongoDB server is standalone.');
    return new SessionAccess(this, true);
  }

  async close(): Promise<void> {
    this.closed = true;
    const client = await this.client?.catch(() => undefined);
    await this.reconnecting;
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

  withClient<T>(work: (client: MongoClient) => Promise<T>): Promise<T> {
    return translateErrors(this.location, async () => {
      if (this.closed) throw new ViewsUnavailable('The view store is closed.');
      if (this.outage) await this.waitForServer(this.outage);
      const connecting = (this.client ??= this.connect());
      try {
        const client = await connecting;
        return await work(client);
      } catch (error) {
        if (error instanceof MongoServerSelectionError && !this.closed) await this.beginOutage(connecting, error);
        throw error;
      }
    });
  }

  private async waitForServer(outage: Error): Promise<void> {
    await Promise.race([this.reconnecting, sleep(outageWaitMs)]);
    if (this.outage) throw outage;
  }

  /** Calls fail almost at once until a new client has connected. */
  private async beginOutage(connecting: Promise<MongoClient>, error: Error): Promise<void> {
    const client = await connecting.catch(() => undefined);
    if (this.outage || (this.client !== undefined && this.client !== connecting)) return;
    if (client) this.replace(client);
    this.outage = error;
    this.reconnecting = this.reconnect();
  }

  private async reconnect(): Promise<void> {
    while (!this.closed) {
      const connecting = (this.client = this.connect());
      try {
        await connecting;
        break;
      } catch (error) {
        this.outage = error instanceof Error ? error : new Error(String(error));
        await sleep(reconnectPauseMs);
      }
    }
    this.outage = undefined;
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

/** A session of the current client. When that client is replaced, the session continues on the next one from the same time. */
class SessionAccess implements MongodbSession {
  private client: MongoClient | undefined;
  private session: ClientSession | undefined;
  private isEnded = false;

  constructor(
    private readonly connection: MongodbConnection,
    private readonly isSnapshot: boolean,
  ) {}

  async withDatabase<T>(work: (database: Db) => Promise<T>): Promise<T> {
    return this.connection.withClient(async (client) => {
      await this.moveTo(client);
      // A snapshot session sets the read concern. Setting another one as well would be an error.
      return work(this.connection.databaseOf(client, this.isSnapshot ? databaseOptions : durableReads()));
    });
  }

  async withCollection<T>(
    collection: string,
    work: (collection: Collection<StoredDocument>) => Promise<T>,
  ): Promise<T> {
    return this.withDatabase((database) => work(database.collection<StoredDocument>(collection)));
  }

  queryOptions(): ReturnType<MongodbAccess['queryOptions']> {
    return { ...this.connection.queryOptions(), ...this.sessionOption() };
  }

  async write<T>(
    collection: string,
    work: (collection: Collection<StoredDocument>, options: WriteOptions) => Promise<T>,
  ): Promise<T> {
    await this.connection.withClient((client) => this.moveTo(client));
    return this.connection.write(collection, (stored, options) =>
      work(stored, { ...options, ...this.sessionOption() }),
    );
  }

  async end(): Promise<void> {
    this.isEnded = true;
    await this.session?.endSession();
  }

  private sessionOption(): { readonly session?: ClientSession } {
    return this.session ? { session: this.session } : {};
  }

  private async moveTo(client: MongoClient): Promise<void> {
    if (this.isEnded) throw new ViewsUnavailable('The session has ended.');
    if (client === this.client) return;
    // A standalone server is always up to date, and some servers that speak the protocol do not support sessions.
    if (!(await this.connection.supportsSnapshots(client))) return;
    const previous = this.session;
    const session = client.startSession(this.isSnapshot ? { snapshot: true } : { causalConsistency: true });
    if (previous?.clusterTime) session.advanceClusterTime(previous.clusterTime);
    if (previous?.operationTime) session.advanceOperationTime(previous.operationTime);
    if (this.isSnapshot) copySnapshotTime(previous, session);
    this.session = session;
    this.client = client;
    await previous?.endSession();
  }
}

/** The driver's types do not declare the property. */
function copySnapshotTime(from: object | undefined, to: object): void {
  const snapshotTime = from && 'snapshotTime' in from ? from.snapshotTime : undefined;
  if (snapshotTime) Object.assign(to, { snapshotTime });
}
