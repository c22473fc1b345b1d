import { Worker } from 'node:worker_threads';
import { ViewBeingBuilt, ViewsUnavailable } from '../view-store.js';
import type { ReadResponses, ReadRequest } from './view-file.reader.js';
import type { SqliteViewSchema } from './schema.sql.js';

/** `shape` comes with the first question about a view; question null: the end. */
export interface ReaderThreadMessage {
  readonly id: number;
  readonly stem: string;
  readonly schema?: SqliteViewSchema;
  readonly request: ReadRequest | null;
}

interface FromThread {
  readonly id: number;
  readonly answer?: ReadResponses[ReadRequest['what']];
  readonly error?: {
    readonly message: string;
    readonly cause?: string;
    readonly unavailable: boolean;
    /** The view that is. */
    readonly beingBuilt?: string;
  };
}

interface Pending {
  resolve(answer: ReadResponses[ReadRequest['what']]): void;
  reject(error: Error): void;
}

/**
 * Asks in another thread, started at the first question and, unless what it held would be lost (`once`), again after it died. It
 * keeps the process alive only while asked.
 */
export class ReaderThreadClient {
  private running:
    { readonly worker: Worker; readonly pending: Map<number, Pending>; readonly known: Set<string> } | undefined;
  private lastId = 0;
  private closed = false;

  constructor(
    private readonly entry: URL,
    private readonly once = false,
  ) {}

  get pendingReads(): number {
    return this.running?.pending.size ?? 0;
  }

  async request<Q extends ReadRequest>(
    stem: string,
    shape: SqliteViewSchema,
    question: Q,
  ): Promise<ReadResponses[Q['what']]>;
  async request(
    stem: string,
    shape: SqliteViewSchema,
    question: ReadRequest,
  ): Promise<ReadResponses[ReadRequest['what']]> {
    if (this.closed) throw new ViewsUnavailable('The views are closed.');
    const { worker, pending, known } = (this.running ??= this.start());
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({
        id,
        stem,
        request: question,
        ...(known.has(stem) ? {} : { schema: shape }),
      } satisfies ReaderThreadMessage);
      known.add(stem);
    });
  }

  /** Questions still open are answered first. */
  async close(): Promise<void> {
    this.closed = true;
    const worker = this.running?.worker;
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage({ id: 0, stem: '', request: null } satisfies ReaderThreadMessage);
    await ended;
  }

  private start(): NonNullable<typeof this.running> {
    const worker = new Worker(this.entry, { name: 'views reader' });
    const pending = new Map<number, Pending>();
    let failure: unknown;
    worker.on('message', ({ id, answer, error }: FromThread) => {
      const asked = pending.get(id);
      pending.delete(id);
      if (pending.size === 0) worker.unref();
      if (!error) return asked?.resolve(answer!);
      const cause = error.cause === undefined ? {} : { cause: new Error(error.cause) };
      if (error.beingBuilt !== undefined) return asked?.reject(new ViewBeingBuilt(error.beingBuilt));
      asked?.reject(error.unavailable ? new ViewsUnavailable(error.message, cause) : new Error(error.message, cause));
    });
    worker.on('error', (error) => (failure = error));
    worker.on('exit', () => {
      if (this.running?.worker === worker) this.running = undefined;
      if (this.once) this.closed = true;
      for (const asked of pending.values())
        asked.reject(new ViewsUnavailable('The thread that reads views ended.', { cause: failure }));
      pending.clear();
    });
    return { worker, pending, known: new Set() };
  }
}
