import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IdempotencyStore } from '#event-store/idempotency-store';
import type { EventStore } from '#event-store/event-store';
import type { CommittedGroup } from '#event-store/sqlite/group-commit';
import type { ViewStore } from '#read-model/view-store';
import { InvalidSettings, type Settings } from './settings.js';

/** The engines behind the ports, by URL. An engine's package is loaded only when its URL is used. */
export interface LogStores {
  readonly events: EventStore;
  readonly responses: IdempotencyStore;
}

/**
 * Opens the log. `write`: this process appends to it; the others follow and read. An EventStoreDB takes any number of writers.
 * `onCommit` hears what each commit of the embedded log made durable.
 */
export async function openLog(
  { eventStoreUrl }: Settings,
  { write, onCommit }: { write: boolean; onCommit?: (group: CommittedGroup) => void },
): Promise<LogStores> {
  if (isShared(eventStoreUrl)) {
    const { EventStoreDbLog } = await import('#event-store/eventstoredb/eventstoredb-log');
    return EventStoreDbLog.open(eventStoreUrl);
  }
  const { SqliteLog } = await import('#event-store/sqlite/sqlite-log');
  return SqliteLog.open({ file: pathIn(eventStoreUrl), readOnly: !write, ...(onCommit ? { onCommit } : {}) });
}

/** `ownThread`: embedded queries run in a thread of their own, so that they never block this one. */
export async function openViews(
  { readStoreUrl }: Settings,
  { readerThread: ownThread }: { readerThread: boolean },
): Promise<ViewStore> {
  if (isShared(readStoreUrl)) {
    const { MongodbViewStore } = await import('#read-model/mongodb/mongodb.view-store');
    return new MongodbViewStore(readStoreUrl);
  }
  const { SqliteViewStore } = await import('#read-model/sqlite/sqlite.view-store');
  return new SqliteViewStore(pathIn(readStoreUrl), ownThread ? {} : { readerThread: false });
}

/** Whether the engine is a server, which many processes write to. */
export const isShared = (url: string): boolean => !url.startsWith('sqlite:');

const pathIn = (url: string): string => url.slice('sqlite:'.length);

/**
 * The secret behind contacts' keys: ID_KEY, or the one kept in the data folder, made there on the first start.
 * `create`: whether it may be made; who only reads could do nothing with a new one.
 * @throws InvalidSettings when the data folder can't keep it, or has none
 */
export function loadIdKey({ idKey, dataDir }: Settings, { create = true } = {}): string {
  if (idKey !== null) return idKey;
  const file = join(dataDir, 'id.key');
  if (!create && !existsSync(file))
    throw new InvalidSettings(`There is no ${file}, and no contact can be found without it: set ID_KEY or DATA_DIR.`);
  try {
    mkdirSync(dataDir, { recursive: true });
    if (!existsSync(file)) {
      // Whole or not at all, and the first of several processes wins.
      const draft = `${file}.${process.pid}`;
      writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true });
      try {
        linkSync(draft, file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      } finally {
        unlinkSync(draft);
      }
    }
    const key = readFileSync(file, 'utf8').trim();
    if (key.length >= 16) return key;
  } catch (cause) {
    throw new InvalidSettings(`The key of this installation can't be kept in ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
  throw new InvalidSettings(
    `${file} is damaged: put the key back from a backup. With another key no contact would be found again.`,
  );
}
