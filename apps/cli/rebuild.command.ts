import { setTimeout as pause } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { views } from '#projections/index';
import { CatchUp, type News } from '#read-model/catch-up';
import type { View } from '#read-model/view';
import { Progress } from './progress.js';
import { withStores, type Stores } from './stores.js';
import { counted } from './table.js';
import { Trouble } from './trouble.js';

const everyMs = 100;

export const rebuild = new Command('rebuild')
  .description('wipes a view and builds it anew from the log; a service may run meanwhile')
  .argument('<view>', `one of: ${views.map(({ name }) => name).join(', ')}`, viewCalled)
  .option('--json', 'one JSON object when it is done, for programs')
  .action((view: View, { json }: { json?: true }) =>
    withStores(async (stores) => {
      if (!json) console.log(`Wiping ${view.name} v${view.version} and building it from the log, here.`);
      const built = await rebuilt(view, stores, json === true);
      if (json) console.log(JSON.stringify({ view: view.name, version: view.version, ...built }));
      else console.log(inWords(view, built));
    }),
  );

function viewCalled(name: string): View {
  const view = views.find((it) => it.name === name);
  if (view) return view;
  throw new InvalidArgumentError(`There is no view "${name}". Views: ${views.map((it) => it.name).join(', ')}.`);
}

interface Built {
  readonly checkpoint: string;
  /** How many events were applied in here. */
  readonly applied: number;
  /** Another worker has helped: a service is running. */
  readonly together: boolean;
  readonly seconds: number;
}

/**
 * Builds in here whether or not a service runs: workers may overlap on a view, and one that has nothing to do sees a wipe only
 * at the next event.
 */
async function rebuilt(view: View, { log, views: store }: Stores, quiet: boolean): Promise<Built> {
  const began = performance.now();
  const goal = await log.head();
  const total = log.countBetween(log.start, goal);
  await store.wipe(view);

  const stop = new AbortController();
  const catchUp = new CatchUp(view, store, log, tell);
  const running = catchUp.run(stop.signal);
  const progress = quiet ? undefined : new Progress(total, 'events', process.stderr);
  try {
    const reader = await store.openForReading(view);
    for (;;) {
      const { checkpoint, stopped, built } = await reader.state();
      const at = checkpoint ?? log.start;
      progress?.reach(log.countBetween(log.start, at) ?? catchUp.applied);
      if (stopped)
        throw new Trouble(
          `${view.name} stands still at event ${stopped.eventId ?? stopped.position}: ${stopped.reason}. Everything before it is built.`,
        );
      if (built && at >= goal) {
        const together = total !== null && catchUp.applied < total;
        return { checkpoint: at, applied: catchUp.applied, together, seconds: (performance.now() - began) / 1_000 };
      }
      await pause(everyMs);
    }
  } finally {
    progress?.end();
    stop.abort();
    await running;
  }
}

function tell(news: News): void {
  if (news.what !== 'retrying') return;
  const reason = news.error instanceof Error ? news.error.message : String(news.error);
  console.error(`Trying again in ${news.inMs} ms: ${reason}`);
}

function inWords({ name, version }: View, { applied, together, seconds }: Built): string {
  const by = together ? `, the others by a running service` : '';
  return `${name} v${version} is built: ${counted(applied, 'event')} here${by}, in ${seconds.toFixed(1)} s.`;
}
