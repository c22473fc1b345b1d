import { setImmediate } from 'node:timers/promises';
import type { AllStreamResolvedEvent, AllStreamSubscription } from '@eventstore/db-client';
import { NoResponse } from './failures.js';

/** How long the server may take to confirm. A subscription has no deadline of its own. */
const patienceMs = 4_000;

/** A subscription that is pulled. Never iterated: left early, an iterator keeps the call open; dropped, it throws twice. */
export class PullSubscription {
  readonly #subscription: AllStreamSubscription;
  readonly #confirmation: NodeJS.Timeout;
  #dropped: Error | undefined;
  #wake = (): void => undefined;

  /** To be made in the same turn as `subscription`: an error that nobody listens for ends the process. */
  constructor(subscription: AllStreamSubscription, confirmed: () => void) {
    this.#subscription = subscription;
    this.#confirmation = setTimeout(
      () => this.#drop(new NoResponse('no subscription was confirmed in time')),
      patienceMs,
    );
    subscription
      .on('readable', () => this.#wake())
      .on('confirmation', () => {
        clearTimeout(this.#confirmation);
        confirmed();
      })
      // It neither ends nor closes with the error, and ends without one when its connection is given up.
      .on('error', (error: Error) => this.#drop(error))
      .on('end', () => this.#drop(new NoResponse('the subscription ended')));
  }

  /**
   * What has come, at most `limit` events; waits while there is nothing. None when `signal` aborts.
   * @throws why it was dropped, behind all that came before
   */
  async next(limit: number, signal: AbortSignal): Promise<AllStreamResolvedEvent[]> {
    for (;;) {
      const events = this.#take(limit);
      // What is on its way arrives a few events at a time: a larger batch costs a turn of the event loop.
      for (let more = events.length; more > 0 && events.length < limit;) {
        await setImmediate();
        more = events.push(...this.#take(limit - events.length)) - more > 0 ? events.length : 0;
      }
      if (events.length > 0 || signal.aborted) return events;
      if (this.#dropped) throw this.#dropped;
      await this.#more(signal);
    }
  }

  /** Ends the call on the server, now or as soon as there is one. */
  close(): void {
    clearTimeout(this.#confirmation);
    void this.#subscription.unsubscribe().catch(() => undefined);
  }

  #take(limit: number): AllStreamResolvedEvent[] {
    const events: AllStreamResolvedEvent[] = [];
    while (events.length < limit) {
      const event = this.#subscription.read() as AllStreamResolvedEvent | null;
      if (event === null) break;
      events.push(event);
    }
    return events;
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        signal.removeEventListener('abort', this.#wake);
        this.#wake = () => undefined;
        resolve();
      };
      signal.addEventListener('abort', this.#wake);
      if (this.#subscription.readableLength > 0 || this.#dropped || signal.aborted) this.#wake();
    });
  }

  #drop(error: Error): void {
    this.#dropped ??= error;
    this.#wake();
  }
}
