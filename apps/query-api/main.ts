import { HealthModule } from '#http/health.module';
import { serve } from '#wiring/serve';
import { StoresModule } from '#wiring/stores.module';
import { QueryApiModule } from './query-api.module.js';

await serve('query-api', async (settings) => ({
  module: {
    module: class QueryApi {},
    imports: [await StoresModule.open(settings, { write: false }), HealthModule, QueryApiModule],
  },
}));
