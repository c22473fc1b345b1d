import { destination, pino, type Logger } from 'pino';
import type { Settings } from './settings.js';

/** Structured logs on standard output, one JSON object a line. Nothing personal is ever handed to it. */
export function createLogger({ logLevel }: Pick<Settings, 'logLevel'>, app: string): Logger {
  const output = destination({ fd: 1, sync: false, minLength: 0 });
  const logger = pino({ level: logLevel, base: { app }, timestamp: pino.stdTimeFunctions.isoTime }, output);
  // Where nobody can be told any more (a full disk, a closed pipe) the service goes on without a word; it would hang in trying.
  output.on('error', () => {
    logger.level = 'silent';
    output.destroy();
  });
  return logger;
}
