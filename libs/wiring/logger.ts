import { isatty } from 'node:tty';
import { destination, pino, type Logger } from 'pino';
import type { Settings } from './settings.js';
import { formatForTerminal } from './terminal-log.js';

const standardOutput = 1;

/** Logs to standard output: short lines on a terminal, otherwise one JSON object per line. Never log personal data. */
export function createLogger({ logLevel }: Pick<Settings, 'logLevel'>, app: string): Logger {
  const output = destination({ fd: standardOutput, sync: false, minLength: 0 });
  const terminal = {
    write: (line: string): void => {
      const text = formatForTerminal(line);
      if (text !== undefined) output.write(`${text}\n`);
    },
    flush: (): void => output.flush(),
  };
  const options = {
    level: logLevel,
    base: { app },
    timestamp: pino.stdTimeFunctions.isoTime,
    hooks: { logMethod: withoutFastifyAddress },
  };
  const logger = pino(options, isatty(standardOutput) ? terminal : output);
  // If standard output fails (disk full, closed pipe), stop logging: the service would block on it.
  output.on('error', () => {
    logger.level = 'silent';
    output.destroy();
  });
  return logger;
}

/** Fastify logs every address that it listens on, with no way to turn that off. `serve` logs the address, once. */
function withoutFastifyAddress(this: Logger, args: Parameters<pino.LogFn>, method: pino.LogFn): void {
  const [first] = args as readonly unknown[];
  if (typeof first === 'string' && first.startsWith('Server listening at ')) return;
  method.apply(this, args);
}
