import { setTimeout as sleep } from 'node:timers/promises';
import type { AllStreamResolvedEvent, AllStreamSubscription } from '@eventstore/db-client';
import type { UnreadableEvent } from '#domain/event-codec';
import type { EventBatch } from '../event-store.js';
import { createClosedError } from './connection.js';
import { isTransient, translateClientError } from './failures.js';
import { PullSubscription } from './subscription.js';

/** In milliseconds. */
const patience = 4_000;
const backOff = { first: 50, longest: 1_000 };

/** What events of the server are in our words, as far as they can be read; `end` is the place of the last one of them. */
export interface DecodedEvents {
  readonly batch: EventBatch | undefined;
  readonly lastCommit: bigint;
  readonly unreadable: UnreadableEvent | undefined;
}

export interface SubscriptionSource {
  /** The log behind a place. */
  subscribe(after: bigint): AllStreamSubscription;
  decode(events: readonly AllStreamResolvedEvent[]): DecodedEvents;
  /** Aborts when the log is closed. */
  readonly closeSignal: AbortSignal;
}

/**
 * One subscription for what is there and for what comes. A dropped one is replaced, from the last event handed out, while that
 * helps within four seconds; then the reader is told.
 */
export function followSubscription(
  log: SubscriptionSource,
  after: bigint,
  batchSize: number,
  signal: AbortSignal,
): AsyncIterable<EventBatch> {
  return {
    [Symbol.asyncIterator]() {
      const left = new AbortController();
      const batches = walk(log, after, batchSize, signal, left);
      return {
        next: () => batches.next(),
        // A generator's own return() would wait until the pull under way has found something.
        return: () => {
          left.abort();
          return batches.return(undefined);
        },
      };
    },
  };
}

async function* walk(
  log: SubscriptionSource,
  after: bigint,
  batchSize: number,
  signal: AbortSignal,
  left: AbortController,
): AsyncGenerator<EventBatch, undefined> {
  const leave = (): void => left.abort();
  for (const end of [signal, log.closeSignal]) {
    end.addEventListener('abort', leave, { signal: left.signal });
    if (end.aborted) leave();
  }
  let troubleSince: number | undefined;
  let drops = 0;
  try {
    while (!left.signal.aborted) {
      const confirmed = (): void => void (troubleSince = undefined);
      const subscription = new PullSubscription(log.subscribe(after), confirmed);
      try {
        while (!left.signal.aborted) {
          const events = await subscription.next(batchSize, left.signal);
          if (left.signal.aborted) break;
          const { batch, lastCommit: end, unreadable } = log.decode(events);
          if (batch) yield batch;
          if (unreadable && !left.signal.aborted) throw unreadable;
          after = end;
          drops = 0;
        }
      } catch (error) {
        if (!isTransient(error)) throw translateClientError(error);
        drops += 1;
        troubleSince ??= performance.now();
        if (performance.now() - troubleSince >= patience) throw translateClientError(error);
      } finally {
        subscription.close();
      }
      const pause = Math.min(backOff.first * 2 ** Math.min(drops, 10), backOff.longest) * (0.5 + Math.random() / 2);
      if (drops > 0) await sleep(pause, undefined, { signal: left.signal }).catch(() => undefined);
    }
    if (log.closeSignal.aborted && !signal.aborted) throw createClosedError();
  } finally {
    leave();
  }
}
