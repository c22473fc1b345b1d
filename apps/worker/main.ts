import { parentPort } from 'node:worker_threads';
import { createLogger } from '#wiring/logger';
import { InvalidSettings, settingsFrom } from '#wiring/settings';
import { isShared, openLog, openViews } from '#wiring/stores';
import { ownDoor } from './own-door.js';
import { threadDoor, type Told } from './thread-door.js';
import { keepUp, react } from './worker.js';

/** A process of its own, or a thread of all-in-one: the same program. Ends on SIGTERM, SIGINT, or when its parent says so. */
async function main(): Promise<void> {
  const settings = settingsFrom(process.env);
  const logger = createLogger(settings, 'worker');
  const stop = new AbortController();
  if (parentPort) parentPort.on('message', (told: Told) => 'stop' in told && stop.abort());
  else for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

  const log = await openLog(settings, { write: false });
  const views = await openViews(settings, { ownThread: false });
  const door = parentPort ? threadDoor(parentPort) : isShared(settings.eventStoreUrl) ? ownDoor(log, settings) : null;
  logger.info('worker started');
  const work = [keepUp(log.events, views, logger, stop.signal)];
  if (door) work.push(react(log.events, views, door, logger, stop.signal));
  else logger.warn('automations do not run here: the embedded log is written by another process');
  await Promise.all(work);
  await views.close();
  await log.events.close();
  logger.info('worker stopped');
  logger.flush();
  parentPort?.close();
}

try {
  await main();
} catch (error) {
  // Thrown on, it ends the process or thread whatever is still open; all-in-one then tells of it and starts the thread again.
  if (!(error instanceof InvalidSettings)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
