import { join } from 'node:path';
import type { Lease } from '../lease.js';
import {
  maxSnapshots,
  type RowReader,
  SnapshotRefused,
  type ViewReader,
  type ViewSnapshot,
  type ViewState,
  ViewStore,
  type ViewWriter,
} from '../view-store.js';
import type { View } from '../view.js';
import { type ReadResponses, ViewFileReader, type ReadRequest } from './view-file.reader.js';
import { SqliteConnection } from './connection.js';
import { SqliteGenerations, createFolder, listFileVersions } from './generations.js';
import { sqliteSchemaOf, type SqliteViewSchema } from './schema.sql.js';
import { type CostModel, defaultCostModel } from './query-planner.sql.js';
import { SqliteLease } from './sqlite.lease.js';
import { SqliteViewWriter } from './sqlite.view-writer.js';
import { ReaderThreadClient } from './reader-thread.client.js';

export interface SqliteViewStoreOptions {
  /** The built `reader.thread.js` to start the reading thread from; false: queries block the thread that asks, as tools may. */
  readonly readerThread?: URL | false;
  /** For tests, without a thread: so that few rows take the ways of many. */
  readonly costModel?: CostModel;
}

/** Who answers questions about one view. */
interface Asked {
  readonly ask: <Q extends ReadRequest>(question: Q) => Promise<ReadResponses[Q['what']]>;
  readonly close: () => Promise<void>;
}

/**
 * Views in SQLite: one file `<view>.v<version>.g<generation>.db` in a folder for each. Writing blocks the calling thread; reading happens in
 * one thread of its own. So does each snapshot, which is a read transaction: what is written meanwhile stays in the write-ahead log.
 */
export class SqliteViewStore extends ViewStore {
  private readonly thread: ReaderThreadClient | undefined;
  private readonly entry: URL | false;
  private readonly effort: CostModel;
  private readonly open = new Set<{ close(): Promise<void> }>();
  private snapshots = 0;

  /** `folder` is made when it is first written to. */
  constructor(
    private readonly folder: string,
    {
      readerThread = new URL('./reader.thread.js', import.meta.url),
      costModel: effort = defaultCostModel,
    }: SqliteViewStoreOptions = {},
  ) {
    super();
    this.effort = effort;
    this.entry = readerThread;
    this.thread = readerThread === false ? undefined : new ReaderThreadClient(readerThread);
  }

  async openForWriting(view: View, { candidate = false } = {}): Promise<ViewWriter> {
    const shape = sqliteSchemaOf(view);
    return this.kept(new SqliteViewWriter(this.generationsOf(shape), shape, candidate));
  }

  async openForReading(view: View): Promise<ViewReader> {
    const shape = sqliteSchemaOf(view);
    const { ask, close } = this.asked(shape, this.thread);
    const reader = { state: () => ask({ what: 'state' }), ...rowsFrom(ask), snapshot: () => this.hold(shape), close };
    return this.thread ? reader : this.kept(reader);
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
    return this.kept(
      new SqliteLease(() => {
        createFolder(this.folder);
        return new SqliteConnection(join(this.folder, 'lease.db'), 'make');
      }),
    );
  }

  /** Without a thread nothing ever waits. */
  override get pendingReads(): number {
    return this.thread?.pendingReads ?? 0;
  }

  async close(): Promise<void> {
    for (const each of [...this.open]) await each.close();
    await this.thread?.close();
  }

  private async hold(shape: SqliteViewSchema): Promise<ViewSnapshot> {
    if (this.snapshots >= maxSnapshots)
      throw new SnapshotRefused(
        `The view is held ${maxSnapshots} times already, such as for exports: ask again when one has ended.`,
      );
    this.snapshots++;
    const thread = this.entry === false ? undefined : new ReaderThreadClient(this.entry, true);
    const { ask, close } = this.asked(shape, thread);
    let ended: Promise<void> | undefined;
    const end = (): Promise<void> =>
      (ended ??= Promise.all([close(), thread?.close()]).then(() => void this.snapshots--));
    try {
      const { checkpoint } = await ask({ what: 'snapshot' });
      return this.kept({ checkpoint, ...rowsFrom(ask), close: end });
    } catch (error) {
      await end();
      throw error;
    }
  }

  /** Without a thread the one that asks is blocked. */
  private asked(shape: SqliteViewSchema, thread: ReaderThreadClient | undefined): Asked {
    const stem = this.stemOf(shape);
    if (thread) return { ask: (question) => thread.request(stem, shape, question), close: async () => undefined };
    const file = new ViewFileReader(stem, shape, undefined, this.effort);
    return { ask: async (question) => file.handle(question), close: async () => file.close() };
  }

  private generationsOf(shape: SqliteViewSchema): SqliteGenerations {
    return new SqliteGenerations(this.stemOf(shape), shape);
  }

  private stemOf({ name, version }: SqliteViewSchema): string {
    return join(this.folder, `${name}.v${version}`);
  }

  private kept<T extends { close(): Promise<void> }>(each: T): T {
    const close = each.close.bind(each);
    each.close = async () => (this.open.delete(each), close());
    this.open.add(each);
    return each;
  }
}

/** Rows are parsed on the asking side. */
const rowsFrom = (ask: Asked['ask']): RowReader => ({
  async get<Row extends object>(table: string, keys: readonly string[]) {
    const rows = await ask({ what: 'get', table, keys });
    return new Map(rows.map(([key, row]) => [key, JSON.parse(row) as Row]));
  },
  async find<Row extends object>(table: string, query: Parameters<RowReader['find']>[1]) {
    const { rows, hasMore: more, checkpoint } = await ask({ what: 'find', table, query });
    return {
      rows: rows.map(([key, row, sortValue]) => ({ key, row: JSON.parse(row) as Row, sortValue })),
      hasMore: more,
      checkpoint,
    };
  },
  count: (table, query) => ask({ what: 'count', table, query }),
  group: (table, query) => ask({ what: 'group', table, query }),
});
