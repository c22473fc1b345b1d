import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AssignLeads } from '#automation/assign-leads.reactor';
import { CompleteBroadcastSends } from '#automation/complete-broadcast-sends.reactor';
import { Scheduler } from '#automation/scheduler';
import type { SchedulerClock } from '#automation/scheduled-task';
import {
  UnassignLeadsOfDeactivatedAgent,
  type LeadsAssignedBefore,
} from '#automation/unassign-leads-of-deactivated-agent.reactor';
import type { DispatchContactCommand, Reactor } from '#automation/reactor';
import { QualifyLeads } from '#automation/qualify-leads.task';
import { RemindFollowUps } from '#automation/remind-follow-ups.task';
import { EventProcessor, type AutomationNotice } from '#automation/event-processor';
import { BulkRunner } from '#automation/bulk-runner';
import { Clock } from '#commands/clock';
import type { CommandDispatcher } from '#commands/command-dispatcher';
import { DeciderService } from '#commands/decider-service';
import { Unavailable, type EventStore } from '#event-store/event-store';
import { agentsView } from '#projections/agents/agents.projection';
import { listLeadsAssignedBefore } from '#projections/agents/agents.query';
import { followUpsView } from '#projections/follow-ups/follow-ups.projection';
import { listRemindersDueBefore } from '#projections/follow-ups/follow-ups.query';
import { bulkJobsView } from '#projections/bulk-jobs/bulk-jobs.projection';
import { listOpenJobs, type OpenJob } from '#projections/bulk-jobs/bulk-jobs.query';
import { views } from '#projections/index';
import { qualificationDueView } from '#projections/qualification-due/qualification-due.projection';
import { listUnreadBefore } from '#projections/qualification-due/qualification-due.query';
import { ProjectionRunner, type ProjectionNotice } from '#read-model/projection-runner';
import { type Lease, type LeaseNotice, LeaderElection } from '#read-model/lease';
import { maintainGenerations } from '#read-model/maintain-generations';
import type { ViewStore } from '#read-model/view-store';
import { waitForPosition } from '#read-model/wait-for-position';
import type { Settings } from '#wiring/settings';
import { createScorer } from './scorer.js';
import { openAssignmentQueue } from './assignment-queue.js';

/** One of all workers at a time works, and says in the log when it begins and when it has to stop. */
export function createLeaderElection(lease: Lease, logger: Logger): LeaderElection {
  const tell = (news: LeaseNotice): void => {
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
  return new LeaderElection(lease, tell);
}

/**
 * Keeps every view up to date, and goes on with rebuilds that nobody else carries on, until `signal` aborts. `watch` is handed
 * what keeps the views, which counts as it goes on.
 */
export async function runProjections(
  log: EventStore,
  store: ViewStore,
  logger: Logger,
  signal: AbortSignal,
  watch: (catchUps: readonly ProjectionRunner[]) => void = () => undefined,
): Promise<void> {
  const teller =
    (what: 'view' | 'rebuild') =>
    (news: ProjectionNotice): void => {
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
  const catchUps = views.map((view) => new ProjectionRunner(view, store, log, teller('view')));
  watch(catchUps);
  await Promise.all([
    ...catchUps.map((it) => it.run(signal)),
    ...views.map((view) => maintainGenerations(view, store, log, teller('rebuild'), signal)),
  ]);
}

const clock = new Clock();
/** The time as it is. */
const time: SchedulerClock = {
  now: () => clock.now(),
  pause: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => undefined),
};

/** A question to a scorer: who was asked, how it ended, and after how many seconds. */
export interface ScorerCall {
  readonly scorer: string;
  readonly outcome: 'scored' | 'failed';
  readonly seconds: number;
}

/** Runs every automation that is not switched off until `signal` aborts: events, or the clock, in; commands out. */
export async function runAutomations(
  log: EventStore,
  store: ViewStore,
  door: CommandDispatcher,
  settings: Settings,
  logger: Logger,
  signal: AbortSignal,
  hear: (qualified: ScorerCall) => void,
): Promise<void> {
  const tell = ({ automation: reaction, error, ...news }: AutomationNotice): void => {
    if (news.type === 'parked') logger.error({ reaction, ...news.deadLetter, err: error }, 'reaction is parked');
    else logger.warn({ reaction, inMs: news.inMs, err: error }, 'reaction is tried again');
  };
  const agents = await store.openForReading(agentsView);
  const assignedBefore: LeadsAssignedBefore = async function* (org, agentId, position, aborted) {
    if (!(await waitForPosition(agents, position, 30_000, aborted))) throw new Unavailable('the agents view is behind');
    yield* listLeadsAssignedBefore(agents, org, agentId, position);
  };
  const ask: DispatchContactCommand = (asked, envelope) => door('contact', asked, envelope);
  const handling = new DeciderService(log, () => clock.now(), undefined, 20_000);
  const reactions: Reactor[] = [
    new UnassignLeadsOfDeactivatedAgent(log, assignedBefore, ask, clock),
    new CompleteBroadcastSends(handling, ask),
  ];
  const { autoAssignment } = settings;
  if (autoAssignment)
    reactions.push(new AssignLeads(autoAssignment, log, await openAssignmentQueue(log, store), ask, clock));
  const followUps = await store.openForReading(followUpsView);
  const reminders = new RemindFollowUps((before) => listRemindersDueBefore(followUps, before), ask, time);
  const { scorer: named, debounceMs } = settings.qualification;
  const scorer = await createScorer(settings);
  const unread = await store.openForReading(qualificationDueView);
  const heard = (outcome: ScorerCall['outcome'], seconds: number): void => hear({ scorer: named, outcome, seconds });
  const qualifications =
    scorer && new QualifyLeads((before) => listUnreadBefore(unread, before), log, scorer, debounceMs, ask, time, heard);
  await Promise.all([
    ...reactions.map((reaction) => new EventProcessor(reaction, store, log, tell).run(signal)),
    new Scheduler(reminders, store, time, tell).run(signal),
    qualifications && new Scheduler(qualifications, store, time, tell).run(signal),
  ]);
}

/** Carries bulks out that are jobs, until `signal` aborts. */
export async function runBulkJobs(
  store: ViewStore,
  door: CommandDispatcher,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const jobs = await store.openForReading(bulkJobsView);
  const open = async (): Promise<readonly OpenJob[]> => ((await jobs.state()).built ? listOpenJobs(jobs) : []);
  const runner = new BulkRunner(open, door, clock, ({ bulkId, inMs, error }) =>
    logger.warn({ bulkId, inMs, err: error }, 'bulks go on after a pause'),
  );
  await runner.run(signal);
}
