import type { Position } from '#domain/event-envelope';
import { ViewBeingBuilt, type ViewStore } from '#read-model/view-store';
import type { DueItem, ScheduledTask, SchedulerClock } from './scheduled-task.js';
import { DeadLetters } from './dead-letters.js';
import type { AutomationNotice } from './event-processor.js';
import { createDeadLetter, isStoreUnavailable, maxAttempts } from './reactor.js';

/** Time between polls in milliseconds; also how far ahead a poll looks. */
const pollIntervalMs = 1_000;
/** The longest pause, in milliseconds, while the log or the views are unavailable. */
const maxPauseMs = 5_000;

/** What the scheduler remembers about an item that the last poll found. */
interface TrackedItem {
  readonly causeId: string;
  readonly isRunning: boolean;
  /** Set if the item has been run: the view no longer reports it from this position on. */
  readonly donePosition: Position | null;
  /** Runs that failed, or after which the view still reports the item. */
  readonly failures: number;
  /** The first poll that may run the item again; Infinity if it is parked. */
  readonly nextPoll: number;
}

type RunResult = Partial<Pick<TrackedItem, 'donePosition' | 'failures' | 'nextPoll'>>;

const parked: RunResult = { nextPoll: Infinity };

/**
 * Runs the due items of a scheduled task: soonest due first, several at a time. It stores only dead letters. The log records what has
 * been done, so an item is not done twice after a restart or by two workers.
 *
 * A failed item is skipped for 1, 2, 4, 8 and 16 polls before its retries, and is then parked. It does not delay other items.
 * While the log or the views are unavailable, the scheduler waits. An outage never parks an item.
 */
export class Scheduler<Item extends DueItem> {
  private readonly items = new Map<string, TrackedItem>();
  private readonly running = new Set<Promise<void>>();
  private readonly deadLetters: DeadLetters;
  private polls = 0;
  /** Set if an item failed because the log or the views are unavailable. */
  private outage: Error | undefined;

  constructor(
    private readonly task: ScheduledTask<Item>,
    views: Pick<ViewStore, 'openForWriting'>,
    private readonly clock: SchedulerClock,
    private readonly notify: (notice: AutomationNotice) => void,
    private readonly concurrency = 8,
  ) {
    this.deadLetters = new DeadLetters(task, views);
  }

  /** Runs until `signal` aborts and all running items have ended; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      let pauseMs: number;
      try {
        pauseMs = await this.poll(signal);
        failures = 0;
      } catch (error) {
        pauseMs = Math.min(maxPauseMs, pollIntervalMs * 2 ** failures++);
        if (!(error instanceof ViewBeingBuilt)) this.notifyRetry(error, pauseMs);
      }
      await this.clock.pause(pauseMs, signal);
    }
    await Promise.all(this.running);
    await this.deadLetters.close();
  }

  /** Starts every due item. Returns the milliseconds until the next poll. */
  private async poll(signal: AbortSignal): Promise<number> {
    const { outage } = this;
    this.outage = undefined;
    if (outage) throw outage;

    this.polls += 1;
    const now = Date.parse(this.clock.now());
    const found = new Set<string>();
    for await (const item of this.task.dueBefore(new Date(now + pollIntervalMs).toISOString())) {
      const inMs = Date.parse(item.at) - now;
      if (inMs > 0) return this.endPoll(found, inMs);
      found.add(item.id);
      if (!this.shouldRun(item)) continue;
      while (this.running.size >= this.concurrency) await Promise.race(this.running);
      if (signal.aborted || this.outage) return 0;
      this.start(item, signal);
    }
    return this.endPoll(found, pollIntervalMs);
  }

  /** Forgets items that are no longer due. */
  private endPoll(found: ReadonlySet<string>, nextPollMs: number): number {
    for (const [id, { isRunning }] of this.items) if (!isRunning && !found.has(id)) this.items.delete(id);
    return nextPollMs;
  }

  private shouldRun({ id, cause, checkpoint }: Item): boolean {
    const tracked = this.items.get(id);
    if (!tracked) return true;
    if (tracked.isRunning) return false;
    if (tracked.causeId !== cause.id) return true;
    // Until the view has reached that position, it still reports an item that is done.
    const { donePosition } = tracked;
    const isStillDue = donePosition === null || (checkpoint !== null && checkpoint >= donePosition);
    return isStillDue && this.polls >= tracked.nextPoll;
  }

  private start(item: Item, signal: AbortSignal): void {
    const earlier = this.items.get(item.id);
    const failures = earlier?.causeId === item.cause.id ? earlier.failures : 0;
    const tracked = { causeId: item.cause.id, failures, donePosition: null, nextPoll: 0 };
    this.items.set(item.id, { ...tracked, isRunning: true });
    const run = this.runItem(item, failures, signal).then((result) => {
      this.items.set(item.id, { ...tracked, ...result, isRunning: false });
      this.running.delete(run);
    });
    this.running.add(run);
  }

  private async runItem(item: Item, failures: number, signal: AbortSignal): Promise<RunResult> {
    const retry = { failures: failures + 1, nextPoll: this.polls + 2 ** failures };
    try {
      if (failures === 0 && (await this.deadLetters.has(item.cause.id))) return parked;
      const donePosition = await this.task.run(item, signal);
      // An item that stays due after successful runs is retried forever, but never parked.
      return { ...retry, failures: Math.min(retry.failures, maxAttempts - 1), donePosition };
    } catch (error) {
      if (signal.aborted) return {};
      if (isStoreUnavailable(error)) {
        this.outage = error;
        return {};
      }
      if (retry.failures >= maxAttempts) return this.park(item, error);
      this.notifyRetry(error, 2 ** failures * pollIntervalMs);
      return retry;
    }
  }

  private async park({ cause }: Item, error: unknown): Promise<RunResult> {
    const deadLetter = createDeadLetter(cause, error, this.clock.now());
    try {
      await this.deadLetters.add(deadLetter);
    } catch (outage) {
      this.outage = outage as Error;
      return {};
    }
    this.notify({ type: 'parked', automation: this.task.name, deadLetter, error });
    return parked;
  }

  private notifyRetry(error: unknown, inMs: number): void {
    this.notify({ type: 'retrying', automation: this.task.name, inMs, error });
  }
}
