import type { DynamicModule, Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { createServer } from '#http/server';
import { checkPortIsFree, explainListenError } from './listening.js';
import { createLogger } from './logger.js';
import { reportFatalError } from './operator-error.js';
import { createPrivateFiles } from './private-files.js';
import { parseSettings, type Settings } from './settings.js';
import { toOperatorError } from './stores.js';
import { checkSettingNames } from './unknown-settings.js';
import { readArguments } from './usage.js';

export interface Composition {
  readonly module: Type | DynamicModule;
  /** Called when the module is initialized, before the server listens. */
  readonly onStarted?: (app: NestFastifyApplication) => void;
  /** Called after the last response. */
  readonly onStopped?: () => Promise<void>;
}

/** Starts the process: reads the settings, opens the stores and listens. Exits with code 1 or 2 on any failure. */
export async function serve(
  name: string,
  compose: (settings: Settings, logger: Logger) => Promise<Composition>,
): Promise<void> {
  let logger: Logger | undefined;
  createPrivateFiles();
  try {
    const usage = readArguments(name, process.argv.slice(2));
    if (usage !== undefined) return console.log(usage);
    const settings = parseSettings(process.env);
    logger = createLogger(settings, name);
    for (const warning of checkSettingNames(process.env).warnings) logger.warn(warning);
    await checkPortIsFree(settings);
    const { module, onStarted, onStopped } = await compose(settings, logger);
    const app = await createServer(module, logger, { publicUrl: settings.providers.publicUrl });
    await app.init();
    onStarted?.(app);
    stopOnSignal(app, onStopped, logger);
    await listen(app, settings);
    logger.info({ url: await app.getUrl(), dataDir: settings.dataDir }, 'listening');
  } catch (error) {
    logger?.flush();
    process.exit(reportFatalError(toOperatorError(error)));
  }
}

async function listen(app: NestFastifyApplication, { port, host }: Settings): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    throw explainListenError(error, { port, host });
  }
}

/** On SIGTERM or SIGINT, finishes the requests in progress, then stops everything else. */
function stopOnSignal(app: NestFastifyApplication, onStopped: Composition['onStopped'], logger: Logger): void {
  let isStopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ signal }, 'stopping');
    try {
      await app.close();
      await onStopped?.();
      logger.info('stopped');
    } catch (error) {
      logger.error({ err: error }, 'did not stop cleanly');
      process.exitCode = 1;
    }
    logger.flush();
    process.exit();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
}
