import { parentPort } from 'node:worker_threads';
import { createLogger } from '#wiring/logger';
import { InvalidSettings, settingsFrom } from '#wiring/settings';
import { openLog, openViews } from '#wiring/stores';
import { keepUp } from './worker.js';

/** A process of its own, or a thread of all-in-one: the same program. Ends on SIGTERM, SIGINT, or any message from its parent. */
async function main(): Promise<void> {
  const settings = settingsFrom(process.env);
  const logger = createLogger(settings, 'worker');
  const stop = new AbortController();
  if (parentPort) parentPort.once('message', () => stop.abort());
  else for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

  const log = await openLog(settings, { write: false });
  const views = await openViews(settings);
  logger.info('worker started');
  await keepUp(log.events, views, logger, stop.signal);
  await views.close();
  await log.events.close();
  logger.info('worker stopped');
  logger.flush();
  parentPort?.close();
}

try {
  await main();
} catch (error) {
  console.error(error instanceof InvalidSettings ? error.message : error);
  process.exitCode = 1;
}
