import { BroadcastChannel } from 'node:worker_threads';

/** How long a commit by another process may go unnoticed. Threads of this process are notified. */
const pollIntervalMs = 100;

/** The minimum time between messages to other threads: a message costs each side about 10 µs. The first one is sent at once. */
const minMessageIntervalMs = 2;

/** Notifies the followers of a log, in all threads of this process, that there may be new events. */
export class CommitNotifier {
  private readonly channel: BroadcastChannel;
  private readonly waiters = new Set<() => void>();
  private wakeUps = 0;
  private isThrottled = false;
  private hasUnsentCommit = false;
  private isClosed = false;

  /** @param path The real path of the log's file, which identifies the log's channel. */
  constructor(path: string) {
    this.channel = new BroadcastChannel(`leadstream log ${path}`);
    this.channel.onmessage = () => this.wake();
    this.channel.unref();
  }

  /** The number of wake-ups so far. Get it before reading. If there was nothing to read, pass it to `waitForChange`. */
  get wakeUpCount(): number {
    return this.wakeUps;
  }

  notify(): void {
    this.wake();
    this.hasUnsentCommit = true;
    if (!this.isThrottled) this.send();
  }

  private send(): void {
    this.isThrottled = this.hasUnsentCommit;
    if (!this.hasUnsentCommit || this.isClosed) return;
    this.hasUnsentCommit = false;
    this.channel.postMessage(null);
    setTimeout(() => this.send(), minMessageIntervalMs).unref();
  }

  /** Waits until there have been more than `seen` wake-ups, the poll interval has passed or `signal` aborts. */
  async waitForChange(seen: number, signal: AbortSignal): Promise<void> {
    if (this.wakeUps !== seen || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, pollIntervalMs);
      this.waiters.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  close(): void {
    this.wake();
    this.isClosed = true;
    this.channel.close();
  }

  private wake(): void {
    this.wakeUps += 1;
    for (const wake of [...this.waiters]) wake();
  }
}
