import { destination, pino, type Logger } from 'pino';
import type { Settings } from './settings.js';

/** Structured logs on standard output, one JSON object a line. Nothing personal is ever handed to it. */
export function createLogger({ logLevel }: Pick<Settings, 'logLevel'>, app: string): Logger {
  return pino(
    { level: logLevel, base: { app }, timestamp: pino.stdTimeFunctions.isoTime },
    destination({ fd: 1, sync: false, minLength: 0 }),
  );
}
