import { IdempotencyStore } from '#event-store/idempotency-store';
import { EventStore } from '#event-store/event-store';
import { AboutModule } from '#http/about.module';
import { Readiness } from '#http/health.controller';
import { Metrics } from '#http/metrics';
import type { ProjectionRunner } from '#read-model/projection-runner';
import { ViewStore } from '#read-model/view-store';
import { serve } from '#wiring/serve';
import { isShared } from '#wiring/stores';
import { StoresModule } from '#wiring/stores.module';
import { createLocalDispatcher } from './local-dispatcher.js';
import { runBulkJobs, runProjections, runAutomations, createLeaderElection, type ScorerCall } from './worker.js';

// A process of its own, one of any number: one of them works, the others stand by. HTTP tells how it is, and nothing else.
await serve('worker', async (settings, logger) => {
  const { stores, close } = await StoresModule.open(settings, logger, { write: false });
  const stop = new AbortController();
  let worked: Promise<void> | undefined;
  return {
    module: { module: class Worker {}, imports: [stores, AboutModule] },
    onStarted: (app) => {
      const [events, answers, views] = [app.get(EventStore), app.get(IdempotencyStore), app.get(ViewStore)];
      const door = isShared(settings.eventStoreUrl)
        ? createLocalDispatcher({ events, responses: answers }, settings)
        : null;
      if (!door) logger.warn('automations and bulks do not run here: the embedded log is written by another process');
      const lease = views.lease();
      const turns = createLeaderElection(lease, logger);
      let running: readonly ProjectionRunner[] = [];

      app.get(Readiness).add('worker', async () => {
        await lease.read();
        return { ready: true, lease: turns.isLeader ? 'held' : 'standing by' };
      });
      const metrics = app.get(Metrics);
      metrics.addGauge('leadstream_worker_lease_held', '1: this process works; 0: it stands by.', () =>
        Number(turns.isLeader),
      );
      metrics.addLabeledGauge(
        'leadstream_worker_events_applied',
        'How many events this process has taken the view past since its turn began.',
        'view',
        async () => running.map(({ view, appliedEvents: applied }) => [view.name, applied] as const),
      );
      const hear = ({ scorer, outcome, seconds }: ScorerCall): void =>
        metrics.observeQualification(scorer, outcome, seconds);
      const work = async (signal: AbortSignal): Promise<void> => {
        const parts = [runProjections(events, views, logger, signal, (catchUps) => (running = catchUps))];
        if (door) {
          parts.push(runAutomations(events, views, door, settings, logger, signal, hear));
          parts.push(runBulkJobs(views, door, logger, signal));
        }
        await Promise.all(parts);
      };
      worked = turns.run(work, stop.signal).catch((error: unknown) => {
        logger.fatal({ err: error }, 'worker failed');
        logger.flush();
        process.exit(1);
      });
    },
    onStopped: async () => {
      stop.abort();
      await worked;
      await close();
    },
  };
});
