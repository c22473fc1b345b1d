import { join } from 'node:path';
import type { Lease } from '../lease.js';
import {
  maxSnapshots,
  type RowReader,
  SnapshotRefused,
  tooManySnapshots,
  type ViewReader,
  type ViewSnapshot,
  type ViewState,
  ViewStore,
  type ViewWriter,
} from '../view-store.js';
import type { View } from '../view.js';
import { SqliteConnection } from './connection.js';
import { createFolder, listFileVersions, SqliteGenerations } from './generations.js';
import { type CostModel, defaultCostModel } from './query-planner.js';
import { ReaderThreadClient } from './reader-thread.client.js';
import { sqliteSchemaOf, type SqliteViewSchema } from './schema.sql.js';
import { SqliteLease } from './sqlite.lease.js';
import { SqliteViewWriter } from './sqlite.view-writer.js';
import { type ReadRequest, type ReadResponses, ViewFileReader } from './view-file.reader.js';

export interface SqliteViewStoreOptions {
  /** The built `reader.thread.js` that runs queries. If false, queries block the calling thread, as in command-line tools. */
  readonly readerThread?: URL | false;
  /** For tests without a thread: makes the planner treat a few rows like many. */
  readonly costModel?: CostModel;
}

type SendRequest = <R extends ReadRequest>(request: R) => Promise<ReadResponses[R['type']]>;

interface RequestChannel {
  readonly send: SendRequest;
  readonly close: () => Promise<void>;
}

interface Closable {
  close(): Promise<void>;
}

/**
 * Views in SQLite, with one file `<view>.v<version>.g<generation>.db` per generation. Writing blocks the calling thread. All queries
 * run in one other thread, and each snapshot in a separate one. A snapshot is a read transaction: the write-ahead log of its file
 * grows until the snapshot is closed.
 */
export class SqliteViewStore extends ViewStore {
  private readonly readerThread: URL | false;
  private readonly costModel: CostModel;
  private readonly thread: ReaderThreadClient | undefined;
  private readonly openResources = new Set<Closable>();
  private openSnapshots = 0;

  /** The first write creates `folder`. */
  constructor(
    private readonly folder: string,
    {
      readerThread = new URL('./reader.thread.js', import.meta.url),
      costModel = defaultCostModel,
    }: SqliteViewStoreOptions = {},
  ) {
    super();
    this.costModel = costModel;
    this.readerThread = readerThread;
    this.thread = readerThread === false ? undefined : new ReaderThreadClient(readerThread);
  }

  async openForWriting(view: View, { candidate = false } = {}): Promise<ViewWriter> {
    const schema = sqliteSchemaOf(view);
    return this.track(new SqliteViewWriter(this.generationsOf(schema), schema, candidate));
  }

  async openForReading(view: View): Promise<ViewReader> {
    const schema = sqliteSchemaOf(view);
    const { send, close } = this.openChannel(schema, this.thread);
    const reader: ViewReader = {
      state: () => send({ type: 'state' }),
      ...createRowReader(send),
      snapshot: () => this.openSnapshot(schema),
      close,
    };
    return this.thread ? reader : this.track(reader);
  }

  async candidateState(view: View): Promise<ViewState | undefined> {
    return this.generationsOf(sqliteSchemaOf(view)).candidateState();
  }

  async wipe(view: View): Promise<void> {
    const generations = this.generationsOf(sqliteSchemaOf(view));
    generations.retireAll();
    generations.removeRetired();
  }

  async removeRetired(view: View): Promise<void> {
    this.generationsOf(sqliteSchemaOf(view)).removeRetired();
  }

  async versions(name: string): Promise<readonly number[]> {
    return listFileVersions(this.folder, name);
  }

  lease(): Lease {
    const open = (): SqliteConnection => {
      createFolder(this.folder);
      return new SqliteConnection(join(this.folder, 'lease.db'), 'create');
    };
    return this.track(new SqliteLease(open));
  }

  /** Without a reader thread, requests never wait. */
  override get pendingReads(): number {
    return this.thread?.pendingReads ?? 0;
  }

  async close(): Promise<void> {
    for (const resource of [...this.openResources]) await resource.close();
    await this.thread?.close();
  }

  private async openSnapshot(schema: SqliteViewSchema): Promise<ViewSnapshot> {
    if (this.openSnapshots >= maxSnapshots) throw new SnapshotRefused(tooManySnapshots);
    this.openSnapshots++;
    const thread = this.readerThread === false ? undefined : new ReaderThreadClient(this.readerThread, false);
    const channel = this.openChannel(schema, thread);
    const end = async (): Promise<void> => {
      await Promise.all([channel.close(), thread?.close()]);
      this.openSnapshots--;
    };
    let ending: Promise<void> | undefined;
    const close = (): Promise<void> => (ending ??= end());
    try {
      const { checkpoint } = await channel.send({ type: 'snapshot' });
      return this.track({ checkpoint, ...createRowReader(channel.send), close });
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** Without a thread, requests block the caller. */
  private openChannel(schema: SqliteViewSchema, thread: ReaderThreadClient | undefined): RequestChannel {
    const basePath = this.basePathOf(schema);
    if (thread) return { send: (request) => thread.request(basePath, schema, request), close: async () => undefined };
    const reader = new ViewFileReader(basePath, schema, undefined, this.costModel);
    return { send: async (request) => reader.handle(request), close: async () => reader.close() };
  }

  private generationsOf(schema: SqliteViewSchema): SqliteGenerations {
    return new SqliteGenerations(this.basePathOf(schema), schema);
  }

  private basePathOf({ name, version }: SqliteViewSchema): string {
    return join(this.folder, `${name}.v${version}`);
  }

  /** Closes the resource when the store is closed, unless it was closed before. */
  private track<T extends Closable>(resource: T): T {
    const close = resource.close.bind(resource);
    resource.close = () => {
      this.openResources.delete(resource);
      return close();
    };
    this.openResources.add(resource);
    return resource;
  }
}

/** Rows are parsed in the calling thread. */
const createRowReader = (send: SendRequest): RowReader => ({
  async get<Row extends object>(table: string, keys: readonly string[]) {
    const rows = await send({ type: 'get', table, keys });
    return new Map(rows.map(([key, row]) => [key, JSON.parse(row) as Row]));
  },
  async find<Row extends object>(table: string, query: Parameters<RowReader['find']>[1]) {
    const { rows, hasMore, checkpoint } = await send({ type: 'find', table, query });
    return {
      rows: rows.map(([key, row, sortValue]) => ({ key, row: JSON.parse(row) as Row, sortValue })),
      hasMore,
      checkpoint,
    };
  },
  count: (table, query) => send({ type: 'count', table, query }),
  group: (table, query) => send({ type: 'group', table, query }),
});
