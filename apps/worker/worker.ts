import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AssignLeads } from '#automation/assign-leads.reaction';
import { AddressSends } from '#automation/address-sends.reaction';
import { Clockwork } from '#automation/clockwork';
import type { Time } from '#automation/duty';
import { FreeLeads, type AssignedBefore } from '#automation/free-leads.reaction';
import type { AskDoor, Reaction } from '#automation/reaction';
import { QualifyLeads } from '#automation/qualify-leads.duty';
import { RemindFollowUps } from '#automation/remind-follow-ups.duty';
import { Reactor, type ReactionNews } from '#automation/reactor';
import { BulkRunner } from '#automation/bulk-runner';
import { Clock } from '#commands/clock';
import type { Doors } from '#commands/doors';
import { Handling } from '#commands/handle';
import { Unavailable, type EventStore } from '#event-store/event-store';
import { agentsView } from '#projections/agents/agents.projection';
import { leadsAssignedBefore } from '#projections/agents/agents.query';
import { followUpsView } from '#projections/follow-ups/follow-ups.projection';
import { remindersBefore } from '#projections/follow-ups/follow-ups.query';
import { bulkJobs } from '#projections/bulk-jobs/bulk-jobs.projection';
import { openJobs, type OpenJob } from '#projections/bulk-jobs/bulk-jobs.query';
import { views } from '#projections/index';
import { qualificationDue } from '#projections/qualification-due/qualification-due.projection';
import { unreadBefore } from '#projections/qualification-due/qualification-due.query';
import { CatchUp, type News } from '#read-model/catch-up';
import { type Lease, type LeaseNews, Turns } from '#read-model/lease';
import { tend } from '#read-model/tend';
import type { ViewStore } from '#read-model/view-store';
import { waitFor } from '#read-model/wait-for';
import type { Settings } from '#wiring/settings';
import { scorerOf } from './scorer.js';
import { openWaitingRoom } from './waiting-room.js';

/** One of all workers at a time works, and says in the log when it begins and when it has to stop. */
export function turnsAt(lease: Lease, logger: Logger): Turns {
  const tell = (news: LeaseNews): void => {
    switch (news.what) {
      case 'standing by':
        return logger.info('another worker holds the lease: standing by');
      case 'taken':
        return logger.info('lease taken: working');
      case 'released':
        return logger.info('lease released');
      case 'lost':
        return logger.warn('lease lost: work is let go');
      case 'failing':
        return logger.warn({ err: news.error }, 'the lease can not be read or written now');
    }
  };
  return new Turns(lease, tell);
}

/**
 * Keeps every view up to date, and goes on with rebuilds that nobody else carries on, until `signal` aborts. `watch` is handed
 * what keeps the views, which counts as it goes on.
 */
export async function keepUp(
  log: EventStore,
  store: ViewStore,
  logger: Logger,
  signal: AbortSignal,
  watch: (catchUps: readonly CatchUp[]) => void = () => undefined,
): Promise<void> {
  const teller =
    (what: 'view' | 'rebuild') =>
    (news: News): void => {
      const view = `${news.view.name} v${news.view.version}`;
      switch (news.what) {
        case 'built':
          return logger.info({ view }, `${what} has caught up with the log`);
        case 'switched':
          return logger.info({ view }, `${what} has taken over`);
        case 'stopped':
          return logger.error({ view, ...news.stopped, err: news.error }, `${what} stands still`);
        case 'retrying':
          return logger.warn({ view, inMs: news.inMs, err: news.error }, `${what} goes on after a pause`);
      }
    };
  // Each of them listens to it, more than Node.js takes for granted.
  setMaxListeners(100, signal);
  const catchUps = views.map((view) => new CatchUp(view, store, log, teller('view')));
  watch(catchUps);
  await Promise.all([
    ...catchUps.map((it) => it.run(signal)),
    ...views.map((view) => tend(view, store, log, teller('rebuild'), signal)),
  ]);
}

const clock = new Clock();
/** The time as it is. */
const time: Time = {
  now: () => clock.now(),
  pause: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => undefined),
};

/** A question to a scorer: who was asked, how it ended, and after how many seconds. */
export interface Qualified {
  readonly scorer: string;
  readonly outcome: 'scored' | 'failed';
  readonly seconds: number;
}

/** Runs every automation that is not switched off until `signal` aborts: events, or the clock, in; commands out. */
export async function react(
  log: EventStore,
  store: ViewStore,
  door: Doors,
  settings: Settings,
  logger: Logger,
  signal: AbortSignal,
  hear: (qualified: Qualified) => void,
): Promise<void> {
  const tell = ({ reaction, error, ...news }: ReactionNews): void => {
    if (news.what === 'parked') logger.error({ reaction, ...news.parked, err: error }, 'reaction is parked');
    else logger.warn({ reaction, inMs: news.inMs, err: error }, 'reaction is tried again');
  };
  const agents = await store.openForReading(agentsView);
  const assignedBefore: AssignedBefore = async function* (org, agentId, position, aborted) {
    if (!(await waitFor(agents, position, 30_000, aborted))) throw new Unavailable('the agents view is behind');
    yield* leadsAssignedBefore(agents, org, agentId, position);
  };
  const ask: AskDoor = (asked, envelope) => door('contact', asked, envelope);
  const handling = new Handling(log, () => clock.now(), undefined, 20_000);
  const reactions: Reaction[] = [new FreeLeads(log, assignedBefore, ask, clock), new AddressSends(handling, ask)];
  const { autoAssignment } = settings;
  if (autoAssignment)
    reactions.push(new AssignLeads(autoAssignment, log, await openWaitingRoom(log, store), ask, clock));
  const followUps = await store.openForReading(followUpsView);
  const reminders = new RemindFollowUps((before) => remindersBefore(followUps, before), ask, time);
  const { scorer: named, debounceMs } = settings.qualification;
  const scorer = await scorerOf(settings);
  const unread = await store.openForReading(qualificationDue);
  const heard = (outcome: Qualified['outcome'], seconds: number): void => hear({ scorer: named, outcome, seconds });
  const qualifications =
    scorer && new QualifyLeads((before) => unreadBefore(unread, before), log, scorer, debounceMs, ask, time, heard);
  await Promise.all([
    ...reactions.map((reaction) => new Reactor(reaction, store, log, tell).run(signal)),
    new Clockwork(reminders, store, time, tell).run(signal),
    qualifications && new Clockwork(qualifications, store, time, tell).run(signal),
  ]);
}

/** Carries bulks out that are jobs, until `signal` aborts. */
export async function carryBulksOut(store: ViewStore, door: Doors, logger: Logger, signal: AbortSignal): Promise<void> {
  const jobs = await store.openForReading(bulkJobs);
  const open = async (): Promise<readonly OpenJob[]> => ((await jobs.state()).built ? openJobs(jobs) : []);
  const runner = new BulkRunner(open, door, clock, ({ bulkId, inMs, error }) =>
    logger.warn({ bulkId, inMs, err: error }, 'bulks go on after a pause'),
  );
  await runner.run(signal);
}
