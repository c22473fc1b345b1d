import { setImmediate, setTimeout } from 'node:timers/promises';
import type { UnreadableEvent } from '#domain/event-codec';
import type { EventBatch } from '../event-store.js';
import type { CommitNotifier } from './commit-notifier.js';

/**
 * Whoever follows pays for each batch (a view a transaction, and the same pages again), and commits come as often as every
 * fraction of a millisecond. So at the end of the log the next look is no sooner than `least` after the last one, and whoever has
 * worked on a batch for long rests as long again, but no longer than `most`. What comes after a pause is seen at once.
 */
const restMs = { least: 10, most: 20 };

/** What stands behind a place, as far as it could be read: `end` is the last event's place. */
export interface LogPage {
  readonly batch: EventBatch | undefined;
  readonly lastSequence: number;
  readonly isFull: boolean;
  readonly unreadable: UnreadableEvent | undefined;
}

/** Reads page after page, each when it is asked for, and waits at the end of the log. */
export function followPages(
  readPage: (after: number) => LogPage,
  after: number,
  wakeUps: CommitNotifier,
  signal: AbortSignal,
): AsyncIterable<EventBatch> {
  return {
    [Symbol.asyncIterator]() {
      const left = new AbortController();
      const batches = walk(readPage, after, wakeUps, signal, left);
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
  readPage: (after: number) => LogPage,
  after: number,
  wakeUps: CommitNotifier,
  signal: AbortSignal,
  left: AbortController,
): AsyncGenerator<EventBatch, undefined> {
  const leave = (): void => left.abort();
  signal.addEventListener('abort', leave, { signal: left.signal });
  try {
    while (!signal.aborted && !left.signal.aborted) {
      const seen = wakeUps.count;
      const lookedAt = performance.now();
      const { batch, lastSequence: end, isFull: full, unreadable } = readPage(after);
      if (batch) yield batch;
      if (unreadable && !left.signal.aborted) throw unreadable;
      after = end;
      // Catching up must leave the thread to others between two batches: nothing else in here waits for anything real.
      if (full) await setImmediate();
      else {
        if (!batch) await wakeUps.waitForChange(seen, left.signal);
        const took = performance.now() - lookedAt;
        const rest = Math.max(restMs.least - took, batch ? Math.min(took, restMs.most) : 0);
        if (rest >= 1) await setTimeout(rest, undefined, { signal: left.signal }).catch(() => undefined);
      }
    }
  } finally {
    leave();
  }
}
