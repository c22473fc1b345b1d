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
import { redactCredentials, withStores, type Stores } from './stores.js';
import { pluralize, formatTable } from './table.js';
import { formatVersions as versionsInWords, findOlderVersions, type OlderVersion } from './tidy.command.js';

export const status = new Command('status')
  .description('shows how far the log and each view are, and what stands still')
  .option('--json', 'one JSON object, for programs')
  .action(({ json }: { json?: true }) =>
    withStores(async (stores) => {
      const found = await look(stores);
      console.log(json ? JSON.stringify(found) : inWords(found));
    }),
  );

interface Status {
  readonly log: { readonly url: string; readonly head: Position; readonly events: number | null };
  readonly views: readonly ViewStatus[];
  /** What older releases use, or left. */
  readonly olderVersions: readonly OlderVersion[];
  readonly reactions: readonly ReactionStatus[];
  readonly duties: readonly DutyStatus[];
}

interface ReactionStatus {
  readonly reaction: (typeof reactorNames)[number];
  readonly lag: Lag;
  readonly checkpoint: Position | null;
  /** What kept failing and was set aside, the oldest first: at most 1,000. */
  readonly parked: readonly DeadLetter[];
}

/** What is done by the clock goes by what a view says, and has no lag of its own. */
interface DutyStatus {
  readonly duty: (typeof scheduledTaskNames)[number];
  readonly parked: readonly DeadLetter[];
}

/** How much is not taken in yet. Null: not known. Seconds since the oldest of it was recorded. */
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
  /** Why it is unusable. */
  readonly reason: string | null;
  /** What is built beside it, to take over. */
  readonly rebuild: {
    readonly lag: Lag;
    readonly checkpoint: Position | null;
    readonly stopped: ProjectionFailure | null;
  } | null;
}

async function look({ settings, log, views: store }: Stores): Promise<Status> {
  const head = await log.head();
  // Switched off it has no checkpoint that moves, and is behind nothing.
  const running = reactorNames.filter((it) => it !== 'assign-leads' || settings.autoAssignment !== null);
  return {
    log: { url: redactCredentials(settings.eventStoreUrl), head, events: log.countBetween(log.start, head) },
    views: await Promise.all(views.map((view) => lookAt(view, store, log, head))),
    olderVersions: await findOlderVersions(store),
    reactions: await Promise.all(running.map((name) => lookAtReaction(name, store, log, head))),
    duties: await Promise.all(scheduledTaskNames.map(async (duty) => ({ duty, parked: await parkedBy(duty, store) }))),
  };
}

async function lookAt(view: View, store: ViewStore, log: EventStore, head: Position): Promise<ViewStatus> {
  const known = { view: view.name, version: view.version };
  const unusable = { lag: { events: null, seconds: null }, checkpoint: null, stopped: null, rebuild: null };
  try {
    const { checkpoint, stopped, built } = await (await store.openForReading(view)).state();
    if (checkpoint !== null && !log.isPosition(checkpoint))
      return { ...known, ...unusable, state: 'unusable', reason: 'it was built from another log: rebuild it' };
    const at = checkpoint ?? log.start;
    const lag = await lagOf(log, at, head);
    return {
      ...known,
      state: inOneWord({ checkpoint, stopped, built }, at < head),
      lag,
      checkpoint,
      stopped,
      reason: null,
      rebuild: await rebuildOf(view, store, log, head),
    };
  } catch (error) {
    if (!(error instanceof ViewsUnavailable)) throw error;
    return { ...known, ...unusable, state: 'unusable', reason: error.message };
  }
}

async function rebuildOf(
  view: View,
  store: ViewStore,
  log: EventStore,
  head: Position,
): Promise<ViewStatus['rebuild']> {
  const beside = await store.candidateState(view);
  if (!beside) return null;
  const { checkpoint, stopped } = beside;
  return { lag: await lagOf(log, checkpoint ?? log.start, head), checkpoint, stopped };
}

async function lookAtReaction(
  reaction: ReactionStatus['reaction'],
  store: ViewStore,
  log: EventStore,
  head: Position,
): Promise<ReactionStatus> {
  const reader = await store.openForReading(createAutomationView({ name: reaction }));
  const { checkpoint } = await reader.state();
  const parked = await parkedBy(reaction, store);
  return { reaction, lag: await lagOf(log, checkpoint ?? log.start, head), checkpoint, parked };
}

