import type { DynamicModule, Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { createServer } from '#http/server';
import { createLogger } from './logger.js';
import { InvalidSettings, parseSettings, type Settings } from './settings.js';

/** What a process is made of: its module, what starts once that stands, and what ends after the last request is answered. */
export interface Composition {
  readonly module: Type | DynamicModule;
  readonly onStarted?: (app: NestFastifyApplication) => void;
  readonly onStopped?: () => Promise<void>;
}

/** From the environment to a process that listens, and to its graceful end. Never returns early: what fails, ends the process with code 1. */
export async function serve(
  name: string,
  compose: (settings: Settings, logger: Logger) => Promise<Composition>,
): Promise<void> {
  let logger: Logger | undefined;
  try {
    const settings = parseSettings(process.env);
    logger = createLogger(settings, name);
    const { module, onStarted: started, onStopped: stopped } = await compose(settings, logger);
    const app = await createServer(module, logger, { publicUrl: settings.providers.publicUrl });
    await app.init();
    started?.(app);
    endOnSignal(app, stopped, logger);
    await app.listen(settings.port, settings.host);
    logger.info({ url: await app.getUrl() }, 'listening');
  } catch (error) {
    logger?.flush();
    // A setting or file that can't be is told in its own words; anything else is a bug and shows its stack.
    console.error(isForPeople(error) ? `${name}: ${error.message}` : error);
    process.exit(1);
  }
}

const isForPeople = (error: unknown): error is Error =>
  error instanceof InvalidSettings ||
  (error instanceof Error &&
    (error.name === 'UnusableLogFile' || 'code' in error || error.name === 'ViewsUnavailable'));

/** What is under way is finished and answered; then what runs beside the server ends. */
function endOnSignal(app: NestFastifyApplication, stopped: Composition['onStopped'], logger: Logger): void {
  let ending = false;
  const end = async (signal: string): Promise<void> => {
    if (ending) return;
    ending = true;
    logger.info({ signal }, 'stopping');
    try {
      await app.close();
      await stopped?.();
      logger.info('stopped');
    } catch (error) {
      logger.error({ err: error }, 'did not stop cleanly');
      process.exitCode = 1;
    }
    logger.flush();
    process.exit();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal));
}
