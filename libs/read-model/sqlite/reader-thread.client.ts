import { Worker } from 'node:worker_threads';
import { ViewBeingBuilt, ViewsUnavailable } from '../view-store.js';
import type { SqliteViewSchema } from './schema.sql.js';
import type { ReadRequest, ReadResponses } from './view-file.reader.js';

export interface ReaderThreadMessage {
  readonly id: number;
  readonly basePath: string;
  /** Sent with the first request for a view. */
  readonly schema?: SqliteViewSchema;
  /** Null ends the thread. */
  readonly request: ReadRequest | null;
}

interface ReaderThreadReply {
  readonly id: number;
  readonly response?: ReadResponses[ReadRequest['type']];
  readonly error?: {
    readonly message: string;
    readonly cause?: string;
    readonly isUnavailable: boolean;
    readonly viewBeingBuilt?: string;
  };
}

interface PendingRequest {
  resolve(response: ReadResponses[ReadRequest['type']]): void;
  reject(error: Error): void;
}

interface RunningThread {
  readonly worker: Worker;
  readonly pending: Map<number, PendingRequest>;
  /** Base paths whose schema the thread has. */
  readonly knownViews: Set<string>;
}

/** Sends requests to a thread, which the first request starts. The thread keeps the process alive only while requests are pending. */
export class ReaderThreadClient {
  private running: RunningThread | undefined;
  private lastId = 0;
  private closed = false;

  /** Without `restarts`, all requests fail after the thread has ended, because its snapshot is lost. */
  constructor(
    private readonly entry: URL,
    private readonly restarts = true,
  ) {}

  get pendingReads(): number {
    return this.running?.pending.size ?? 0;
  }

  async request<R extends ReadRequest>(
    basePath: string,
    schema: SqliteViewSchema,
    request: R,
  ): Promise<ReadResponses[R['type']]>;
  async request(
    basePath: string,
    schema: SqliteViewSchema,
    request: ReadRequest,
  ): Promise<ReadResponses[ReadRequest['type']]> {
    if (this.closed) throw new ViewsUnavailable('The view store is closed.');
    const { worker, pending, knownViews } = (this.running ??= this.start());
    const id = ++this.lastId;
    const message: ReaderThreadMessage = knownViews.has(basePath)
      ? { id, basePath, request }
      : { id, basePath, request, schema };
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage(message);
      knownViews.add(basePath);
    });
  }

  /** Resolves after all pending requests have been answered. */
  async close(): Promise<void> {
    this.closed = true;
    const worker = this.running?.worker;
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage({ id: 0, basePath: '', request: null } satisfies ReaderThreadMessage);
    await ended;
  }

  private start(): RunningThread {
    const worker = new Worker(this.entry, { name: 'views reader' });
    const pending = new Map<number, PendingRequest>();
    let failure: unknown;
    worker.on('message', ({ id, response, error }: ReaderThreadReply) => {
      const request = pending.get(id);
      pending.delete(id);
      if (pending.size === 0) worker.unref();
      if (error) request?.reject(toError(error));
      else request?.resolve(response!);
    });
    worker.on('error', (error) => (failure = error));
    worker.on('exit', () => {
      if (this.running?.worker === worker) this.running = undefined;
      if (!this.restarts) this.closed = true;
      for (const request of pending.values())
        request.reject(new ViewsUnavailable('The thread that reads views has ended. Retry.', { cause: failure }));
      pending.clear();
    });
    return { worker, pending, knownViews: new Set() };
  }
}

/** Threads exchange plain data, so the class of an error is restored here. */
function toError({ message, cause, isUnavailable, viewBeingBuilt }: NonNullable<ReaderThreadReply['error']>): Error {
  if (viewBeingBuilt !== undefined) return new ViewBeingBuilt(viewBeingBuilt);
  const options = cause === undefined ? {} : { cause: new Error(cause) };
  return isUnavailable ? new ViewsUnavailable(message, options) : new Error(message, options);
}
