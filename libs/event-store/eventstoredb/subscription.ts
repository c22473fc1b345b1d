import { setImmediate } from 'node:timers/promises';
import type { AllStreamResolvedEvent, AllStreamSubscription } from '@eventstore/db-client';
import { NoResponse } from './failures.js';

/** How long the server may take to confirm a subscription. The client has no deadline for it. */
const confirmationTimeoutMs = 4_000;

/**
 * A subscription from which events are pulled. It is never iterated: an iterator that is left early keeps the call open, and
 * one whose subscription is dropped throws twice.
 */
export class PullSubscription {
  private readonly confirmationTimer: NodeJS.Timeout;
  private dropError: Error | undefined;
  private wake = (): void => undefined;

  /** Must be called in the same turn of the event loop as `subscribeToAll`: an error without a listener ends the process. */
  constructor(
    private readonly subscription: AllStreamSubscription,
    onConfirmed: () => void,
  ) {
    this.confirmationTimer = setTimeout(
      () => this.drop(new NoResponse('the subscription was not confirmed in time')),
      confirmationTimeoutMs,
    );
    subscription
      .on('readable', () => this.wake())
      .on('confirmation', () => {
        clearTimeout(this.confirmationTimer);
        onConfirmed();
      })
      // After an error, the client emits neither "end" nor "close". When its connection is closed, it emits "end" without an error.
      .on('error', (error: Error) => this.drop(error))
      .on('end', () => this.drop(new NoResponse('the subscription ended')));
  }

  /**
   * The events that have arrived, at most `limit`; waits until there are some. Returns none when `signal` aborts.
   * @throws the reason why the subscription was dropped, after all events that came before
   */
  async next(limit: number, signal: AbortSignal): Promise<AllStreamResolvedEvent[]> {
    for (;;) {
      const events = this.take(limit);
      // Events arrive a few at a time. Waiting for a turn of the event loop makes batches larger.
      let taken = events.length;
      while (taken > 0 && events.length < limit) {
        await setImmediate();
        const moreEvents = this.take(limit - events.length);
        events.push(...moreEvents);
        taken = moreEvents.length;
      }
      if (events.length > 0 || signal.aborted) return events;
      if (this.dropError) throw this.dropError;
      await this.waitForEvents(signal);
    }
  }

  /** Ends the call on the server, or will end it as soon as there is one. */
  close(): void {
    clearTimeout(this.confirmationTimer);
    void this.subscription.unsubscribe().catch(() => undefined);
  }

  private take(limit: number): AllStreamResolvedEvent[] {
    const events: AllStreamResolvedEvent[] = [];
    while (events.length < limit) {
      const event = this.subscription.read() as AllStreamResolvedEvent | null;
      if (event === null) break;
      events.push(event);
    }
    return events;
  }

  private waitForEvents(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        signal.removeEventListener('abort', this.wake);
        this.wake = () => undefined;
        resolve();
      };
      signal.addEventListener('abort', this.wake);
      if (this.subscription.readableLength > 0 || this.dropError || signal.aborted) this.wake();
    });
  }

  private drop(error: Error): void {
    this.dropError ??= error;
    this.wake();
  }
}
