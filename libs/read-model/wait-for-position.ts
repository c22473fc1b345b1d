import type { Position } from '#domain/event-envelope';
import { sleep } from '#timing/sleep';
import type { ViewReader } from './view-store.js';

const pollIntervalMs = 6;

interface Waiter {
  readonly position: Position;
  /** The timeout has passed: the next poll is the last one. */
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
 * Waits until a view has reached a position. Returns false if it has not done so within `timeoutMs`, or if `signal` aborts. With a
 * timeout of 0 it reads the state once. It also waits for a stopped view, which may start again. All waiters of one reader share one
 * poll of its state, about every 6 ms.
 * @throws ViewsUnavailable
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
      if (waiter.wasPolled) giveUp();
      else waiter.isExpired = true;
    };
    const timer = setTimeout(expire, timeoutMs);
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
      for (const waiter of waiters) waiter.fail(error);
    }
    if (poll.waiters.size > 0) await sleep(pollIntervalMs);
  }
  poll.isRunning = false;
}
