import { setImmediate } from 'node:timers/promises';
import type { UnreadableEvent } from '#domain/event-codec';
import { sleep } from '#timing/sleep';
import type { EventBatch } from '../event-store.js';
import { stoppableIterable } from '../stoppable-iterable.js';
import type { CommitNotifier } from './commit-notifier.js';

/**
 * Every batch costs its consumer something (a view: a transaction, and writes to the same pages again), and commits may be
 * fractions of a millisecond apart. So at the end of the log, reads are at least `minReadIntervalMs` apart, and a consumer that
 * took long for a batch pauses for as long again, up to `maxPauseMs`. An event that comes after a pause is read at once.
 */
const minReadIntervalMs = 10;
const maxPauseMs = 20;

/** The events after a sequence number, as far as they can be decoded. `lastSequence` is the last one read. */
export interface LogPage {
  readonly batch: EventBatch | undefined;
  readonly lastSequence: number;
  readonly isFull: boolean;
  readonly unreadable: UnreadableEvent | undefined;
}

/** Reads page after page, each when it is pulled, and waits at the end of the log. */
export const followPages = (
  readPage: (after: number) => LogPage,
  after: number,
  commits: CommitNotifier,
  signal: AbortSignal,
): AsyncIterable<EventBatch> =>
  stoppableIterable([signal], (stopped) => generateBatches(readPage, after, commits, stopped));

async function* generateBatches(
  readPage: (after: number) => LogPage,
  after: number,
  commits: CommitNotifier,
  stopped: AbortSignal,
): AsyncGenerator<EventBatch, undefined> {
  let readUpTo = after;
  while (!stopped.aborted) {
    const seenCommits = commits.count;
    const startedAt = performance.now();
    const { batch, lastSequence, isFull, unreadable } = readPage(readUpTo);
    if (batch) yield batch;
    if (unreadable && !stopped.aborted) throw unreadable;
    readUpTo = lastSequence;
    if (isFull) {
      // Nothing else in this loop waits for I/O, so without this a follower that catches up would block its thread.
      await setImmediate();
      continue;
    }
    if (!batch) await commits.waitForChange(seenCommits, stopped);
    const elapsedMs = performance.now() - startedAt;
    const pauseMs = Math.max(minReadIntervalMs - elapsedMs, batch ? Math.min(elapsedMs, maxPauseMs) : 0);
    if (pauseMs >= 1) await sleep(pauseMs, stopped);
  }
}
