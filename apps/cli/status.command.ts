import { Command } from 'commander';
import { UnreadableEvent } from '#domain/event-codec';
import { reactorNames, type DeadLetter } from '#automation/reactor';
import { scheduledTaskNames } from '#automation/scheduled-task';
import { createAutomationView } from '#automation/dead-letters';
import type { Position } from '#domain/event-envelope';
import type { EventStore } from '#event-store/event-store';
import { views } from '#projections/index';
import type { View } from '#read-model/view';
import { ViewsUnavailable, type ProjectionFailure, type ViewState, type ViewStore } from '#read-model/view-store';
import { redactCredentials } from '#wiring/stores';
import { withStores, type Stores } from './stores.js';
import { formatTable, pluralize } from './table.js';
import { findOlderVersions, formatVersions, type OlderVersion } from './tidy.command.js';

export const status = new Command('status')
  .description('shows the head of the log, the state of each view and each automation, and dead letters')
  .option('--json', 'print one JSON object')
  .action(({ json }: { json?: true }) =>
    withStores(async (stores) => {
      const result = await readStatus(stores);
      console.log(json ? JSON.stringify(result) : formatStatus(result));
    }),
  );

/** `--json` prints this object, so its field names must not change: `reactions` are reactors, `duties` are scheduled tasks. */
interface Status {
  readonly log: { readonly url: string; readonly head: Position; readonly events: number | null };
  readonly views: readonly ViewStatus[];
  /** Stored versions of views that belong to older releases. */
  readonly olderVersions: readonly OlderVersion[];
  readonly reactions: readonly ReactorStatus[];
  readonly duties: readonly ScheduledTaskStatus[];
}

interface ReactorStatus {
  readonly reaction: (typeof reactorNames)[number];
  readonly lag: Lag;
  readonly checkpoint: Position | null;
  /** Dead letters, oldest first; at most 1,000. */
  readonly parked: readonly DeadLetter[];
}

/** Scheduled tasks read a view, so they have no lag of their own. */
interface ScheduledTaskStatus {
  readonly duty: (typeof scheduledTaskNames)[number];
  readonly parked: readonly DeadLetter[];
}

/** The events that are not processed yet; `seconds` is the age of the oldest. Null if unknown. */
interface Lag {
  readonly events: number | null;
  readonly seconds: number | null;
}

interface ViewStatus {
  readonly view: string;
  readonly version: number;
  readonly state: 'up to date' | 'behind' | 'being built' | 'never built' | 'stopped' | 'unusable';
  readonly lag: Lag;
  readonly checkpoint: Position | null;
  readonly stopped: ProjectionFailure | null;
  /** Why the view is unusable. */
  readonly reason: string | null;
  /** The candidate generation. */
  readonly rebuild: {
    readonly lag: Lag;
    readonly checkpoint: Position | null;
    readonly stopped: ProjectionFailure | null;
  } | null;
}

async function readStatus({ settings, log, views: store }: Stores): Promise<Status> {
  const head = await log.head();
  // While automatic assignment is off, the checkpoint of its reactor does not move.
  const running = reactorNames.filter((name) => name !== 'assign-leads' || settings.autoAssignment !== null);
  return {
    log: { url: redactCredentials(settings.eventStoreUrl), head, events: log.countBetween(log.start, head) },
    views: await Promise.all(views.map((view) => readViewStatus(view, store, log, head))),
    olderVersions: await findOlderVersions(store),
    reactions: await Promise.all(running.map((name) => readReactorStatus(name, store, log, head))),
    duties: await Promise.all(
      scheduledTaskNames.map(async (duty) => ({ duty, parked: await readDeadLetters(duty, store) })),
    ),
  };
}

async function readViewStatus(view: View, store: ViewStore, log: EventStore, head: Position): Promise<ViewStatus> {
  const identity = { view: view.name, version: view.version };
  const unusable = { lag: { events: null, seconds: null }, checkpoint: null, stopped: null, rebuild: null };
  try {
    const { checkpoint, stopped, built } = await (await store.openForReading(view)).state();
    if (checkpoint !== null && !log.isPosition(checkpoint))
      return { ...identity, ...unusable, state: 'unusable', reason: 'it was built from another log; rebuild it' };
    const position = checkpoint ?? log.start;
    return {
      ...identity,
      state: describeState({ checkpoint, stopped, built }, position < head),
      lag: await readLag(log, position, head),
      checkpoint,
      stopped,
      reason: null,
      rebuild: await readRebuildStatus(view, store, log, head),
    };
  } catch (error) {
    if (!(error instanceof ViewsUnavailable)) throw error;
    return { ...identity, ...unusable, state: 'unusable', reason: error.message };
  }
}

async function readRebuildStatus(
  view: View,
  store: ViewStore,
  log: EventStore,
  head: Position,
): Promise<ViewStatus['rebuild']> {
  const candidate = await store.candidateState(view);
  if (!candidate) return null;
  const { checkpoint, stopped } = candidate;
  return { lag: await readLag(log, checkpoint ?? log.start, head), checkpoint, stopped };
}

