import { IdKey } from '#commands/id-key';
import { IdempotencyStore } from '#event-store/idempotency-store';
import { EventStore } from '#event-store/event-store';
import { AboutModule } from '#http/about.module';
import { Readiness } from '#http/health.controller';
import { Metrics } from '#http/metrics';
import { views as projectedViews } from '#projections/index';
import type { ProjectionRunner } from '#read-model/projection-runner';
import { ViewStore } from '#read-model/view-store';
import { serve } from '#wiring/serve';
import { isShared } from '#wiring/stores';
import { StoresModule } from '#wiring/stores.module';
import { createLocalDispatcher } from './local-dispatcher.js';
import { createLeaderElection, runAutomations, runBulkJobs, runProjections, type ScorerCall } from './worker.js';

// Any number of workers may run: one is active, the others stand by. HTTP serves only health and metrics.
await serve('worker', async (settings, logger) => {
  const { stores, close } = await StoresModule.open(settings, logger, { write: false, views: projectedViews });
  const stop = new AbortController();
  let working: Promise<void> | undefined;
  return {
    module: { module: class Worker {}, imports: [stores, AboutModule] },
    onStarted: (app) => {
      const [events, responses, views] = [app.get(EventStore), app.get(IdempotencyStore), app.get(ViewStore)];
      const dispatch = isShared(settings.eventStoreUrl)
        ? createLocalDispatcher({ events, responses }, app.get(IdKey), settings)
        : null;
      if (!dispatch)
        logger.warn('automations and bulk jobs do not run here, because another process writes to the embedded log');
      const lease = views.lease();
      const election = createLeaderElection(lease, logger);
      let runners: readonly ProjectionRunner[] = [];

      app.get(Readiness).add('worker', async () => {
        await lease.read();
        return { ready: true, lease: election.isLeader ? 'held' : 'standing by' };
      });
      const metrics = app.get(Metrics);
      metrics.addGauge('leadstream_worker_lease_held', '1: this process is the active worker; 0: it stands by.', () =>
        Number(election.isLeader),
      );
      metrics.addLabeledGauge(
        'leadstream_worker_events_applied',
        'Events that this process has applied to the view since it acquired the lease.',
        'view',
        async () => runners.map(({ view, appliedEvents }) => [view.name, appliedEvents] as const),
      );
      const onScorerCall = ({ scorer, outcome, seconds }: ScorerCall): void =>
        metrics.observeQualification(scorer, outcome, seconds);
      const work = async (signal: AbortSignal): Promise<void> => {
        const tasks = [
          runProjections(events, views, logger, signal, (started) => {
            runners = started;
          }),
        ];
        if (dispatch) {
          tasks.push(runAutomations(events, views, dispatch, settings, logger, signal, onScorerCall));
          tasks.push(runBulkJobs(views, dispatch, logger, signal));
        }
        await Promise.all(tasks);
      };
      working = election.run(work, stop.signal).catch((error: unknown) => {
        logger.fatal({ err: error }, 'worker failed');
        logger.flush();
        process.exit(1);
      });
    },
    onStopped: async () => {
      stop.abort();
      await working;
      await close();
    },
  };
});
