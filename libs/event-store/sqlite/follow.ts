import { setImmediate } from 'node:timers/promises';
import type { UnreadableEvent } from '#domain/event-codec';
import { sleep } from '#timing/sleep';
import type { EventBatch } from '../event-store.js';
import { stoppableIterable } from '../stoppable-iterable.js';
import type { CommitNotifier } from './commit-notifier.js';

/**
 * Every batch has a cost for its consumer. A view, for example, commits a transaction and writes to the same pages again. Commits may
 * be fractions of a millisecond apart. So at the end of the log, reads are at least `minReadIntervalMs` apart. After a batch, the
 * follower pauses for as long as the consumer took, up to `maxPauseMs`. If the follower is idle, a new event is read at once.
 */
const minReadIntervalMs = 10;
const maxPauseMs = 20;

/** The events after a sequence number, up to the first that cannot be decoded. `lastSequence` is the last one read. */
export interface LogPage {
  readonly batch: EventBatch | undefined;
  readonly lastSequence: number;
  readonly isFull: boolean;
  readonly unreadable: UnreadableEvent | undefined;
}

/** Reads pages as the consumer pulls them, and waits at the end of the log. */
export const followPages = (
  readPage: (after: number) => LogPage,
  after: number,
  notifier: CommitNotifier,
  signal: AbortSignal,
): AsyncIterable<EventBatch> =>
  stoppableIterable([signal], (stopped) => generateBatches(readPage, after, notifier, stopped));

async function* generateBatches(
  readPage: (after: number) => LogPage,
  after: number,
  notifier: CommitNotifier,
  stopped: AbortSignal,
): AsyncGenerator<EventBatch, undefined> {
  let readUpTo = after;
  while (!stopped.aborted) {
    const seenWakeUps = notifier.wakeUpCount;
    const startedAt = performance.now();
    const { batch, lastSequence, isFull, unreadable } = readPage(readUpTo);
    if (batch) yield batch;
    if (unreadable && !stopped.aborted) throw unreadable;
    readUpTo = lastSequence;
    if (isFull) {
      // Nothing else in this loop waits for I/O, so a follower that catches up would otherwise block its thread.
      await setImmediate();
      continue;
    }
    if (!batch) await notifier.waitForChange(seenWakeUps, stopped);
    const elapsedMs = performance.now() - startedAt;
    const pauseMs = Math.max(minReadIntervalMs - elapsedMs, batch ? Math.min(elapsedMs, maxPauseMs) : 0);
    if (pauseMs >= 1) await sleep(pauseMs, stopped);
  }
}
