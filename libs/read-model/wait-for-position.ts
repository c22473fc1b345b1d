import type { Position } from '#domain/event-envelope';
import type { ViewReader } from './view-store.js';

const pollEvery = 6;

interface Waiter {
  readonly position: Position;
  /** Its time is up: the next look is its last. */
  expired: boolean;
  looked: boolean;
  settle(reached: boolean): void;
  fail(error: unknown): void;
}

interface Poll {
  readonly waiters: Set<Waiter>;
  running: boolean;
}

const polls = new WeakMap<ViewReader, Poll>();

/**
 * Waits until a view has reached a position: true; false when it hasn't within `timeoutMs` (0: looks once), or `signal` aborts.
 * A view that stands still is waited for as well: it may have been started again just now. All who wait on one reader share one
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
  const poll = polls.get(reader) ?? { waiters: new Set<Waiter>(), running: false };
  polls.set(reader, poll);
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      poll.waiters.delete(waiter);
    };
    const waiter: Waiter = {
      position,
      expired: false,
      looked: false,
      settle: (reached) => (done(), resolve(reached)),
      fail: (error) => (done(), reject(error instanceof Error ? error : new Error(String(error)))),
    };
    const giveUp = () => waiter.settle(false);
    const timer = setTimeout(() => (waiter.looked ? giveUp() : (waiter.expired = true)), timeoutMs);
    signal?.addEventListener('abort', giveUp);
    poll.waiters.add(waiter);
    if (!poll.running) void look(reader, poll);
  });
}

async function look(reader: ViewReader, poll: Poll): Promise<void> {
  poll.running = true;
  while (poll.waiters.size > 0) {
    // Who comes while the answer is under way must not be told from it: it may be older than their position.
    const asking = [...poll.waiters];
    try {
      const { checkpoint } = await reader.state();
      for (const waiter of asking) {
        waiter.looked = true;
        if (checkpoint !== null && checkpoint >= waiter.position) waiter.settle(true);
        else if (waiter.expired) waiter.settle(false);
      }
    } catch (error) {
      for (const waiter of asking) waiter.fail(error);
    }
    if (poll.waiters.size > 0) await new Promise((resolve) => setTimeout(resolve, pollEvery));
  }
  poll.running = false;
}