async function parkedBy(name: string, store: ViewStore): Promise<readonly DeadLetter[]> {
  const reader = await store.openForReading(createAutomationView({ name }));
  if (!(await reader.state()).built) return [];
  const oldest = { where: [], sort: { column: 'since', descending: false }, limit: 1_000 };
  return (await reader.find<DeadLetter>('parked', oldest)).rows.map(({ row }) => row);
}

async function lagOf(log: EventStore, at: Position, head: Position): Promise<Lag> {
  if (at >= head) return { events: 0, seconds: 0 };
  return { events: log.countBetween(at, head), seconds: await waitingSince(log, at) };
}

function inOneWord({ checkpoint, stopped, built }: ViewState, isBehind: boolean): ViewStatus['state'] {
  if (stopped) return 'stopped';
  if (!built) return checkpoint === null ? 'never built' : 'being built';
  return isBehind ? 'behind' : 'up to date';
}

/** How long ago the first event behind a position was recorded, in seconds; null when it can't be read. */
async function waitingSince(log: EventStore, after: Position): Promise<number | null> {
  try {
    for await (const { events } of log.follow(after, { signal: AbortSignal.timeout(1_000), batchSize: 1 }))
      return Math.max(0, Math.round((Date.now() - Date.parse(events[0]!.meta.recordedAt)) / 100) / 10);
  } catch (error) {
    if (!(error instanceof UnreadableEvent)) throw error;
  }
  return null;
}

function inWords({ log, views, olderVersions: older, reactions, duties }: Status): string {
  const stoppedInWords = (what: string, { since, eventId, position, reason }: ProjectionFailure): string =>
    `${what} is stopped since ${since} at event ${eventId ?? position}: ${reason}`;
  const reasons = views.flatMap(({ view, state, stopped, reason, rebuild }) => [
    ...(stopped ? [stoppedInWords(view, stopped)] : []),
    ...(reason === null ? [] : [`${view} is ${state}: ${reason}`]),
    ...(rebuild?.stopped ? [stoppedInWords(`The rebuild of ${view}`, rebuild.stopped)] : []),
    ...(rebuild && !rebuild.stopped ? [`${view} is being rebuilt beside: ${lagInWords(rebuild.lag)} to go`] : []),
  ]);
  const parkedInWords = (by: string, parked: readonly DeadLetter[]): string[][] =>
    parked.map((it) => [by, `${it.type} ${it.eventId}`, it.since, it.reason]);
  const parked = [
    ...reactions.flatMap((it) => parkedInWords(it.reaction, it.parked)),
    ...duties.flatMap((it) => parkedInWords(it.duty, it.parked)),
  ];
  return [
    `Log ${log.url}: ${log.events === null ? '' : `${pluralize(log.events, 'event')}, `}head ${log.head}`,
    formatTable(
      ['view', 'version', 'state', 'lag', 'checkpoint'],
      views.map((it) => [it.view, String(it.version), it.state, lagInWords(it.lag), it.checkpoint ?? '-']),
    ),
    ...(reasons.length > 0 ? [reasons.join('\n')] : []),
    ...(older.length > 0 ? [`Of older releases, see tidy: ${versionsInWords(older)}`] : []),
    formatTable(
      ['reaction', 'parked', 'lag', 'checkpoint'],
      reactions.map((it) => [it.reaction, String(it.parked.length), lagInWords(it.lag), it.checkpoint ?? '-']),
    ),
    formatTable(
      ['by the clock', 'parked'],
      duties.map((it) => [it.duty, String(it.parked.length)]),
    ),
    ...(parked.length > 0 ? [formatTable(['automation', 'parked event', 'since', 'reason'], parked)] : []),
  ].join('\n\n');
}

function lagInWords({ events, seconds }: Lag): string {
  if (events === 0) return '-';
  const words = [
    ...(events === null ? [] : [pluralize(events, 'event')]),
    ...(seconds === null ? [] : [`${seconds.toLocaleString('en')} s`]),
  ];
  return words.join(', ') || 'unknown';
}
