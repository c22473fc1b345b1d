import { join } from 'node:path';
import type { Lease } from '../lease.js';
import {
  type Asked,
  type Found,
  type Query,
  type ViewReader,
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

type Ask = <Q extends Question>(question: Q) => Promise<Answers[Q['what']]>;

/**
 * Views in SQLite: one file `<view>.v<version>.g<generation>.db` in a folder for each. Writing blocks the calling thread; reading happens in
 * one thread of its own.
 */
export class SqliteViewStore extends ViewStore {
  private readonly thread: ReaderThread | undefined;
  private readonly effort: Effort;
  private readonly open = new Set<{ close(): Promise<void> }>();

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
    this.thread = readerThread === false ? undefined : new ReaderThread(readerThread);
  }

  async openForWriting(view: View, { beside = false } = {}): Promise<ViewWriter> {
    const shape = shapeOf(view);
    return this.kept(new SqliteViewWriter(this.generationsOf(shape), shape, beside));
  }

  async openForReading(view: View): Promise<ViewReader> {
    const shape = shapeOf(view);
    const stem = this.stemOf(shape);
    const { thread } = this;
    if (thread) return new SqliteViewReader((question) => thread.ask(stem, shape, question));
    const file = new FileReader(stem, shape, undefined, this.effort);
    return this.kept(
      new SqliteViewReader(
        async (question) => file.answer(question),
        () => file.close(),
      ),
    );
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

/** Asks, and parses the rows on the asking side. */
class SqliteViewReader implements ViewReader {
  constructor(
    private readonly ask: Ask,
    private readonly release: () => void = () => undefined,
  ) {}

  async state() {
    return this.ask({ what: 'state' });
  }

  async get<Row extends object>(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, Row>> {
    const rows = await this.ask({ what: 'get', table, keys });
    return new Map(rows.map(([key, row]) => [key, JSON.parse(row) as Row]));
  }

  async find<Row extends object>(table: string, query: Query): Promise<Found<Row>> {
    const { rows, more, checkpoint } = await this.ask({ what: 'find', table, query });
    return {
      rows: rows.map(([key, row, sortValue]) => ({ key, row: JSON.parse(row) as Row, sortValue })),
      more,
      checkpoint,
    };
  }

  async count(table: string, query: Asked): Promise<number> {
    return this.ask({ what: 'count', table, query });
  }

  async close(): Promise<void> {
    this.release();
  }
}
