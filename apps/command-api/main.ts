import { AboutModule } from '#http/about.module';
import { views } from '#projections/index';
import { serve } from '#wiring/serve';
import { StoresModule } from '#wiring/stores.module';
import { CommandApiModule } from './command-api.module.js';

await serve('command-api', async (settings, logger) => {
  const { stores, close } = await StoresModule.open(settings, logger, { write: true, views });
  return {
    module: { module: class CommandApi {}, imports: [stores, AboutModule, CommandApiModule] },
    onStopped: close,
  };
});
