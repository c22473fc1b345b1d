import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contactStream, deriveContactKey } from '#commands/ids';
import { UnreadableEvent } from '#domain/event-codec';
import type { RecordedEvent } from '#domain/event';
import type { EventStore } from '#event-store/event-store';
import { ensureWritableFolder, isSystemError } from './folders.js';
import { OperatorError } from './operator-error.js';
import type { Settings } from './settings.js';
import { redactCredentials, type LogStores } from './stores.js';

/** Shorter keys could be guessed. A file with a shorter one is damaged. */
const minKeyLength = 16;

/**
 * The secret that the log's contact keys are derived from: ID_KEY, or `id.key` in the data folder. Checks that it is the key of
 * this log. With another key, existing contacts would not be found and each would get a second active lead.
 * @param options.write Whether this process appends. If so, it creates a missing key for an empty log, and stores the key's
 * fingerprint in a log that has none.
 * @throws OperatorError
 */
export async function openIdKey(
  settings: Settings,
  log: Pick<LogStores, 'events' | 'keyFingerprint'>,
  { write }: { write: boolean },
): Promise<string> {
  const secret = readIdKey(settings) ?? (await createIdKey(settings, log, write));
  const fingerprint = fingerprintIdKey(secret);
  const stored = await log.keyFingerprint.find();
  if (stored === undefined) await checkFirstContact(settings, log.events, secret);
  const expected = stored ?? (write ? await log.keyFingerprint.saveIfAbsent(fingerprint) : fingerprint);
  if (expected !== fingerprint) throw describeWrongKey(settings, (await log.events.head()) === log.events.start);
  return secret;
}

/** Identifies a key without revealing it. Contact keys are derived from texts with a NUL character, so none equals it. */
export const fingerprintIdKey = (secret: string): string =>
  createHmac('sha256', secret).update('leadstream key fingerprint').digest('hex');

/** The file of the key; it is not used if ID_KEY is set. */
export const idKeyFile = ({ dataDir }: Pick<Settings, 'dataDir'>): string => join(dataDir, 'id.key');

/** The setting or file that holds the key. Messages never show the key itself. */
export const describeKeyLocation = (settings: Pick<Settings, 'idKey' | 'dataDir'>): string =>
  settings.idKey === null ? idKeyFile(settings) : 'ID_KEY';

/**
 * Reads ID_KEY or `id.key`. Returns undefined if there is neither.
 * @throws OperatorError if the file cannot be read or is damaged
 */
export function readIdKey(settings: Pick<Settings, 'idKey' | 'dataDir'>): string | undefined {
  if (settings.idKey !== null) return settings.idKey;
  const file = idKeyFile(settings);
  const secret = withFile(file, () => (existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined));
  if (secret === undefined || secret.length >= minKeyLength) return secret;
  throw new OperatorError(
    `${file} is damaged. Restore it from a backup: with another key, existing contacts would not be found.`,
  );
}

async function createIdKey(
  settings: Settings,
  { events, keyFingerprint }: Pick<LogStores, 'events' | 'keyFingerprint'>,
  write: boolean,
): Promise<string> {
  const file = idKeyFile(settings);
  const isNewLog = (await events.head()) === events.start && (await keyFingerprint.find()) === undefined;
  if (!isNewLog)
    throw new OperatorError(
      `There is no ${file}, and contacts cannot be found without the key of the log ${redactCredentials(settings.eventStoreUrl)}. ` +
        `Restore id.key from the backup of this log, or set ID_KEY or DATA_DIR to what it was written with.`,
    );
  if (!write)
    throw new OperatorError(`There is no ${file}, and contacts cannot be found without it. Set ID_KEY or DATA_DIR.`);
  ensureWritableFolder(settings.dataDir, 'DATA_DIR');
  withFile(file, () => createKeyFile(file));
  return readIdKey(settings)!;
}

function withFile<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new OperatorError(`The key ${file} cannot be read or created: ${error.message}. Check DATA_DIR.`, 1, {
      cause: error,
    });
  }
}

/** All or nothing; of several processes, the first one wins. */
function createKeyFile(file: string): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
}

/** For logs without a fingerprint: compares the key of the log's first contact. */
async function checkFirstContact(settings: Settings, log: EventStore, secret: string): Promise<void> {
  const contact = await findFirstContact(log);
  if (!contact) return;
  const { org, stream, personal } = contact;
  if (stream !== contactStream(org, deriveContactKey(secret, org, personal.contactId)))
    throw describeWrongKey(settings, false);
}

async function findFirstContact(log: EventStore): Promise<RecordedEvent<'ContactRegistered'> | undefined> {
  const head = await log.head();
  const { signal } = new AbortController();
  let after = log.start;
  while (after < head) {
    try {
      for await (const { events, position } of log.follow(after, { signal })) {
        const contact = events.find((event) => event.type === 'ContactRegistered');
        if (contact) return contact;
        after = position;
        if (after >= head) return undefined;
      }
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      after = error.location.position;
    }
  }
  return undefined;
}

function describeWrongKey(settings: Settings, isLogEmpty: boolean): OperatorError {
  const url = redactCredentials(settings.eventStoreUrl);
  const advice = isLogEmpty
    ? 'The log has no events yet: restore its key, or remove the log to create one with this key.'
    : 'Restore the key from the backup of this log, as id.key or ID_KEY.';
  return new OperatorError(
    `${describeKeyLocation(settings)} is not the key of this log (${url}), so contacts would not be found. ${advice}`,
  );
}
