import { parentPort, type MessagePort } from 'node:worker_threads';
import { createLogger } from '#wiring/logger';
import { parseSettings } from '#wiring/settings';
import { isShared, openLog, openViews } from '#wiring/stores';
import { createThreadDispatcher, type ScorerCallMessage, type ParentMessage } from './thread-dispatcher.js';
import { runBulkJobs, runProjections, runAutomations, createLeaderElection, type ScorerCall } from './worker.js';

/** The worker as a thread of all-in-one; ends when its parent says so. */
async function main(parent: MessagePort): Promise<void> {
  const settings = parseSettings(process.env);
  const logger = createLogger(settings, 'worker');
  const stop = new AbortController();
  parent.on('message', (told: ParentMessage) => 'stop' in told && stop.abort());

  const { events } = await openLog(settings, { write: false });
  const views = await openViews(settings, { readerThread: false });
  const door = createThreadDispatcher(parent);
  const hear = (qualified: ScorerCall): void =>
    parent.postMessage({ scorerCall: qualified } satisfies ScorerCallMessage);
  const work = async (signal: AbortSignal): Promise<void> => {
    await Promise.all([
      runProjections(events, views, logger, signal),
      runAutomations(events, views, door, settings, logger, signal, hear),
      runBulkJobs(views, door, logger, signal),
    ]);
  };
  logger.info('worker started');
  // Who holds an embedded log is the only one to work on it: no lease, and nobody to wait for after a crash.
  if (isShared(settings.eventStoreUrl)) await createLeaderElection(views.lease(), logger).run(work, stop.signal);
  else await work(stop.signal);
  await views.close();
  await events.close();
  logger.info('worker stopped');
  logger.flush();
  parent.close();
}

// What it throws ends the thread, whatever is still open; all-in-one tells of it and starts the thread again.
await main(parentPort!);
