import { dirname, resolve, sep } from 'node:path';
import type { IdempotencyStore } from '#event-store/idempotency-store';
import { Unavailable, type EventStore } from '#event-store/event-store';
import type { KeyFingerprintStore } from '#event-store/key-fingerprint-store';
import type { CommittedGroup } from '#event-store/sqlite/group-commit';
import { ViewsUnavailable, type ViewStore } from '#read-model/view-store';
import { ensureWritableFolder } from './folders.js';
import { asSentence, OperatorError } from './operator-error.js';
import type { Settings } from './settings.js';

export interface LogStores {
  readonly events: EventStore;
  readonly responses: IdempotencyStore;
  readonly keyFingerprint: KeyFingerprintStore;
}

interface LogOptions {
  /** Whether this process appends. An embedded log has one writer, an EventStoreDB any number. */
  readonly write: boolean;
  /** Called after each commit of an embedded log. */
  readonly onCommit?: (group: CommittedGroup) => void;
  /** Called when an embedded log that is opened for writing is found to be damaged, if that was not known when it was opened. */
  readonly onDamage?: (damage: string) => void;
  /** What is left of a log, see `findLeftovers`. If there is anything, an embedded log is not created. Default: nothing. */
  readonly leftovers?: readonly string[];
  /** What the URL came from, for messages. */
  readonly urlSetting?: string;
}

/**
 * Opens the event log. An engine's package is loaded only when its URL is used.
 * @throws OperatorError
 */
export async function openLog(
  settings: Settings,
  { write, onCommit, onDamage, leftovers = [], urlSetting = 'EVENT_STORE_URL' }: LogOptions,
): Promise<LogStores> {
  const { eventStoreUrl } = settings;
  if (isShared(eventStoreUrl)) return openEventStoreDb(eventStoreUrl, urlSetting);
  const { SqliteLog } = await import('#event-store/sqlite/sqlite-log');
  const { DamagedLogFile, MissingLogFile, UnusableLogFile } = await import('#event-store/sqlite/log-file');
  const file = pathIn(eventStoreUrl);
  const setting = isInDataDir(settings, file) ? 'DATA_DIR' : urlSetting;
  if (write) ensureWritableFolder(dirname(file), setting);
  try {
    const create = write && leftovers.length === 0;
    return SqliteLog.open({
      file,
      readOnly: !write,
      create,
      ...(onCommit && { onCommit }),
      ...(onDamage && { onDamage }),
    });
  } catch (error) {
    if (!(error instanceof UnusableLogFile)) throw error;
    if (write && error instanceof MissingLogFile && leftovers.length > 0)
      throw new OperatorError(describeLeftovers(eventStoreUrl, leftovers), 1, { cause: error });
    if (error instanceof DamagedLogFile)
      throw new OperatorError(`${asSentence(error.message)} Restore it from a backup.`, 1, { cause: error });
    throw new OperatorError(describeUnusableLog(eventStoreUrl, error, setting), 1, { cause: error });
  }
}

async function openEventStoreDb(url: string, urlSetting: string): Promise<LogStores> {
  const { EventStoreDbLog } = await import('#event-store/eventstoredb/eventstoredb-log');
  const { InvalidLogUrl } = await import('#event-store/eventstoredb/client');
  try {
    return await EventStoreDbLog.open(url);
  } catch (error) {
    if (error instanceof InvalidLogUrl)
      throw new OperatorError(`${asSentence(error.message)} Correct ${urlSetting}.`, 1, { cause: error });
    if (!(error instanceof Unavailable)) throw error;
    throw new OperatorError(
      `${asSentence(error.message)} Check ${urlSetting} (${redactUrl(url)}) and that the server is running.`,
      1,
      { cause: error },
    );
  }
}

const describeLeftovers = (url: string, leftovers: readonly string[]): string =>
  `There is no event log at ${url}, but ${leftovers.join(' and ')} ${leftovers.length > 1 ? 'belong' : 'belongs'} to one. ` +
  'Restore the log from a backup, correct DATA_DIR or EVENT_STORE_URL, or begin a new log by removing what is left of the old one.';

const sqliteBusy = 5;

function describeUnusableLog(url: string, { message, cause }: Error, setting: string): string {
  const { code, errcode } = (cause ?? {}) as { code?: unknown; errcode?: unknown };
  if (code === 'ENOENT')
    return `There is no event log at ${url}. Set ${setting} to what the service uses; npm start creates a new log.`;
  const isBusy = typeof errcode === 'number' && (errcode & 0xff) === sqliteBusy;
  const advice = isBusy
    ? `The other process may be the running service: stop it, or set ${setting} to another location.`
    : `Check ${setting}.`;
  return `${asSentence(message)} ${advice}`;
}

/** What SQLite finds wrong with the file of an embedded log. Nothing for a log on a server, which checks its own files. */
export async function findLogDamage(settings: Settings): Promise<readonly string[]> {
  const file = logFile(settings);
  if (file === undefined) return [];
  const { findDamageInFile } = await import('#event-store/sqlite/integrity-check');
  return findDamageInFile(file);
}

/**
 * Opens the views.
 * @param options.readerThread whether embedded queries run in a thread of their own, so that they never block this one
 * @throws OperatorError
 */
export async function openViews(settings: Settings, { readerThread }: { readerThread: boolean }): Promise<ViewStore> {
  const { readStoreUrl } = settings;
  if (isShared(readStoreUrl)) {
    const { MongodbViewStore } = await import('#read-model/mongodb/mongodb.view-store');
    return new MongodbViewStore(readStoreUrl);
  }
  const { SqliteViewStore } = await import('#read-model/sqlite/sqlite.view-store');
  const folder = pathIn(readStoreUrl);
  ensureWritableFolder(folder, isInDataDir(settings, folder) ? 'DATA_DIR' : 'READ_STORE_URL');
  return new SqliteViewStore(folder, readerThread ? {} : { readerThread: false });
}

/**
 * Checks that the server of the views can be reached; embedded views always can.
 * @throws OperatorError
 */
export async function checkViewsReachable({ readStoreUrl }: Settings, views: ViewStore): Promise<void> {
  if (!isShared(readStoreUrl)) return;
  const lease = views.lease();
  try {
    await lease.read();
  } catch (error) {
    if (!(error instanceof ViewsUnavailable)) throw error;
    throw new OperatorError(`${asSentence(error.message)} Check READ_STORE_URL and that the server is running.`, 1, {
      cause: error,
    });
  } finally {
    await lease.close();
  }
}

/** An OperatorError for a store that became unavailable while it was used; other errors unchanged. */
export function toOperatorError(error: unknown): unknown {
  const isExpected = error instanceof Unavailable || error instanceof ViewsUnavailable;
  return isExpected ? new OperatorError(asSentence(error.message), 1, { cause: error }) : error;
}

/** The file of an embedded log; undefined if a server holds the log. */
export const logFile = ({ eventStoreUrl }: Settings): string | undefined =>
  isShared(eventStoreUrl) ? undefined : resolve(pathIn(eventStoreUrl));

/** Whether the engine is a server that many processes write to. */
export const isShared = (url: string): boolean => !url.startsWith('sqlite:');

const pathIn = (url: string): string => url.slice('sqlite:'.length);

const isInDataDir = ({ dataDir }: Settings, path: string): boolean => resolve(path).startsWith(dataDir + sep);

/** A store's URL for messages: without user, password and options. */
export const redactUrl = (url: string): string => redactCredentials(url).replace(/\?[^#]*/, '');

/** A store's URL without user and password. */
export const redactCredentials = (url: string): string => url.replace(/\/\/[^/?#]*@/, '//');
