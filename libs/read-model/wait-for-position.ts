import type { Position } from '#domain/event-envelope';
import { sleep } from '#timing/sleep';
import { type ViewReader, ViewsUnavailable } from './view-store.js';

const pollIntervalMs = 6;
/** After its timeout, a caller waits so much longer for a poll that has begun. */
const pollGraceMs = 500;

interface Waiter {
  readonly position: Position;
  /** The time is up: the next poll is the last one, unless it takes too long. */
  isExpired: boolean;
  wasPolled: boolean;
  settle(isReached: boolean): void;
  fail(error: unknown): void;
}

interface Poll {
  readonly waiters: Set<Waiter>;
  isRunning: boolean;
}

const polls = new WeakMap<ViewReader, Poll>();

/**
 * Waits until a view has reached a position. Returns false if it has not within `timeoutMs`, or when `signal` aborts; with a
 * timeout of 0 it reads the state once. It also waits for a stopped view, which may be about to start again. All waiters of one
 * reader share one poll of its state, about every 6 ms.
 * @throws ViewsUnavailable; also when the state could not be read at all within `timeoutMs` and half a second more
 */
export async function waitForPosition(
  reader: ViewReader,
  position: Position,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  if (signal?.aborted) return false;
  const poll = polls.get(reader) ?? { waiters: new Set<Waiter>(), isRunning: false };
  polls.set(reader, poll);
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const cleanUp = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      poll.waiters.delete(waiter);
    };
    const waiter: Waiter = {
      position,
      isExpired: false,
      wasPolled: false,
      settle(isReached) {
        cleanUp();
        resolve(isReached);
      },
      fail(error) {
        cleanUp();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    };
    const giveUp = () => waiter.settle(false);
    const expire = () => {
      if (waiter.wasPolled) return giveUp();
      waiter.isExpired = true;
      timer = setTimeout(
        () => waiter.fail(new ViewsUnavailable('The view store does not respond. Retry.')),
        pollGraceMs,
      );
    };
    timer = setTimeout(expire, timeoutMs);
    signal?.addEventListener('abort', giveUp);
    poll.waiters.add(waiter);
    if (!poll.isRunning) void runPoll(reader, poll);
  });
}

async function runPoll(reader: ViewReader, poll: Poll): Promise<void> {
  poll.isRunning = true;
  while (poll.waiters.size > 0) {
    // A waiter that is added while the state is read must not see this result: it may be older than its position.
    const waiters = [...poll.waiters];
    try {
      const { checkpoint } = await reader.state();
      for (const waiter of waiters) {
        waiter.wasPolled = true;
        if (checkpoint !== null && checkpoint >= waiter.position) waiter.settle(true);
        else if (waiter.isExpired) waiter.settle(false);
      }
    } catch (error) {
      // Those who came during the poll as well: the next one would probably fail just as slowly.
      for (const waiter of [...poll.waiters]) waiter.fail(error);
    }
    if (poll.waiters.size > 0) await sleep(pollIntervalMs);
  }
  poll.isRunning = false;
}
