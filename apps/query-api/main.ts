import { AboutModule } from '#http/about.module';
import { views } from '#projections/index';
import { serve } from '#wiring/serve';
import { StoresModule } from '#wiring/stores.module';
import { QueryApiModule } from './query-api.module.js';

await serve('query-api', async (settings, logger) => {
  const { stores, close } = await StoresModule.open(settings, logger, { write: false, views });
  return {
    module: { module: class QueryApi {}, imports: [stores, AboutModule, QueryApiModule] },
    onStopped: close,
  };
});
