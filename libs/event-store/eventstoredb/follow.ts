import type { AllStreamResolvedEvent, AllStreamSubscription } from '@eventstore/db-client';
import type { UnreadableEvent } from '#domain/event-codec';
import { type BackoffRange, backoffMs } from '#timing/backoff';
import { sleep } from '#timing/sleep';
import type { EventBatch } from '../event-store.js';
import { stoppableIterable } from '../stoppable-iterable.js';
import { createClosedError } from './connection.js';
import { isTransient, translateClientError } from './failures.js';
import { PullSubscription } from './subscription.js';

/** How long subscribing is retried before the consumer gets the error. */
const retryLimitMs = 4_000;
const backoff: BackoffRange = { firstMs: 100, maxMs: 1_000 };

/** Events of the server, as far as they can be decoded. `lastCommit` is the commit position of the last one, decoded or not. */
export interface DecodedEvents {
  readonly batch: EventBatch | undefined;
  readonly lastCommit: bigint;
  readonly unreadable: UnreadableEvent | undefined;
}

export interface SubscriptionSource {
  /** Subscribes to the log after a commit position. */
  subscribe(after: bigint): AllStreamSubscription;
  decode(events: readonly AllStreamResolvedEvent[]): DecodedEvents;
  /** Aborts when the log is closed. */
  readonly closeSignal: AbortSignal;
}

/**
 * Follows the log with one subscription for existing and new events. When the server drops it, a new one starts after the last event
 * that was yielded. If that does not succeed within four seconds, the consumer gets the error.
 */
export const followSubscription = (
  source: SubscriptionSource,
  after: bigint,
  batchSize: number,
  signal: AbortSignal,
): AsyncIterable<EventBatch> =>
  stoppableIterable([signal, source.closeSignal], async function* (stopped) {
    yield* generateBatches(source, after, batchSize, stopped);
    if (source.closeSignal.aborted && !signal.aborted) throw createClosedError();
    return undefined;
  });

async function* generateBatches(
  source: SubscriptionSource,
  after: bigint,
  batchSize: number,
  stopped: AbortSignal,
): AsyncGenerator<EventBatch, undefined> {
  let readUpTo = after;
  let failingSince: number | undefined;
  let drops = 0;
  const onConfirmed = (): void => {
    failingSince = undefined;
  };
  while (!stopped.aborted) {
    const subscription = new PullSubscription(source.subscribe(readUpTo), onConfirmed);
    try {
      while (!stopped.aborted) {
        const events = await subscription.next(batchSize, stopped);
        if (stopped.aborted) break;
        const { batch, lastCommit, unreadable } = source.decode(events);
        if (batch) yield batch;
        if (unreadable && !stopped.aborted) throw unreadable;
        readUpTo = lastCommit;
        drops = 0;
      }
    } catch (error) {
      if (!isTransient(error)) throw translateClientError(error);
      drops += 1;
      failingSince ??= performance.now();
      if (performance.now() - failingSince >= retryLimitMs) throw translateClientError(error);
    } finally {
      subscription.close();
    }
    if (drops > 0) await sleep(backoffMs(drops - 1, backoff), stopped);
  }
}
