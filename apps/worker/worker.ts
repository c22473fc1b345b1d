import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AssignLeads } from '#automation/assign-leads.reactor';
import { BulkRunner } from '#automation/bulk-runner';
import { CompleteBroadcastSends } from '#automation/complete-broadcast-sends.reactor';
import { EventProcessor, type AutomationNotice } from '#automation/event-processor';
import { QualifyLeads } from '#automation/qualify-leads.task';
import type { DispatchContactCommand, Reactor } from '#automation/reactor';
import { RemindFollowUps } from '#automation/remind-follow-ups.task';
import type { SchedulerClock } from '#automation/scheduled-task';
import { Scheduler } from '#automation/scheduler';
import {
  UnassignLeadsOfDeactivatedAgent,
  type LeadsAssignedBefore,
} from '#automation/unassign-leads-of-deactivated-agent.reactor';
import { Clock } from '#commands/clock';
import type { CommandDispatcher } from '#commands/command-dispatcher';
import { DeciderService } from '#commands/decider-service';
import { Unavailable, type EventStore } from '#event-store/event-store';
import { agentsView } from '#projections/agents/agents.projection';
import { listLeadsAssignedBefore } from '#projections/agents/agents.query';
import { bulkJobsView } from '#projections/bulk-jobs/bulk-jobs.projection';
import { listOpenJobs, type OpenJob } from '#projections/bulk-jobs/bulk-jobs.query';
import { followUpsView } from '#projections/follow-ups/follow-ups.projection';
import { listRemindersDueBefore } from '#projections/follow-ups/follow-ups.query';
import { views } from '#projections/index';
import { qualificationDueView } from '#projections/qualification-due/qualification-due.projection';
import { listUnreadBefore } from '#projections/qualification-due/qualification-due.query';
import { LeaderElection, type Lease, type LeaseNotice } from '#read-model/lease';
import { maintainGenerations } from '#read-model/maintain-generations';
import { ProjectionRunner, type ProjectionNotice } from '#read-model/projection-runner';
import type { ViewStore } from '#read-model/view-store';
import { waitForPosition } from '#read-model/wait-for-position';
import type { Settings } from '#wiring/settings';
import { openAssignmentQueue } from './assignment-queue.js';
import { createScorer } from './scorer.js';

/** Creates the election of the one active worker. Logs every change of the lease. */
export function createLeaderElection(lease: Lease, logger: Logger): LeaderElection {
  const report = (notice: LeaseNotice): void => {
    switch (notice.type) {
      case 'waiting':
        return logger.info('another worker holds the lease; standing by');
      case 'acquired':
        return logger.info('acquired the lease; starting work');
      case 'released':
        return logger.info('released the lease');
      case 'lost':
        return logger.warn('lost the lease; stopping work');
      case 'failing':
        return logger.warn({ err: notice.error }, 'failed to read or write the lease; retrying');
    }
  };
  return new LeaderElection(lease, report);
}

/**
 * Keeps every view up to date, and continues interrupted rebuilds, until `signal` aborts.
 * @param onStarted receives the runner of each view, which counts the events that it applies
 */
export async function runProjections(
  log: EventStore,
  store: ViewStore,
  logger: Logger,
  signal: AbortSignal,
  onStarted: (runners: readonly ProjectionRunner[]) => void = () => undefined,
): Promise<void> {
  const createReporter =
    (subject: 'view' | 'rebuild') =>
    (notice: ProjectionNotice): void => {
      const view = `${notice.view.name} v${notice.view.version}`;
      switch (notice.type) {
        case 'built':
          return logger.info({ view }, `${subject} has caught up with the log`);
        case 'promoted':
          return logger.info({ view }, `${subject} was promoted: it is live`);
        case 'stopped':
          return logger.error(
            { view, ...notice.stopped, err: notice.error },
            `${subject} stopped on an event it cannot apply`,
          );
        case 'retrying':
          return logger.warn(
            { view, inMs: notice.inMs, err: notice.error },
            `${subject} failed; retrying in ${notice.inMs} ms`,
          );
      }
    };
  // Each runner listens to the signal. Node.js would warn of a leak above 10 listeners.
  setMaxListeners(100, signal);
  const runners = views.map((view) => new ProjectionRunner(view, store, log, createReporter('view')));
  onStarted(runners);
  await Promise.all([
    ...runners.map((runner) => runner.run(signal)),
    ...views.map((view) => maintainGenerations(view, store, log, createReporter('rebuild'), signal)),
  ]);
}

