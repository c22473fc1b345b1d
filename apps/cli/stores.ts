import type { EventStore } from '#event-store/event-store';
import type { ViewStore } from '#read-model/view-store';
import { settingsFrom, type Settings } from '#wiring/settings';
import { openLog, openViews } from '#wiring/stores';
import { Trouble } from './trouble.js';

export interface Stores {
  readonly settings: Settings;
  readonly log: EventStore;
  readonly views: ViewStore;
}

/** Works on the stores that the environment names, and closes them. The log is opened for reading only: a service may be running. */
export async function withStores(work: (stores: Stores) => Promise<void>): Promise<void> {
  const settings = settingsFrom(process.env);
  const { events: log } = await openLog(settings, { write: false }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    throw new Trouble(
      `There is no event log at ${settings.eventStoreUrl}. Set DATA_DIR (or EVENT_STORE_URL) to what the service uses; npm start makes a new one.`,
      { cause: error },
    );
  });
  try {
    const views = await openViews(settings, { ownThread: false });
    await work({ settings, log, views }).finally(() => views.close());
  } finally {
    await log.close();
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  error.name === 'UnusableLogFile' &&
  (error.cause as { code?: unknown } | undefined)?.code === 'ENOENT';
