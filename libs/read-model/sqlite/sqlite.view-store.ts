import { join } from 'node:path';
import type { Lease } from '../lease.js';
import {
  mostSnapshots,
  type Rows,
  SnapshotRefused,
  type ViewReader,
  type ViewSnapshot,
  type ViewState,
  ViewStore,
  type ViewWriter,
} from '../view-store.js';
import type { View } from '../view.js';
import { type Answers, FileReader, type Question } from './file.reader.js';
import { Connection } from './connection.js';
import { Generations, makeFolder, versionsIn } from './generations.js';
import { shapeOf, type ViewShape } from './schema.sql.js';
import { type Effort, usualEffort } from './query.sql.js';
import { SqliteLease } from './sqlite.lease.js';
import { SqliteViewWriter } from './sqlite.view-writer.js';
import { ReaderThread } from './thread.client.js';

export interface SqliteViewStoreOptions {
  /** The built `reader.thread.js` to start the reading thread from; false: queries block the thread that asks, as tools may. */
  readonly readerThread?: URL | false;
  /** For tests, without a thread: so that few rows take the ways of many. */
  readonly effort?: Effort;
}

/** Who answers questions about one view. */
interface Asked {
  readonly ask: <Q extends Question>(question: Q) => Promise<Answers[Q['what']]>;
  readonly close: () => Promise<void>;
}

/**
 * Views in SQLite: one file `<view>.v<version>.g<generation>.db` in a folder for each. Writing blocks the calling thread; reading happens in
 * one thread of its own. So does each snapshot, which is a read transaction: what is written meanwhile stays in the write-ahead log.
 */
export class SqliteViewStore extends ViewStore {
  private readonly thread: ReaderThread | undefined;
  private readonly entry: URL | false;
  private readonly effort: Effort;
  private readonly open = new Set<{ close(): Promise<void> }>();
  private snapshots = 0;

  /** `folder` is made when it is first written to. */
  constructor(
    private readonly folder: string,
    {
      readerThread = new URL('./reader.thread.js', import.meta.url),
      effort = usualEffort,
    }: SqliteViewStoreOptions = {},
  ) {
    super();
    this.effort = effort;
    this.entry = readerThread;
    this.thread = readerThread === false ? undefined : new ReaderThread(readerThread);
  }

  async openForWriting(view: View, { beside = false } = {}): Promise<ViewWriter> {
    const shape = shapeOf(view);
    return this.kept(new SqliteViewWriter(this.generationsOf(shape), shape, beside));
  }

  async openForReading(view: View): Promise<ViewReader> {
    const shape = shapeOf(view);
    const { ask, close } = this.asked(shape, this.thread);
    const reader = { state: () => ask({ what: 'state' }), ...rowsFrom(ask), snapshot: () => this.hold(shape), close };
    return this.thread ? reader : this.kept(reader);
  }

  async beside(view: View): Promise<ViewState | undefined> {
    return this.generationsOf(shapeOf(view)).beside();
  }

  async wipe(view: View): Promise<void> {
    const generations = this.generationsOf(shapeOf(view));
    generations.closeAll();
    generations.tidy();
  }

  async tidy(view: View): Promise<void> {
    this.generationsOf(shapeOf(view)).tidy();
  }

  async versions(name: string): Promise<readonly number[]> {
    return versionsIn(this.folder, name);
  }

  lease(): Lease {
    return this.kept(
      new SqliteLease(() => {
        makeFolder(this.folder);
        return new Connection(join(this.folder, 'lease.db'), 'make');
      }),
    );
  }

  /** Without a thread nothing ever waits. */
  override get waiting(): number {
    return this.thread?.waiting ?? 0;
  }

  async close(): Promise<void> {
    for (const each of [...this.open]) await each.close();
    await this.thread?.close();
  }

  private async hold(shape: ViewShape): Promise<ViewSnapshot> {
    if (this.snapshots >= mostSnapshots)
      throw new SnapshotRefused(
        `The view is held ${mostSnapshots} times already, such as for exports: ask again when one has ended.`,
      );
    this.snapshots++;
    const thread = this.entry === false ? undefined : new ReaderThread(this.entry, true);
    const { ask, close } = this.asked(shape, thread);
    let ended: Promise<void> | undefined;
    const end = (): Promise<void> =>
      (ended ??= Promise.all([close(), thread?.close()]).then(() => void this.snapshots--));
    try {
      const { checkpoint } = await ask({ what: 'hold' });
      return this.kept({ checkpoint, ...rowsFrom(ask), close: end });
    } catch (error) {
      await end();
      throw error;
    }
  }

  /** Without a thread the one that asks is blocked. */
  private asked(shape: ViewShape, thread: ReaderThread | undefined): Asked {
    const stem = this.stemOf(shape);
    if (thread) return { ask: (question) => thread.ask(stem, shape, question), close: async () => undefined };
    const file = new FileReader(stem, shape, undefined, this.effort);
    return { ask: async (question) => file.answer(question), close: async () => file.close() };
  }

  private generationsOf(shape: ViewShape): Generations {
    return new Generations(this.stemOf(shape), shape);
  }

  private stemOf({ name, version }: ViewShape): string {
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
const rowsFrom = (ask: Asked['ask']): Rows => ({
  async get<Row extends object>(table: string, keys: readonly string[]) {
    const rows = await ask({ what: 'get', table, keys });
    return new Map(rows.map(([key, row]) => [key, JSON.parse(row) as Row]));
  },
  async find<Row extends object>(table: string, query: Parameters<Rows['find']>[1]) {
    const { rows, more, checkpoint } = await ask({ what: 'find', table, query });
    return {
      rows: rows.map(([key, row, sortValue]) => ({ key, row: JSON.parse(row) as Row, sortValue })),
      more,
      checkpoint,
    };
  },
  count: (table, query) => ask({ what: 'count', table, query }),
  tally: (table, query) => ask({ what: 'tally', table, query }),
});
