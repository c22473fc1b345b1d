import { setImmediate } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { UnreadableEvent } from '#domain/event-codec';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { backoffMs } from '#timing/backoff';
import { pollUntil } from '#timing/poll';
import { sleep } from '#timing/sleep';
import { RowCache } from './row-cache.js';
import {
  CheckpointMoved,
  type ProjectionFailure,
  type ViewStore,
  ViewsUnavailable,
  type ViewWriter,
} from './view-store.js';
import type { View } from './view.js';

/** The part of the event log that projections need. */
export interface EventFeed {
  /** The position before the first event. */
  readonly start: Position;
  /** The position of the newest event, or `start`. */
  head(): Promise<Position>;
  /**
   * Yields every event after `after`, in order, until `signal` aborts.
   * @throws UnreadableEvent after all events before that one have been yielded
   */
  follow(
    after: Position,
    options: { readonly signal: AbortSignal; readonly batchSize?: number },
  ): AsyncIterable<FeedBatch>;
}

interface FeedBatch {
  readonly events: readonly RecordedEvent[];
  /** Position of the last event of the batch. */
  readonly position: Position;
}

/** Reported to an operator. All but `built` and `promoted` are problems. */
export type ProjectionNotice =
  | { readonly type: 'built' | 'promoted'; readonly view: View }
  | { readonly type: 'stopped'; readonly view: View; readonly stopped: ProjectionFailure; readonly error: unknown }
  | { readonly type: 'retrying'; readonly view: View; readonly inMs: number; readonly error: unknown };

// While a view is built, changed rows are gathered in memory over several batches. At a million leads this reduces the processor time
// of an event from 83 µs (8,000 rows) to 31 µs (64,000 rows): see docs/evidence/benchmarks.md.
const minGatheredRows = 8_000;
/** Allows for about 10 KB of heap per row and several views that are built at the same time. */
const gatheredRowsForHeap = Math.floor(getHeapStatistics().heap_size_limit / 32_768);
const maxGatheredRows = Math.max(minGatheredRows, Math.min(48_000, gatheredRowsForHeap));
const maxGatheredEvents = 300_000;
/** With fewer events per row on average, gathering saves nothing, so rows are saved at `minGatheredRows`. */
const minChangesPerRow = 1.1;

const retryDelay = { firstMs: 100, maxMs: 5_000 };
/** How often a stopped view checks whether its failure was cleared. */
const stoppedPollIntervalMs = 500;

/** An event that cannot be applied. Everything before it has been saved. */
class UnappliableEvent extends Error {
  constructor(
    readonly eventId: string | null,
    readonly position: Position,
    override readonly cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}

/** A batch failed: start again from the checkpoint with smaller batches, to find the event that fails. */
class RetryInSmallerBatches extends Error {}

const isPassing = (error: unknown): boolean => error instanceof CheckpointMoved || error instanceof ViewsUnavailable;

/**
 * Keeps one view up to date with the log, in one ordered pass. If the log or the storage fails, it retries from the checkpoint.
 *
 * An event that the view cannot apply stops the view. Everything before the event is saved. The view continues when it is started
 * again or wiped, or when another worker has moved it past the event. Workers may overlap, because all write the same rows.
 *
 * With `candidate`, it runs on the candidate generation until that is promoted.
 */
export class ProjectionRunner {
  private readonly rowCache: RowCache;
  private writer: ViewWriter | undefined;
  private failedEvent: UnappliableEvent | undefined;
  /** Batches up to here are saved separately, because several of them, saved together, have failed. */
  private batchByBatchUntil: Position = '';
  /** Events up to here are applied and saved one by one, because a batch that ends here has failed. */
  private oneByOneUntil: Position = '';
  private failedAttempts = 0;
  private unsavedEvents = 0;
  private unsavedBatches = 0;
  private isPromoted = false;

  /** All rows up to this position are durable, as far as this worker knows. Null before the first batch. */
  checkpoint: Position | null = null;
  stopped: ProjectionFailure | null = null;
  /** When the checkpoint last moved, in milliseconds since 1970; null if it has not. */
  lastProgressAt: number | null = null;
  /** Events that this worker has applied or skipped, and saved. */
  appliedEvents = 0;

  constructor(
    readonly view: View,
    private readonly store: Pick<ViewStore, 'openForWriting'>,
    private readonly feed: EventFeed,
    private readonly notify: (notice: ProjectionNotice) => void,
    private readonly options: { readonly candidate?: boolean } = {},
  ) {
    this.rowCache = new RowCache(view);
  }

