import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import type { EventStore } from '#event-store/event-store';
import { views } from '#projections/index';
import { ProjectionRunner, type ProjectionNotice } from '#read-model/projection-runner';
import type { View } from '#read-model/view';
import { ViewsUnavailable, type ProjectionFailure, type ViewStore } from '#read-model/view-store';
import { OperatorError } from '#wiring/operator-error';
import { Progress } from '#wiring/progress';
import { withStores, type Stores } from './stores.js';
import { pluralize } from './table.js';

const pollIntervalMs = 100;

export const rebuild = new Command('rebuild')
  .description('rebuilds a view from the log; the live generation keeps serving until the rebuild is done')
  .argument('[view]', `one of: ${views.map(({ name }) => name).join(', ')}`, parseView)
  .option('--ahead', 'build every view of this release that is not built yet, while an older release still runs')
  .option('--json', 'print one JSON object per view when it is done')
  .action((view: View | undefined, { ahead, json }: { ahead?: true; json?: true }, command: Command) => {
    if ((view === undefined) !== (ahead === true)) command.error('error: name a view or use --ahead, not both');
    return withStores(async (stores) => {
      const selectedViews = view ? [view] : await listUnbuiltViews(stores.views);
      if (selectedViews.length === 0 && !json) console.log('Every view of this release is built.');
      for (const selected of selectedViews) await rebuildView(selected, stores, json === true);
    });
  });

function parseView(name: string): View {
  const found = views.find((view) => view.name === name);
  if (found) return found;
  throw new InvalidArgumentError(`There is no view "${name}". Views: ${views.map((view) => view.name).join(', ')}.`);
}

async function listUnbuiltViews(store: ViewStore): Promise<readonly View[]> {
  const states = await Promise.all(views.map(async (view) => (await store.openForReading(view)).state()));
  return views.filter((_, index) => !states[index]!.built);
}

async function rebuildView(view: View, stores: Stores, json: boolean): Promise<void> {
  const name = `${view.name} v${view.version}`;
  const isCandidate = await hasLiveGeneration(view, stores);
  if (!json)
    console.log(
      isCandidate
        ? `Rebuilding ${name}. The live generation keeps serving until the rebuild is done.`
        : `Building ${name}.`,
    );
  const result = await buildGeneration(view, isCandidate, stores, json);
  if (json) console.log(JSON.stringify({ view: view.name, version: view.version, ...result }));
  else console.log(formatResult(name, result));
}

/**
 * Whether the view has a live generation that is built. A file that this process cannot read counts as one, because the service may
 * be able to read it. A generation that was built from another log is wiped, because it is of no use.
 */
async function hasLiveGeneration(view: View, { log, views: store }: Stores): Promise<boolean> {
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

interface RebuildResult {
  readonly checkpoint: string;
  /** How many events this process applied. */
  readonly applied: number;
  /** Whether an earlier, interrupted rebuild or a running service applied the other events. */
  readonly together: boolean;
  readonly seconds: number;
}

/** Builds a generation in this process, whether or not a service is running. Continues an interrupted rebuild. */
async function buildGeneration(
  view: View,
  isCandidate: boolean,
  { log, views: store }: Stores,
  isQuiet: boolean,
): Promise<RebuildResult> {
  const startedAt = performance.now();
  const total = log.countBetween(log.start, await log.head());
  // Fails at once if the view cannot be written.
  await (await store.openForWriting(view, { candidate: isCandidate })).close();

  const stop = new AbortController();
  const runner = new ProjectionRunner(view, store, log, reportNotice, { candidate: isCandidate });
  let hasEnded = false;
  const running = runner.run(stop.signal).then(() => {
    hasEnded = true;
  });
  const progress = isQuiet ? undefined : new Progress(total, 'events', process.stderr);
  try {
    const isDone = isCandidate ? async () => hasEnded : await whenCaughtUp(view, store, log);
    while (!(await isDone())) {
      const done = log.countBetween(log.start, runner.checkpoint ?? log.start) ?? runner.appliedEvents;
      // The log may have grown since `total` was counted.
      progress?.update(Math.min(done, total ?? done));
      if (runner.stopped) throw new OperatorError(describeFailure(view, isCandidate, runner.stopped));
      await sleep(pollIntervalMs);
    }
    progress?.update(total ?? runner.appliedEvents);
    await store.removeRetired(view);
    const { checkpoint } = await (await store.openForReading(view)).state();
    const together = total !== null && runner.appliedEvents < total;
    const seconds = (performance.now() - startedAt) / 1_000;
    return { checkpoint: checkpoint ?? log.start, applied: runner.appliedEvents, together, seconds };
  } finally {
    progress?.finish();
    stop.abort();
    await running;
  }
}

/** For a view without a live generation. Returns a function that says whether the view has reached the current head, by any process. */
async function whenCaughtUp(view: View, store: ViewStore, log: EventStore): Promise<() => Promise<boolean>> {
  const head = await log.head();
  const reader = await store.openForReading(view);
  return async () => {
    const { built, checkpoint } = await reader.state();
    return built && (checkpoint ?? log.start) >= head;
  };
}

const describeFailure = (
  { name }: View,
  isCandidate: boolean,
  { eventId, position, reason }: ProjectionFailure,
): string =>
  `${name} stopped at event ${eventId ?? position}, which it cannot apply: ${reason}. All events before it are applied.` +
  (isCandidate ? ' The live generation keeps serving.' : '');

function reportNotice(notice: ProjectionNotice): void {
  if (notice.type !== 'retrying') return;
  const reason = notice.error instanceof Error ? notice.error.message : String(notice.error);
  console.error(`Retrying in ${notice.inMs} ms: ${reason}`);
}

function formatResult(name: string, { applied, together, seconds }: RebuildResult): string {
  const others = together ? ' The other events were applied by an earlier rebuild or by a running service.' : '';
  return `${name} is built: applied ${pluralize(applied, 'event')} in ${seconds.toFixed(1)} s.${others}`;
}
