import { existsSync, readdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { EventStore } from '#event-store/event-store';
import type { View } from '#read-model/view';
import { ViewsUnavailable, type ViewStore } from '#read-model/view-store';
import { idKeyFile } from './id-key.js';
import { OperatorError } from './operator-error.js';
import type { Settings } from './settings.js';
import { isShared, logFile, redactCredentials, redactUrl } from './stores.js';

/**
 * Files that only exist next to an embedded log: its key, its write-ahead log and its views. If the log itself is missing, it was
 * lost, or DATA_DIR or EVENT_STORE_URL is wrong.
 */
export function findLeftovers(settings: Settings): readonly string[] {
  const file = logFile(settings);
  if (file === undefined) return [];
  const files = [idKeyFile(settings)].filter((path) => existsSync(path));
  // SQLite may leave an empty one behind.
  if (existsSync(`${file}-wal`) && statSync(`${file}-wal`).size > 0) files.push(`${file}-wal`);
  if (isShared(settings.readStoreUrl)) return files;
  const views = resolve(settings.readStoreUrl.slice('sqlite:'.length));
  const hasViews = existsSync(views) && readdirSync(views).some((name) => name.endsWith('.db') && name !== 'lease.db');
  return hasViews ? [...files, views] : files;
}

/**
 * Rejects an empty log if views were built from events: the log was lost, or the process is connected to another one.
 * @throws OperatorError
 */
export async function rejectEmptyLogWithViews(
  settings: Settings,
  log: EventStore,
  store: ViewStore,
  views: readonly View[],
): Promise<void> {
  if ((await log.head()) !== log.start) return;
  const checkpoints = await Promise.all(views.map((view) => readCheckpoint(store, view)));
  const built = checkpoints.findIndex((checkpoint) => checkpoint !== null && checkpoint !== log.start);
  // Another process may have begun the log since, and a worker may have applied its events.
  if (built === -1 || (await log.head()) !== log.start) return;
  const isEmbedded = !isShared(settings.readStoreUrl);
  const removal = isEmbedded
    ? `remove ${settings.readStoreUrl.slice('sqlite:'.length)}`
    : 'drop the database of the views';
  throw new OperatorError(
    `The event log ${redactCredentials(settings.eventStoreUrl)} has no events, but the view ${views[built]!.name} in ${redactUrl(settings.readStoreUrl)} was built from a log. ` +
      `Restore that log from a backup, correct EVENT_STORE_URL or READ_STORE_URL, or begin a new log: ${removal}.`,
  );
}

/** Null if the view was never built, or cannot be read; its reader reports the reason later. */
async function readCheckpoint(store: ViewStore, view: View): Promise<string | null> {
  try {
    return (await (await store.openForReading(view)).state()).checkpoint;
  } catch (error) {
    if (error instanceof ViewsUnavailable) return null;
    throw error;
  }
}
