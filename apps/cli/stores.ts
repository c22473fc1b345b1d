import type { EventStore } from '#event-store/event-store';
import type { ViewStore } from '#read-model/view-store';
import { parseSettings, type Settings } from '#wiring/settings';
import { openLog, openViews } from '#wiring/stores';
import { CliError } from './cli-error.js';

export interface Stores {
  readonly settings: Settings;
  readonly log: EventStore;
  readonly views: ViewStore;
}

/** Works on the stores that the environment names, and closes them. */
export async function withStores(work: (stores: Stores) => Promise<void>): Promise<void> {
  const settings = parseSettings(process.env);
  const log = await openExistingLog(settings);
  try {
    const views = await openViews(settings, { readerThread: false });
    await work({ settings, log, views }).finally(() => views.close());
  } finally {
    await log.close();
  }
}

/** The log, for reading only: a service may be running. @throws Trouble when there is none */
export async function openExistingLog(settings: Settings): Promise<EventStore> {
  try {
    return (await openLog(settings, { write: false })).events;
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new CliError(
      `There is no event log at ${settings.eventStoreUrl}. Set DATA_DIR (or EVENT_STORE_URL) to what the service uses; npm start makes a new one.`,
      { cause: error },
    );
  }
}

/** The URL of an engine as it may be shown: without name and password. */
export const redactCredentials = (url: string): string => url.replace(/\/\/[^/?#]*@/, '//');

const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  error.name === 'UnusableLogFile' &&
  (error.cause as { code?: unknown } | undefined)?.code === 'ENOENT';
