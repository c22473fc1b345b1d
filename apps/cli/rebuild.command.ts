import { setTimeout as pause } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import type { EventStore } from '#event-store/event-store';
import { views } from '#projections/index';
import { ProjectionRunner, type ProjectionNotice } from '#read-model/projection-runner';
import type { View } from '#read-model/view';
import { ViewsUnavailable, type ProjectionFailure, type ViewStore } from '#read-model/view-store';
import { Progress } from './progress.js';
import { withStores, type Stores } from './stores.js';
import { pluralize } from './table.js';
import { CliError } from './cli-error.js';

const everyMs = 100;

export const rebuild = new Command('rebuild')
  .description('builds a view anew from the log, beside the one that serves until the new one has caught up')
  .argument('[view]', `one of: ${views.map(({ name }) => name).join(', ')}`, viewCalled)
  .option('--ahead', "builds every view of this release that isn't built yet, while an older release still runs")
  .option('--json', 'one JSON object per view when it is done, for programs')
  .action((view: View | undefined, { ahead, json }: { ahead?: true; json?: true }, command: Command) => {
    if ((view === undefined) !== (ahead === true)) command.error('error: name a view, or say --ahead');
    return withStores(async (stores) => {
      const wanted = view ? [view] : await unbuilt(stores.views);
      if (wanted.length === 0 && !json) console.log('Every view of this release is built.');
      for (const each of wanted) await rebuildOne(each, stores, json === true);
    });
  });

function viewCalled(name: string): View {
  const view = views.find((it) => it.name === name);
  if (view) return view;
  throw new InvalidArgumentError(`There is no view "${name}". Views: ${views.map((it) => it.name).join(', ')}.`);
}

async function unbuilt(store: ViewStore): Promise<readonly View[]> {
  const states = await Promise.all(views.map(async (view) => (await store.openForReading(view)).state()));
  return views.filter((_, nth) => !states[nth]!.built);
}

async function rebuildOne(view: View, stores: Stores, json: boolean): Promise<void> {
  const name = `${view.name} v${view.version}`;
  const beside = await isServed(view, stores);
  if (!json)
    console.log(`Building ${name} from the log, here${beside ? ', beside the one that serves until then' : ''}.`);
  const built = await rebuilt(view, beside, stores, json);
  if (json) console.log(JSON.stringify({ view: view.name, version: view.version, ...built }));
  else console.log(inWords(name, built));
}

/** Also by a file that can't be read by this program, but perhaps by others. What is of another log serves nobody, and is wiped. */
async function isServed(view: View, { log, views: store }: Stores): Promise<boolean> {
  try {
    const { built, checkpoint } = await (await store.openForReading(view)).state();
    if (checkpoint === null || (log.isPosition(checkpoint) && checkpoint <= (await log.head()))) return built;
    await store.wipe(view);
    return false;
  } catch (error) {
    if (error instanceof ViewsUnavailable) return true;
    throw error;
  }
}

interface Built {
  readonly checkpoint: string;
  /** How many events were applied in here. */
  readonly applied: number;
  /** The others were applied before by a rebuild that was interrupted, or meanwhile by a service. */
  readonly together: boolean;
  readonly seconds: number;
}

/** Builds in here whether or not a service runs: it keeps its hands free for what serves, and goes on if this is interrupted. */
async function rebuilt(view: View, beside: boolean, { log, views: store }: Stores, quiet: boolean): Promise<Built> {
  const began = performance.now();
  const total = log.countBetween(log.start, await log.head());
  // What can't be built at all is said at once.
  await (await store.openForWriting(view, { candidate: beside })).close();

  const stop = new AbortController();
  const catchUp = new ProjectionRunner(view, store, log, tell, { candidate: beside });
  let isDone = false;
  const running = catchUp.run(stop.signal).then(() => (isDone = true));
  const progress = quiet ? undefined : new Progress(total, 'events', process.stderr);
  try {
    const whole = beside ? async () => isDone : await firstTime(view, store, log);
    while (!(await whole())) {
      const done = log.countBetween(log.start, catchUp.checkpoint ?? log.start) ?? catchUp.appliedEvents;
      // The log may have grown.
      progress?.update(Math.min(done, total ?? done));
      if (catchUp.stopped) throw new CliError(standsStill(view, beside, catchUp.stopped));
      await pause(everyMs);
    }
    progress?.update(total ?? catchUp.appliedEvents);
    await store.removeRetired(view);
    const { checkpoint } = await (await store.openForReading(view)).state();
    const together = total !== null && catchUp.appliedEvents < total;
    const seconds = (performance.now() - began) / 1_000;
    return { checkpoint: checkpoint ?? log.start, applied: catchUp.appliedEvents, together, seconds };
  } finally {
    progress?.finish();
    stop.abort();
    await running;
  }
}

/** Nothing serves: whether the view is built, here or by a service, and as far as the log was. */
async function firstTime(view: View, store: ViewStore, log: EventStore): Promise<() => Promise<boolean>> {
  const goal = await log.head();
  const reader = await store.openForReading(view);
  return async () => {
    const { built, checkpoint } = await reader.state();
    return built && (checkpoint ?? log.start) >= goal;
  };
}

const standsStill = ({ name }: View, beside: boolean, { eventId, position, reason }: ProjectionFailure): string =>
  `${name} stands still at event ${eventId ?? position}: ${reason}. Everything before it is built.` +
  (beside ? ' What served before goes on serving.' : '');

function tell(news: ProjectionNotice): void {
  if (news.type !== 'retrying') return;
  const reason = news.error instanceof Error ? news.error.message : String(news.error);
  console.error(`Trying again in ${news.inMs} ms: ${reason}`);
}

function inWords(name: string, { applied, together, seconds }: Built): string {
  const by = together ? `, the others before or by a running service` : '';
  return `${name} is built: ${pluralize(applied, 'event')} here${by}, in ${seconds.toFixed(1)} s.`;
}