const clock = new Clock();
const schedulerClock: SchedulerClock = {
  now: () => clock.now(),
  pause: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => undefined),
};

export interface ScorerCall {
  readonly scorer: string;
  readonly outcome: 'scored' | 'failed';
  readonly seconds: number;
}

/** Runs every automation that is enabled, until `signal` aborts. */
export async function runAutomations(
  log: EventStore,
  store: ViewStore,
  dispatch: CommandDispatcher,
  settings: Settings,
  logger: Logger,
  signal: AbortSignal,
  onScorerCall: (call: ScorerCall) => void,
): Promise<void> {
  const report = (notice: AutomationNotice): void => {
    const { automation, error } = notice;
    if (notice.type === 'parked')
      logger.error(
        { automation, ...notice.deadLetter, err: error },
        'automation failed repeatedly; added a dead letter',
      );
    else logger.warn({ automation, inMs: notice.inMs, err: error }, `automation failed; retrying in ${notice.inMs} ms`);
  };
  const dispatchContactCommand: DispatchContactCommand = (command, context) => dispatch('contact', command, context);
  const reactors = await createReactors(log, store, dispatchContactCommand, settings);

  const followUps = await store.openForReading(followUpsView);
  const reminders = new RemindFollowUps(
    (before) => listRemindersDueBefore(followUps, before),
    dispatchContactCommand,
    schedulerClock,
  );

  const { scorer: scorerName, debounceMs } = settings.qualification;
  const scorer = await createScorer(settings);
  const unread = await store.openForReading(qualificationDueView);
  const qualification =
    scorer &&
    new QualifyLeads(
      (before) => listUnreadBefore(unread, before),
      log,
      scorer,
      debounceMs,
      dispatchContactCommand,
      schedulerClock,
      (outcome, seconds) => onScorerCall({ scorer: scorerName, outcome, seconds }),
    );
  await Promise.all([
    ...reactors.map((reactor) => new EventProcessor(reactor, store, log, report).run(signal)),
    new Scheduler(reminders, store, schedulerClock, report).run(signal),
    qualification && new Scheduler(qualification, store, schedulerClock, report).run(signal),
  ]);
}

const agentsViewTimeoutMs = 30_000;
/** How many events of streams that reactors read are cached. */
const reactorCacheSize = 20_000;

async function createReactors(
  log: EventStore,
  store: ViewStore,
  dispatchContactCommand: DispatchContactCommand,
  { autoAssignment }: Settings,
): Promise<readonly Reactor[]> {
  const agents = await store.openForReading(agentsView);
  const leadsAssignedBefore: LeadsAssignedBefore = async function* (org, agentId, position, signal) {
    if (!(await waitForPosition(agents, position, agentsViewTimeoutMs, signal)))
      throw new Unavailable('the agents view is behind');
    yield* listLeadsAssignedBefore(agents, org, agentId, position);
  };
  const deciders = new DeciderService(log, () => clock.now(), undefined, reactorCacheSize);
  const reactors: Reactor[] = [
    new UnassignLeadsOfDeactivatedAgent(log, leadsAssignedBefore, dispatchContactCommand, clock),
    new CompleteBroadcastSends(deciders, dispatchContactCommand),
  ];
  if (autoAssignment !== null) {
    const queue = await openAssignmentQueue(log, store);
    reactors.push(new AssignLeads(autoAssignment, log, queue, dispatchContactCommand, clock));
  }
  return reactors;
}

/** Executes bulk jobs until `signal` aborts. */
export async function runBulkJobs(
  store: ViewStore,
  dispatch: CommandDispatcher,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const jobs = await store.openForReading(bulkJobsView);
  const openJobs = async (): Promise<readonly OpenJob[]> => ((await jobs.state()).built ? listOpenJobs(jobs) : []);
  const runner = new BulkRunner(openJobs, dispatch, clock, ({ bulkId, inMs, error }) =>
    logger.warn({ bulkId, inMs, err: error }, `bulk job failed; retrying in ${inMs} ms`),
  );
  await runner.run(signal);
}
