import { setImmediate } from 'node:timers/promises';
import { FakeEventStoreDbServer } from '#test/support/fake-eventstoredb-server';
import { Unavailable } from '../event-store.js';
import { EventStoreDbLog } from './eventstoredb-log.js';

/** Runs `test` with a log on a new fake server. */
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

/** @throws Error after 30 seconds, because its message is clearer than a timeout of the test */
export async function waitUntil(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 30_000; !condition();) {
    if (performance.now() > end) throw new Error('the condition did not become true within 30 seconds');
    await setImmediate();
  }
}

/** Retries while the log is unavailable, as callers do. */
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

/** Resolves with the error of `work`, or undefined if it succeeds, and with its duration. */
export const captureFailure = async (work: Promise<unknown>): Promise<{ error: unknown; milliseconds: number }> => {
  const startedAt = performance.now();
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { error, milliseconds: performance.now() - startedAt };
};

export const storedResponse = { request: 'r', answer: 1, keptAt: '2026-03-01T09:00:00Z' };
