import { setTimeout } from 'node:timers/promises';
import { CatchUp, type Feed, type News } from './catch-up.js';
import type { ViewStore } from './view-store.js';
import type { View } from './view.js';

/** Indexes may take long to make, and nothing is heard of it meanwhile. */
const usualEveryMs = 30_000;

/**
 * Looks after what lies beside a view until `signal` aborts: goes on with a rebuild that nobody has carried on since the last look,
 * and removes generations that were taken over from. Never rejects. Two who build the same generation only waste work.
 */
export async function tend(
  view: View,
  store: ViewStore,
  feed: Feed,
  tell: (news: News) => void,
  signal: AbortSignal,
  everyMs = usualEveryMs,
): Promise<void> {
  let seen: string | undefined;
  while (!signal.aborted) {
    try {
      await store.tidy(view);
      const beside = await store.beside(view);
      const told = beside && JSON.stringify(beside);
      if (told !== undefined && told === seen) await new CatchUp(view, store, feed, tell, { beside: true }).run(signal);
      seen = told;
    } catch (error) {
      tell({ what: 'retrying', view, inMs: everyMs, error });
    }
    await setTimeout(everyMs, undefined, { signal }).catch(() => undefined);
  }
}
