import { AnswerStore } from '#event-store/answer-store';
import { EventStore } from '#event-store/event-store';
import { AboutModule } from '#http/about.module';
import { Readiness } from '#http/health.controller';
import { Metrics } from '#http/metrics';
import type { CatchUp } from '#read-model/catch-up';
import { ViewStore } from '#read-model/view-store';
import { serve } from '#wiring/serve';
import { isShared } from '#wiring/stores';
import { StoresModule } from '#wiring/stores.module';
import { ownDoor } from './own-door.js';
import { carryBulksOut, keepUp, react, turnsAt, type Qualified } from './worker.js';

// A process of its own, one of any number: one of them works, the others stand by. HTTP tells how it is, and nothing else.
await serve('worker', async (settings, logger) => {
  const { stores, close } = await StoresModule.open(settings, logger, { write: false });
  const stop = new AbortController();
  let worked: Promise<void> | undefined;
  return {
    module: { module: class Worker {}, imports: [stores, AboutModule] },
    started: (app) => {
      const [events, answers, views] = [app.get(EventStore), app.get(AnswerStore), app.get(ViewStore)];
      const door = isShared(settings.eventStoreUrl) ? ownDoor({ events, answers }, settings) : null;
      if (!door) logger.warn('automations and bulks do not run here: the embedded log is written by another process');
      const lease = views.lease();
      const turns = turnsAt(lease, logger);
      let running: readonly CatchUp[] = [];

      app.get(Readiness).add('worker', async () => {
        await lease.read();
        return { ready: true, lease: turns.held ? 'held' : 'standing by' };
      });
      const metrics = app.get(Metrics);
      metrics.gauge('leadstream_worker_lease_held', '1: this process works; 0: it stands by.', () =>
        Number(turns.held),
      );
      metrics.gauges(
        'leadstream_worker_events_applied',
        'How many events this process has taken the view past since its turn began.',
        'view',
        async () => running.map(({ view, applied }) => [view.name, applied] as const),
      );
      const hear = ({ scorer, outcome, seconds }: Qualified): void => metrics.qualified(scorer, outcome, seconds);
      const work = async (signal: AbortSignal): Promise<void> => {
        const parts = [keepUp(events, views, logger, signal, (catchUps) => (running = catchUps))];
        if (door) {
          parts.push(react(events, views, door, settings, logger, signal, hear));
          parts.push(carryBulksOut(views, door, logger, signal));
        }
        await Promise.all(parts);
      };
      worked = turns.run(work, stop.signal).catch((error: unknown) => {
        logger.fatal({ err: error }, 'worker failed');
        logger.flush();
        process.exit(1);
      });
    },
    stopped: async () => {
      stop.abort();
      await worked;
      await close();
    },
  };
});