  /** Runs until `signal` aborts or its candidate is promoted. Never rejects. A batch is saved completely or not at all. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.isPromoted) {
      try {
        if (this.failedEvent) await this.waitUntilCleared(this.failedEvent, signal);
        else await this.followLog(signal);
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof UnappliableEvent) this.failedEvent = error;
        else if (!(error instanceof CheckpointMoved || error instanceof RetryInSmallerBatches))
          await this.waitBeforeRetry(error, signal);
      }
    }
    await this.closeWriter();
  }

  private async followLog(signal: AbortSignal): Promise<void> {
    this.rowCache.clear();
    this.unsavedEvents = 0;
    this.unsavedBatches = 0;
    const writer = await this.openWriter();
    if (await this.promoteCandidate(writer)) return;
    const { checkpoint, built } = await writer.state();
    this.checkpoint = checkpoint;
    const build = { until: built ? null : await this.feed.head() };
    await this.finishBuild(writer, build);
    if (await this.promoteCandidate(writer)) return;
    let reached = checkpoint ?? this.feed.start;
    try {
      for await (const { events, position } of this.feed.follow(reached, { signal })) {
        if (signal.aborted) return;
        await this.apply(events, position, writer);
        reached = position;
        const isGathering = build.until !== null && position < build.until && position > this.batchByBatchUntil;
        if (!isGathering || this.isCacheFull) await this.save(writer, position);
        await this.finishBuild(writer, build);
        if (await this.promoteCandidate(writer)) return;
        // Embedded stores never wait for I/O, so without this no other work of the process would run.
        await setImmediate();
      }
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      if (this.unsavedEvents > 0) await this.save(writer, reached);
      throw new UnappliableEvent(error.eventId, error.location.position, error);
    }
    if (!signal.aborted) throw new Error('the log stopped returning events');
  }

  private async apply(events: readonly RecordedEvent[], position: Position, writer: ViewWriter): Promise<void> {
    const first = events[0];
    if (first && first.position <= this.oneByOneUntil) return this.applyOneByOne(events, writer);
    try {
      await this.rowCache.apply(events, writer);
      this.unsavedEvents += events.length;
    } catch (error) {
      if (error instanceof ViewsUnavailable) throw error;
      throw this.retryInSmallerBatches(position);
    }
    this.unsavedBatches++;
  }

  private retryInSmallerBatches(failedAt: Position): RetryInSmallerBatches {
    if (this.unsavedBatches > 1) this.batchByBatchUntil = failedAt;
    else this.oneByOneUntil = failedAt;
    return new RetryInSmallerBatches();
  }

  /** An event fails alone when the view cannot apply it, or when the storage rejects what it changes, such as a row that is too big. */
  private async applyOneByOne(events: readonly RecordedEvent[], writer: ViewWriter): Promise<void> {
    for (const event of events) {
      try {
        await this.rowCache.apply([event], writer, true);
        this.unsavedEvents++;
        await this.saveRows(writer, event.position);
      } catch (error) {
        if (isPassing(error)) throw error;
        throw new UnappliableEvent(event.id, event.position, error);
      }
    }
  }

  private async save(writer: ViewWriter, to: Position): Promise<void> {
    try {
      await this.saveRows(writer, to);
    } catch (error) {
      if (isPassing(error) || this.oneByOneUntil >= to) throw error;
      throw this.retryInSmallerBatches(to);
    }
  }

  private async saveRows(writer: ViewWriter, to: Position): Promise<void> {
    const writes = this.rowCache.pendingWrites();
    await writer.save(writes, this.checkpoint, to);
    this.rowCache.markSaved(writes);
    this.unsavedBatches = 0;
    this.checkpoint = to;
    this.appliedEvents += this.unsavedEvents;
    this.unsavedEvents = 0;
    this.failedAttempts = 0;
    this.lastProgressAt = Date.now();
  }

  /** Marks the view as built once its checkpoint has reached `build.until`, the head of the log when the build began. */
  private async finishBuild(writer: ViewWriter, build: { until: Position | null }): Promise<void> {
    if (build.until === null || (this.checkpoint ?? this.feed.start) < build.until) return;
    await writer.finishBuild();
    build.until = null;
    this.notify({ type: 'built', view: this.view });
  }

  private async promoteCandidate(writer: ViewWriter): Promise<boolean> {
    if (!this.options.candidate || !(await writer.promote())) return false;
    this.isPromoted = true;
    this.notify({ type: 'promoted', view: this.view });
    return true;
  }

  private get isCacheFull(): boolean {
    const { changedRows, changeCount } = this.rowCache;
    const maxRows = changeCount < changedRows * minChangesPerRow ? minGatheredRows : maxGatheredRows;
    return this.unsavedEvents >= maxGatheredEvents || changedRows >= maxRows;
  }

  /** Records the failure, and waits until the view is wiped or another worker has passed the event. */
  private async waitUntilCleared(failed: UnappliableEvent, signal: AbortSignal): Promise<void> {
    const { eventId, position, message, cause } = failed;
    if (!this.stopped) {
      this.stopped = { eventId, position, reason: message, since: new Date().toISOString() };
      this.notify({ type: 'stopped', view: this.view, stopped: this.stopped, error: cause });
    }
    const writer = await this.openWriter();
    const reported = (await writer.state()).stopped;
    if (reported?.position === position) this.stopped = { ...this.stopped, since: reported.since };
    await writer.reportFailure(this.stopped);
    const isCleared = async (): Promise<boolean> => (await writer.state()).stopped === null;
    if (!(await pollUntil(isCleared, { intervalMs: stoppedPollIntervalMs, signal }))) return;
    this.failedEvent = undefined;
    this.stopped = null;
  }

  private async waitBeforeRetry(error: unknown, signal: AbortSignal): Promise<void> {
    await this.closeWriter();
    const inMs = backoffMs(this.failedAttempts++, retryDelay);
    this.notify({ type: 'retrying', view: this.view, inMs, error });
    await sleep(inMs, signal);
  }

  private async openWriter(): Promise<ViewWriter> {
    return (this.writer ??= await this.store.openForWriting(this.view, this.options));
  }

  /** The next writer opens a new connection, which may work if this one no longer does. */
  private async closeWriter(): Promise<void> {
    const writer = this.writer;
    this.writer = undefined;
    await writer?.close().catch(() => undefined);
  }
}
