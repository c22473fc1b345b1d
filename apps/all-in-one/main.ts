import { CommandApiModule } from '#apps/command-api/command-api.module';
import { QueryApiModule } from '#apps/query-api/query-api.module';
import { HealthModule } from '#http/health.module';
import { serve } from '#wiring/serve';
import { StoresModule } from '#wiring/stores.module';
import { WorkerThread } from './worker-thread.js';

// HTTP and the log's writer run on this thread, the worker in a second, the views' queries in a third.
await serve('all-in-one', async (settings, logger) => ({
  module: {
    module: class AllInOne {},
    imports: [await StoresModule.open(settings, { write: true }), HealthModule, CommandApiModule, QueryApiModule],
  },
  companion: new WorkerThread(logger),
}));
