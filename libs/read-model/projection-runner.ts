import { setImmediate, setTimeout } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { UnreadableEvent } from '#domain/event-codec';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { RowCache } from './row-cache.js';
import {
  CheckpointMoved,
  type ProjectionFailure,
  ViewsUnavailable,
  type ViewStore,
  type ViewWriter,
} from './view-store.js';
import type { View } from './view.js';

/** What catching up needs of the log. */
export interface EventFeed {
  /** Before every event. */
  readonly start: Position;
  /** The position of the newest event, or `start`. */
  head(): Promise<Position>;
  /** Every event after `after`, in order, without end until `signal` aborts; throws `UnreadableEvent` behind all events before it. */
  follow(
    after: Position,
    options: { readonly signal: AbortSignal; readonly batchSize?: number },
  ): AsyncIterable<FeedBatch>;
}

interface FeedBatch {
  readonly events: readonly RecordedEvent[];
  /** Position of the last event. */
  readonly position: Position;
}

/** What an operator wants to hear of: every word but `built` and `switched` is of trouble. */
export type ProjectionNotice =
  | { readonly what: 'built' | 'switched'; readonly view: View }
  | { readonly what: 'stopped'; readonly view: View; readonly stopped: ProjectionFailure; readonly error: unknown }
  | { readonly what: 'retrying'; readonly view: View; readonly inMs: number; readonly error: unknown };

/** Where the heap is small, fewer rows gather: one may take some 10 KB of it, and several views are built side by side. */
const roomFor = Math.floor(getHeapStatistics().heap_size_limit / 32_768);
/**
 * While a view is built, rows gather in memory over several batches: no more than so many rows and events. Where hardly an event
 * comes back to a row that is there already, gathering spares nothing, and a few rows are enough.
 */
const fewRows = 8_000;
const most = { rows: Math.max(fewRows, Math.min(48_000, roomFor)), events: 300_000 };
/** A row is worth waiting for when events come to it so many times, on average. */
const comesBack = 1.1;
/** In milliseconds. */
const backOff = { first: 100, longest: 5_000 };
/** How often a view that stands still is looked at. */
const lookEveryMs = 500;

/** An event can't be applied: everything before it has been saved. */
class Refused extends Error {
  constructor(
    readonly eventId: string | null,
    readonly position: Position,
    override readonly cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}

/**
 * Keeps one view up to date with the log, in one ordered pass. Trouble with the log or the storage is waited out, going on from
 * the checkpoint. An event that the view can't apply stops it, with everything before that event saved, until it is started
 * again, wiped, or taken past that event by another worker. Workers may overlap on a view: all write the same rows.
 *
 * `beside`: does so with the generation beside the one that serves, until it takes over.
 */
export class ProjectionRunner {
  private readonly fold: RowCache;
  private writer: ViewWriter | undefined;
  private refused: Refused | undefined;
  /** Failed somewhere up to here: events are tried one by one, to tell which. */
  private carefulUntil: Position = '';
  private attempts = 0;
  private unsaved = 0;
  private done = false;

  /** Up to which event all rows are durable, as far as this worker knows; null before the first batch. */
  checkpoint: Position | null = null;
  stopped: ProjectionFailure | null = null;
  /** When the checkpoint last moved, in milliseconds since 1970; null: not yet. */
  lastProgressAt: number | null = null;
  /** How many events this worker has taken the view past. */
  appliedEvents = 0;

  constructor(
    readonly view: View,
    private readonly store: Pick<ViewStore, 'openForWriting'>,
    private readonly feed: EventFeed,
    private readonly tell: (news: ProjectionNotice) => void,
    private readonly options: { readonly candidate?: boolean } = {},
  ) {
    this.fold = new RowCache(view);
  }

