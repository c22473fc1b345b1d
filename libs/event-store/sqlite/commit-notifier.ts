import { BroadcastChannel } from 'node:worker_threads';

/** How long an append by another process may stay unseen; those of this process's threads are announced. */
const pollMs = 100;

/** One message tells other threads of all commits within this time; the first is told at once. Each costs both sides some 10 µs. */
const quietMs = 2;

/** Tells the followers of a log, in whichever thread of this process, that there may be more. */
export class CommitNotifier {
  readonly #channel: BroadcastChannel;
  readonly #sleepers = new Set<() => void>();
  notificationCount = 0;
  #quiet = false;
  #untold = false;
  #closed = false;

  /** @param path The real path of the log's file: one channel per log. */
  constructor(path: string) {
    this.#channel = new BroadcastChannel(`leadstream log ${path}`);
    this.#channel.onmessage = () => this.#wake();
    this.#channel.unref();
  }

  /** How often there was a wake-up: to be taken before looking, and given to `next` when nothing was found. */
  get count(): number {
    return this.notificationCount;
  }

  notify(): void {
    this.#wake();
    this.#untold = true;
    if (!this.#quiet) this.#tell();
  }

  #tell(): void {
    this.#quiet = this.#untold;
    if (!this.#untold || this.#closed) return;
    this.#untold = false;
    this.#channel.postMessage(null);
    setTimeout(() => this.#tell(), quietMs).unref();
  }

  /** Until a wake-up after the first `seen`, until it is time to look anyway, or until `signal` aborts. */
  async waitForChange(seen: number, signal: AbortSignal): Promise<void> {
    if (this.notificationCount !== seen || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, pollMs);
      this.#sleepers.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  close(): void {
    this.#wake();
    this.#closed = true;
    this.#channel.close();
  }

  #wake(): void {
    this.notificationCount += 1;
    for (const wake of [...this.#sleepers]) wake();
  }
}
