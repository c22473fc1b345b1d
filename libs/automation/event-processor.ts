import { setImmediate } from 'node:timers/promises';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import type { EventStore } from '#event-store/event-store';
import { CheckpointMoved, type ViewStore, type ViewWriter, type RowWrite } from '#read-model/view-store';
import { backoffMs } from '#timing/backoff';
import { sleep } from '#timing/sleep';
import { createAutomationView, toDeadLetterWrite } from './dead-letters.js';
import { createDeadLetter, isStoreUnavailable, maxAttempts, type DeadLetter, type Reactor } from './reactor.js';

/** A failure of an automation, reported to operators. */
export type AutomationNotice =
  | {
      readonly type: 'parked';
      readonly automation: string;
      readonly deadLetter: DeadLetter;
      readonly error: unknown;
    }
  | { readonly type: 'retrying'; readonly automation: string; readonly inMs: number; readonly error: unknown };

const retryDelay = { firstMs: 100, maxMs: 5_000 };

/**
 * Runs one reactor over the log from its own checkpoint, event by event in log order. A failed event is retried, and is parked
 * after `maxAttempts`. While the log or a store is unavailable, the processor waits. An outage never parks an event.
 */
export class EventProcessor {
  private checkpoint: Position | null = null;
  private consecutiveFailures = 0;

  constructor(
    private readonly reactor: Reactor,
    private readonly views: Pick<ViewStore, 'openForWriting'>,
    private readonly log: Pick<EventStore, 'start' | 'follow'>,
    private readonly notify: (notice: AutomationNotice) => void,
  ) {}

  /** Runs until `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let writer: ViewWriter | undefined;
      try {
        writer = await this.views.openForWriting(createAutomationView(this.reactor));
        await this.processEvents(writer, signal);
      } catch (error) {
        // After CheckpointMoved, another worker is ahead: read its checkpoint and continue at once.
        if (!signal.aborted && !(error instanceof CheckpointMoved))
          await this.pause(error, this.consecutiveFailures++, signal);
      } finally {
        await writer?.close().catch(() => undefined);
      }
    }
  }

  private async processEvents(writer: ViewWriter, signal: AbortSignal): Promise<void> {
    const { checkpoint, built } = await writer.state();
    if (!built) await writer.finishBuild();
    this.checkpoint = checkpoint;
    const types: ReadonlySet<string> = new Set(this.reactor.eventTypes);
    for await (const { events, position } of this.log.follow(checkpoint ?? this.log.start, { signal })) {
      const parked: RowWrite[] = [];
      for (const event of events) {
        if (!types.has(event.type)) continue;
        const deadLetter = await this.process(event, signal);
        if (signal.aborted) return;
        if (deadLetter) parked.push(toDeadLetterWrite(deadLetter));
      }
      await writer.save(parked, this.checkpoint, position);
      this.checkpoint = position;
      this.consecutiveFailures = 0;
      // Stays in step with projections that start at the same time, so that all of them share one read of the log.
      await setImmediate();
    }
  }

  /** Returns a dead letter if the event must be parked. */
  private async process(event: RecordedEvent, signal: AbortSignal): Promise<DeadLetter | undefined> {
    for (let attempt = 1; !signal.aborted;) {
      try {
        await this.reactor.react(event, signal);
        return undefined;
      } catch (error) {
        if (signal.aborted) return undefined;
        const countsAsAttempt = !isStoreUnavailable(error);
        if (countsAsAttempt && attempt === maxAttempts) return this.park(event, error);
        await this.pause(error, attempt, signal);
        if (countsAsAttempt) attempt += 1;
      }
    }
    return undefined;
  }

  private park(event: RecordedEvent, error: unknown): DeadLetter {
    const deadLetter = createDeadLetter(event, error, new Date().toISOString());
    this.notify({ type: 'parked', automation: this.reactor.name, deadLetter, error });
    return deadLetter;
  }

  private async pause(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
    const inMs = backoffMs(failures, retryDelay);
    this.notify({ type: 'retrying', automation: this.reactor.name, inMs, error });
    await sleep(inMs, signal);
  }
}