  /** Runs until `signal` aborts or, beside, it has taken over; never rejects. The batch under way is saved whole or not at all. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.done) {
      try {
        if (this.refused) await this.standStill(this.refused, signal);
        else await this.pass(signal);
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof Refused) this.refused = error;
        else if (!(error instanceof CheckpointMoved)) await this.waitOut(error, signal);
      }
    }
    await this.letGo();
  }

  private async pass(signal: AbortSignal): Promise<void> {
    this.fold.clear();
    this.unsaved = 0;
    const writer = await this.opened();
    if (await this.takesOver(writer)) return;
    const { checkpoint, built } = await writer.state();
    this.checkpoint = checkpoint;
    const goal = { position: built ? null : await this.feed.head() };
    await this.build(writer, goal);
    if (await this.takesOver(writer)) return;
    let reached = checkpoint ?? this.feed.start;
    try {
      for await (const { events, position } of this.feed.follow(reached, { signal })) {
        if (signal.aborted) return;
        if (!(await this.take(events, position, writer))) return;
        reached = position;
        if (goal.position === null || position >= goal.position || this.isFull) await this.save(writer, position);
        await this.build(writer, goal);
        if (await this.takesOver(writer)) return;
        // Embedded stores answer without ever leaving this turn of the event loop: others need theirs.
        await setImmediate();
      }
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      if (this.unsaved > 0) await this.save(writer, reached);
      throw new Refused(error.eventId, error.location.position, error);
    }
    if (!signal.aborted) throw new Error('the log ended');
  }

  /** False: something in here can't be applied, and must be looked for one by one from the checkpoint. */
  private async take(events: readonly RecordedEvent[], position: Position, writer: ViewWriter): Promise<boolean> {
    const first = events[0];
    if (first && first.position <= this.carefulUntil) {
      await this.takeOneByOne(events, writer);
      return true;
    }
    try {
      await this.fold.apply(events, writer);
      this.unsaved += events.length;
      return true;
    } catch (error) {
      if (error instanceof ViewsUnavailable) throw error;
      this.carefulUntil = position;
      return false;
    }
  }

  private async takeOneByOne(events: readonly RecordedEvent[], writer: ViewWriter): Promise<void> {
    let before: Position | undefined;
    for (const event of events) {
      try {
        await this.fold.apply([event], writer, true);
      } catch (error) {
        if (error instanceof ViewsUnavailable) throw error;
        if (before !== undefined) await this.save(writer, before);
        throw new Refused(event.id, event.position, error);
      }
      this.unsaved++;
      before = event.position;
    }
  }

  private async save(writer: ViewWriter, to: Position): Promise<void> {
    try {
      const writes = this.fold.pendingWrites();
      await writer.save(writes, this.checkpoint, to);
      this.fold.markSaved(writes);
    } catch (error) {
      if (error instanceof CheckpointMoved || error instanceof ViewsUnavailable || this.carefulUntil >= to) throw error;
      this.carefulUntil = to;
      throw new CheckpointMoved('a row can not be stored: to be tried one by one');
    }
    this.checkpoint = to;
    this.appliedEvents += this.unsaved;
    this.unsaved = 0;
    this.attempts = 0;
    this.lastProgressAt = Date.now();
  }

  private async build(writer: ViewWriter, goal: { position: Position | null }): Promise<void> {
    if (goal.position === null || (this.checkpoint ?? this.feed.start) < goal.position) return;
    await writer.finishBuild();
    goal.position = null;
    this.tell({ what: 'built', view: this.view });
  }

  private async takesOver(writer: ViewWriter): Promise<boolean> {
    if (!this.options.candidate || !(await writer.promote())) return false;
    this.done = true;
    this.tell({ what: 'switched', view: this.view });
    return true;
  }

  private get isFull(): boolean {
    const { changedRows: rows, changeCount: changes } = this.fold;
    const enough = changes < rows * comesBack ? fewRows : most.rows;
    return this.unsaved >= most.events || rows >= enough;
  }

  private async standStill({ eventId, position, message, cause }: Refused, signal: AbortSignal): Promise<void> {
    if (!this.stopped) {
      this.stopped = { eventId, position, reason: message, since: new Date().toISOString() };
      this.tell({ what: 'stopped', view: this.view, stopped: this.stopped, error: cause });
    }
    const writer = await this.opened();
    const before = (await writer.state()).stopped;
    if (before?.position === position) this.stopped = { ...this.stopped, since: before.since };
    await writer.reportFailure(this.stopped);
    do await setTimeout(lookEveryMs, undefined, { signal }).catch(() => undefined);
    while (!signal.aborted && (await writer.state()).stopped);
    if (signal.aborted) return;
    this.refused = undefined;
    this.stopped = null;
  }

  private async waitOut(error: unknown, signal: AbortSignal): Promise<void> {
    await this.letGo();
    const full = Math.min(backOff.longest, backOff.first * 2 ** this.attempts++);
    const inMs = Math.round(full * (0.5 + Math.random() / 2));
    this.tell({ what: 'retrying', view: this.view, inMs, error });
    await setTimeout(inMs, undefined, { signal }).catch(() => undefined);
  }

  private async opened(): Promise<ViewWriter> {
    return (this.writer ??= await this.store.openForWriting(this.view, this.options));
  }

  /** A fresh writer may do what this one can't any more. */
  private async letGo(): Promise<void> {
    const writer = this.writer;
    this.writer = undefined;
    await writer?.close().catch(() => undefined);
  }
}
