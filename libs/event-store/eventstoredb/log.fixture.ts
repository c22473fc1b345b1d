import { setImmediate } from 'node:timers/promises';
import { FakeEventStoreDbServer } from '#test/support/fake-eventstoredb-server';
import { Unavailable } from '../event-store.js';
import { EventStoreDbLog } from './eventstoredb-log.js';

/** A log on a server of its own, played in this process. */
export const withLog = async (
  test: (log: EventStoreDbLog, server: FakeEventStoreDbServer) => Promise<void>,
  urlOf = (server: FakeEventStoreDbServer) => server.url,
): Promise<void> => {
  const server = await FakeEventStoreDbServer.start();
  const log = await EventStoreDbLog.open(urlOf(server));
  try {
    await test(log, server);
  } finally {
    await log.close();
    server.stop();
  }
};

/** @throws when it takes very long, which says more than a test that runs out of time */
export async function waitUntil(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 30_000; !condition();) {
    if (performance.now() > end) throw new Error('it never became so');
    await setImmediate();
  }
}

/** As callers do that were told to come again. */
export async function retryUntilAvailable<T>(work: () => Promise<T>): Promise<T> {
  for (const end = performance.now() + 30_000; ;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unavailable) || performance.now() > end) throw error;
      await setImmediate();
    }
  }
}

/** What it is rejected with, undefined if it is not, and after how long. */
export const captureFailure = async (work: Promise<unknown>): Promise<{ error: unknown; milliseconds: number }> => {
  const started = performance.now();
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { error, milliseconds: performance.now() - started };
};

export const storedResponse = { request: 'r', answer: 1, keptAt: '2026-03-01T09:00:00Z' };
