import { CommandBus } from '@nestjs/cqrs';
import { CommandApiModule } from '#apps/command-api/command-api.module';
import { QueryApiModule } from '#apps/query-api/query-api.module';
import { AboutModule } from '#http/about.module';
import { Metrics } from '#http/metrics';
import { views } from '#projections/index';
import { serve } from '#wiring/serve';
import { StoresModule } from '#wiring/stores.module';
import { WorkerThread } from './worker-thread.js';

// HTTP and the log's writer run in this thread, the worker in a second thread, and view queries in a third.
await serve('all-in-one', async (settings, logger) => {
  const { stores, close } = await StoresModule.open(settings, logger, { write: true, views });
  let worker: WorkerThread | undefined;
  return {
    module: { module: class AllInOne {}, imports: [stores, AboutModule, CommandApiModule, QueryApiModule] },
    onStarted: (app) => {
      const metrics = app.get(Metrics);
      worker = new WorkerThread(logger, ({ scorerCall: { scorer, outcome, seconds } }) =>
        metrics.observeQualification(scorer, outcome, seconds),
      );
      worker.start(app.get(CommandBus, { strict: false }));
    },
    onStopped: async () => {
      await worker?.stop();
      await close();
    },
  };
});
