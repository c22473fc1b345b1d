import { BroadcastChannel } from 'node:worker_threads';

/** How long a commit by another process may go unnoticed. Threads of this process are notified. */
const pollIntervalMs = 100;

/** Messages to other threads are at least this far apart; the first commit after a pause is sent at once. A message costs each side about 10 µs. */
const minMessageIntervalMs = 2;

/** Notifies the followers of a log, in every thread of this process, that there may be new events. */
export class CommitNotifier {
  private readonly channel: BroadcastChannel;
  private readonly waiters = new Set<() => void>();
  private wakeUps = 0;
  private isPausing = false;
  private hasUnsentCommit = false;
  private isClosed = false;

  /** @param path The real path of the log's file. Each log has a channel of its own. */
  constructor(path: string) {
    this.channel = new BroadcastChannel(`leadstream log ${path}`);
    this.channel.onmessage = () => this.wake();
    this.channel.unref();
  }

  /** The number of wake-ups so far. Take it before reading; if there was nothing to read, pass it to `waitForChange`. */
  get count(): number {
    return this.wakeUps;
  }

  notify(): void {
    this.wake();
    this.hasUnsentCommit = true;
    if (!this.isPausing) this.send();
  }

  private send(): void {
    this.isPausing = this.hasUnsentCommit;
    if (!this.hasUnsentCommit || this.isClosed) return;
    this.hasUnsentCommit = false;
    this.channel.postMessage(null);
    setTimeout(() => this.send(), minMessageIntervalMs).unref();
  }

  /** Waits until there were more than `seen` wake-ups, but no longer than the poll interval or until `signal` aborts. */
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
