import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { Unavailable, type EventStore } from '#event-store/event-store';
import {
  CheckpointMoved,
  ViewsUnavailable,
  type ViewStore,
  type ViewWriter,
  type RowWrite,
} from '#read-model/view-store';
import { createAutomationView, toDeadLetterWrite } from './dead-letters.js';
import type { DeadLetter, Reactor } from './reactor.js';

/** What an operator wants to hear of. */
export type AutomationNotice =
  | { readonly what: 'parked'; readonly automation: string; readonly parked: DeadLetter; readonly error: unknown }
  | { readonly what: 'retrying'; readonly automation: string; readonly inMs: number; readonly error: unknown };

const attempts = 6;
/** In milliseconds. */
const backOff = { first: 100, longest: 5_000 };

/**
 * Runs one reaction over the log from its own checkpoint: each event in order, again until it succeeds or is parked. What the
 * log or the stores can't do now is waited out; it never parks.
 */
export class EventProcessor {
  private checkpoint: Position | null = null;
  private pauses = 0;

  constructor(
    private readonly reaction: Reactor,
    private readonly views: Pick<ViewStore, 'openForWriting'>,
    private readonly log: Pick<EventStore, 'start' | 'follow'>,
    private readonly tell: (news: AutomationNotice) => void,
  ) {}

  /** Runs until `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let writer: ViewWriter | undefined;
      try {
        writer = await this.views.openForWriting(createAutomationView(this.reaction));
        await this.pass(writer, signal);
      } catch (error) {
        if (!signal.aborted && !(error instanceof CheckpointMoved)) await this.pause(error, this.pauses++, signal);
      } finally {
        await writer?.close().catch(() => undefined);
      }
    }
  }

  private async pass(writer: ViewWriter, signal: AbortSignal): Promise<void> {
    const { checkpoint, built } = await writer.state();
    if (!built) await writer.finishBuild();
    this.checkpoint = checkpoint;
    const types: ReadonlySet<string> = new Set(this.reaction.eventTypes);
    for await (const { events, position } of this.log.follow(checkpoint ?? this.log.start, { signal })) {
      const parked: RowWrite[] = [];
      for (const event of events) {
        if (!types.has(event.type)) continue;
        const failed = await this.attempt(event, signal);
        if (signal.aborted) return;
        if (failed) parked.push(toDeadLetterWrite(failed));
      }
      await writer.save(parked, this.checkpoint, position);
      this.checkpoint = position;
      this.pauses = 0;
      // At the pace of views that are built side by side: one reads for all.
      await setImmediate();
    }
  }

  /** What has to be parked, if anything. */
  private async attempt(event: RecordedEvent, signal: AbortSignal): Promise<DeadLetter | undefined> {
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await this.reaction.react(event, signal);
        return undefined;
      } catch (error) {
        if (signal.aborted) return undefined;
        const isPassing = error instanceof Unavailable || error instanceof ViewsUnavailable;
        if (isPassing || attempt < attempts) {
          await this.pause(error, attempt, signal);
          if (isPassing) attempt--;
          continue;
        }
        const { id: eventId, type, position } = event;
        const reason = error instanceof Error ? error.message : String(error);
        const parked = { eventId, type, position, reason, attempts, since: new Date().toISOString() };
        this.tell({ what: 'parked', automation: this.reaction.name, parked, error });
        return parked;
      }
    }
    return undefined;
  }

  private async pause(error: unknown, attempt: number, signal: AbortSignal): Promise<void> {
    const full = Math.min(backOff.longest, backOff.first * 2 ** attempt);
    const inMs = Math.round(full * (0.5 + Math.random() / 2));
    this.tell({ what: 'retrying', automation: this.reaction.name, inMs, error });
    await sleep(inMs, undefined, { signal }).catch(() => undefined);
  }
}
