import { setTimeout } from 'node:timers/promises';
import { ProjectionRunner, type EventFeed, type ProjectionNotice } from './projection-runner.js';
import type { ViewStore } from './view-store.js';
import type { View } from './view.js';

/** Indexes may take long to make, and nothing is heard of it meanwhile. */
const usualEveryMs = 30_000;

/**
 * Looks after what lies beside a view until `signal` aborts: goes on with a rebuild that nobody has carried on since the last look,
 * and removes generations that were taken over from. Never rejects. Two who build the same generation only waste work.
 */
export async function maintainGenerations(
  view: View,
  store: ViewStore,
  feed: EventFeed,
  tell: (news: ProjectionNotice) => void,
  signal: AbortSignal,
  everyMs = usualEveryMs,
): Promise<void> {
  let seen: string | undefined;
  while (!signal.aborted) {
    try {
      await store.removeRetired(view);
      const beside = await store.candidateState(view);
      const told = beside && JSON.stringify(beside);
      if (told !== undefined && told === seen)
        await new ProjectionRunner(view, store, feed, tell, { candidate: true }).run(signal);
      seen = told;
    } catch (error) {
      tell({ what: 'retrying', view, inMs: everyMs, error });
    }
    await setTimeout(everyMs, undefined, { signal }).catch(() => undefined);
  }
}