async function readReactorStatus(
  reaction: ReactorStatus['reaction'],
  store: ViewStore,
  log: EventStore,
  head: Position,
): Promise<ReactorStatus> {
  const reader = await store.openForReading(createAutomationView({ name: reaction }));
  const { checkpoint } = await reader.state();
  const parked = await readDeadLetters(reaction, store);
  return { reaction, lag: await readLag(log, checkpoint ?? log.start, head), checkpoint, parked };
}

async function readDeadLetters(name: string, store: ViewStore): Promise<readonly DeadLetter[]> {
  const reader = await store.openForReading(createAutomationView({ name }));
  if (!(await reader.state()).built) return [];
  const oldest = { where: [], sort: { column: 'since', descending: false }, limit: 1_000 };
  return (await reader.find<DeadLetter>('parked', oldest)).rows.map(({ row }) => row);
}

async function readLag(log: EventStore, position: Position, head: Position): Promise<Lag> {
  if (position >= head) return { events: 0, seconds: 0 };
  return { events: log.countBetween(position, head), seconds: await ageOfNextEvent(log, position) };
}

function describeState({ checkpoint, stopped, built }: ViewState, isBehind: boolean): ViewStatus['state'] {
  if (stopped) return 'stopped';
  if (!built) return checkpoint === null ? 'never built' : 'being built';
  return isBehind ? 'behind' : 'up to date';
}

/** Seconds since the first event after a position was recorded; null if it cannot be read. */
async function ageOfNextEvent(log: EventStore, after: Position): Promise<number | null> {
  try {
    for await (const { events } of log.follow(after, { signal: AbortSignal.timeout(1_000), batchSize: 1 }))
      return Math.max(0, Math.round((Date.now() - Date.parse(events[0]!.meta.recordedAt)) / 100) / 10);
  } catch (error) {
    if (!(error instanceof UnreadableEvent)) throw error;
  }
  return null;
}

function formatStatus({ log, views, olderVersions, reactions, duties }: Status): string {
  const notes = views.flatMap(({ view, state, stopped, reason, rebuild }) => [
    ...(stopped ? [formatFailure(view, stopped)] : []),
    ...(reason === null ? [] : [`${view} is ${state}: ${reason}`]),
    ...(rebuild?.stopped ? [formatFailure(`The rebuild of ${view}`, rebuild.stopped)] : []),
    ...(rebuild && !rebuild.stopped ? [`${view} is being rebuilt (lag: ${formatLag(rebuild.lag)})`] : []),
  ]);
  const deadLetters = [
    ...reactions.flatMap(({ reaction, parked }) => formatDeadLetters(reaction, parked)),
    ...duties.flatMap(({ duty, parked }) => formatDeadLetters(duty, parked)),
  ];
  const eventCount = log.events === null ? '' : `${pluralize(log.events, 'event')}, `;
  return [
    `Log ${log.url}: ${eventCount}head ${log.head}`,
    formatTable(
      ['view', 'version', 'state', 'lag', 'checkpoint'],
      views.map(({ view, version, state, lag, checkpoint }) => [
        view,
        String(version),
        state,
        formatLag(lag),
        checkpoint ?? '-',
      ]),
    ),
    ...(notes.length > 0 ? [notes.join('\n')] : []),
    ...(olderVersions.length > 0
      ? [`Versions of older releases, which tidy removes: ${formatVersions(olderVersions)}`]
      : []),
    formatTable(
      ['reactor', 'dead letters', 'lag', 'checkpoint'],
      reactions.map(({ reaction, parked, lag, checkpoint }) => [
        reaction,
        String(parked.length),
        formatLag(lag),
        checkpoint ?? '-',
      ]),
    ),
    formatTable(
      ['scheduled task', 'dead letters'],
      duties.map(({ duty, parked }) => [duty, String(parked.length)]),
    ),
    ...(deadLetters.length > 0 ? [formatTable(['automation', 'dead letter', 'since', 'reason'], deadLetters)] : []),
  ].join('\n\n');
}

const formatFailure = (what: string, { since, eventId, position, reason }: ProjectionFailure): string =>
  `${what} stopped at ${since}, at event ${eventId ?? position}: ${reason}`;

const formatDeadLetters = (automation: string, parked: readonly DeadLetter[]): string[][] =>
  parked.map(({ type, eventId, since, reason }) => [automation, `${type} ${eventId}`, since, reason]);

function formatLag({ events, seconds }: Lag): string {
  if (events === 0) return '-';
  const parts = [
    ...(events === null ? [] : [pluralize(events, 'event')]),
    ...(seconds === null ? [] : [`${seconds.toLocaleString('en')} s`]),
  ];
  return parts.join(', ') || 'unknown';
}
