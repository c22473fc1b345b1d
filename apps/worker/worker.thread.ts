import { parentPort, type MessagePort } from 'node:worker_threads';
import { createLogger } from '#wiring/logger';
import { parseSettings } from '#wiring/settings';
import { isShared, openLog, openViews } from '#wiring/stores';
import { createThreadDispatcher, type ParentMessage, type ScorerCallMessage } from './thread-dispatcher.js';
import { createLeaderElection, runAutomations, runBulkJobs, runProjections, type ScorerCall } from './worker.js';

/** Runs the worker as a thread of all-in-one, until the parent thread sends `stop`. */
async function main(parent: MessagePort): Promise<void> {
  const settings = parseSettings(process.env);
  const logger = createLogger(settings, 'worker');
  const stop = new AbortController();
  parent.on('message', (message: ParentMessage) => {
    if ('stop' in message) stop.abort();
  });

  const { events } = await openLog(settings, { write: false });
  const views = await openViews(settings, { readerThread: false });
  const dispatch = createThreadDispatcher(parent);
  const onScorerCall = (scorerCall: ScorerCall): void => parent.postMessage({ scorerCall } satisfies ScorerCallMessage);
  const work = async (signal: AbortSignal): Promise<void> => {
    await Promise.all([
      runProjections(events, views, logger, signal),
      runAutomations(events, views, dispatch, settings, logger, signal, onScorerCall),
      runBulkJobs(views, dispatch, logger, signal),
    ]);
  };
  logger.info('worker started');
  // An embedded log has only this worker. Without a lease, it need not wait for an old lease to expire after a crash.
  if (isShared(settings.eventStoreUrl)) await createLeaderElection(views.lease(), logger).run(work, stop.signal);
  else await work(stop.signal);
  await views.close();
  await events.close();
  logger.info('worker stopped');
  logger.flush();
  parent.close();
}

// An error ends the thread. all-in-one logs it and restarts the thread.
await main(parentPort!);
