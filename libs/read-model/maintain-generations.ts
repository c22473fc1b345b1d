import { sleep } from '#timing/sleep';
import { type EventFeed, type ProjectionNotice, ProjectionRunner } from './projection-runner.js';
import type { ViewStore } from './view-store.js';
import type { View } from './view.js';

/** Must be longer than creating indexes takes, because a running rebuild makes no visible progress during that time. */
const defaultIntervalMs = 30_000;

/**
 * Continues a rebuild that has made no progress since the last check, and removes retired generations, until `signal` aborts.
 * Never rejects. Two processes that build the same candidate waste work but do no harm.
 */
export async function maintainGenerations(
  view: View,
  store: ViewStore,
  feed: EventFeed,
  notify: (notice: ProjectionNotice) => void,
  signal: AbortSignal,
  intervalMs = defaultIntervalMs,
): Promise<void> {
  let lastState: string | undefined;
  while (!signal.aborted) {
    try {
      await store.removeRetired(view);
      const candidate = await store.candidateState(view);
      const state = candidate && JSON.stringify(candidate);
      if (state !== undefined && state === lastState)
        await new ProjectionRunner(view, store, feed, notify, { candidate: true }).run(signal);
      lastState = state;
    } catch (error) {
      notify({ type: 'retrying', view, inMs: intervalMs, error });
    }
    await sleep(intervalMs, signal);
  }
}
