import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Lease } from '../lease.js';
import {
  type Asked,
  type Found,
  type Query,
  type ViewReader,
  ViewStore,
  ViewsUnavailable,
  type ViewWriter,
} from '../view-store.js';
import type { View } from '../view.js';
import { Connection } from './connection.js';
import { type Answers, FileReader, type Question } from './file.reader.js';
import { emptyTables, isMade, makeTables, shapeOf, type ViewShape } from './schema.sql.js';
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
 * Views in SQLite: one file `<view>.v<version>.db` in a folder for each. Writing blocks the calling thread; reading happens in
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

  async openForWriting(view: View): Promise<ViewWriter> {
    const shape = shapeOf(view);
    this.makeFolder();
    const connection = new Connection(this.fileOf(shape), false);
    try {
      makeTables(connection, shape);
      // Rows and checkpoint move in one transaction: a tail of commits that a power cut takes away is replayed from the log. So
      // no commit waits for the disk, only the moving of the write-ahead log into the file does.
      connection.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000; PRAGMA journal_size_limit = 67108864');
      connection.exec('PRAGMA wal_autocheckpoint = 4000');
    } catch (error) {
      connection.close();
      throw error;
    }
    return this.kept(new SqliteViewWriter(connection, shape));
  }

  async openForReading(view: View): Promise<ViewReader> {
    const shape = shapeOf(view);
    const path = this.fileOf(shape);
    const { thread } = this;
    if (thread) return new SqliteViewReader((question) => thread.ask(path, shape, question));
    const file = new FileReader(path, shape, undefined, this.effort);
    return this.kept(
      new SqliteViewReader(
        async (question) => file.answer(question),
        () => file.close(),
      ),
    );
  }

  async wipe(view: View): Promise<void> {
    const shape = shapeOf(view);
    const path = this.fileOf(shape);
    if (!existsSync(path)) return;
    try {
      const connection = new Connection(path, false);
      try {
        if (isMade(connection)) emptyTables(connection, shape);
      } finally {
        connection.close();
      }
    } catch (error) {
      if (((error as Error).cause as { sqliteCodeName?: string } | undefined)?.sqliteCodeName !== 'SQLITE_CORRUPT')
        throw error;
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
    }
  }

  lease(): Lease {
    return this.kept(
      new SqliteLease(() => {
        this.makeFolder();
        return new Connection(join(this.folder, 'lease.db'), false);
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

  private makeFolder(): void {
    try {
      mkdirSync(this.folder, { recursive: true });
    } catch (cause) {
      throw new ViewsUnavailable(`The views' folder ${this.folder} can't be made.`, { cause });
    }
  }

  private fileOf({ name, version }: ViewShape): string {
    return join(this.folder, `${name}.v${version}.db`);
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
