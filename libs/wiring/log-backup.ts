import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  createReadStream,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ensureWritableFolder, isSystemError } from './folders.js';
import { fingerprintIdKey, idKeyFile, openIdKey, readIdKey } from './id-key.js';
import { findLeftovers } from './leftovers.js';
import { OperatorError } from './operator-error.js';
import type { Settings } from './settings.js';
import { logFile, openLog } from './stores.js';

/** A folder with this file is a complete backup. */
const manifestName = 'manifest.json';
const [logName, keyName] = ['events.db', 'id.key'] as const;

export interface BackupManifest {
  readonly format: 1;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly events: number;
  /** Of the last event. */
  readonly position: string;
  /** SHA-256 over every event. */
  readonly eventsSha256: string;
  readonly keyFingerprint: string;
  /** SHA-256 by file. `id.key` is missing if the service uses ID_KEY. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Copies an embedded log and its key to a new folder, while the service may run, and verifies the copy. The folder appears when
 * it is complete; until then its name has the ending `.incomplete-` and a random text.
 * @throws OperatorError
 */
export async function createBackup(settings: Settings, folder: string): Promise<BackupManifest> {
  const file = embeddedLogFile(settings, 'backup');
  const target = resolve(folder);
  if (existsSync(target)) throw new OperatorError(`${target} exists already. Set --to to a new folder.`);
  const secret = await readKeyOfLog(settings);
  const draft = `${target}.incomplete-${randomBytes(4).toString('hex')}`;
  try {
    return await explainFailure(`The backup ${target} cannot be written`, '--to', async () => {
      mkdirSync(draft, { recursive: true, mode: 0o700 });
      const manifest = await fillBackup(settings, file, secret, draft);
      renameSync(draft, target);
      syncFolder(dirname(target));
      return manifest;
    });
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function fillBackup(settings: Settings, file: string, secret: string, draft: string): Promise<BackupManifest> {
  const { copyLog, digestLog } = await import('#event-store/sqlite/log-copy');
  const copy = join(draft, logName);
  copyLog(file, copy);
  await rejectDamage(copy);
  const { events, position, sha256 } = digestLog(copy);
  if (digestLog(file, position).sha256 !== sha256)
    throw new OperatorError('The copy differs from the log. Run verify on the log, then run backup again.');
  if (settings.idKey === null) writeFileSync(join(draft, keyName), `${secret}\n`, { mode: 0o600 });
  const files: Record<string, string> = {};
  for (const name of readdirSync(draft)) {
    syncFile(join(draft, name));
    files[name] = await hashFile(join(draft, name));
  }
  const manifest: BackupManifest = {
    format: 1,
    createdAt: new Date().toISOString(),
    events,
    position,
    eventsSha256: sha256,
    keyFingerprint: fingerprintIdKey(secret),
    files,
  };
  writeFileSync(join(draft, manifestName), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true });
  syncFolder(draft);
  return manifest;
}

/**
 * Puts a backup into an empty data folder, and verifies it. Overwrites nothing. The log comes last, and at once, so after an
 * interruption the service does not start, and `restore` can be run again.
 * @throws OperatorError
 */
export async function restoreBackup(settings: Settings, folder: string): Promise<BackupManifest> {
  const file = embeddedLogFile(settings, 'restore');
  const backup = resolve(folder);
  const manifest = await readBackup(backup);
  const secret = keyForRestore(settings, backup, manifest);
  rejectExistingData(settings, file, secret);
  ensureWritableFolder(dirname(file), 'DATA_DIR');
  const draftPrefix = `${basename(file)}.restore-`;
  for (const name of readdirSync(dirname(file)))
    if (name.startsWith(draftPrefix)) rmSync(join(dirname(file), name), { force: true });
  const draft = join(dirname(file), `${draftPrefix}${randomBytes(4).toString('hex')}`);
  try {
    await explainFailure(`The log ${file} cannot be restored`, 'DATA_DIR', async () => {
      copyFileSync(join(backup, logName), draft);
      syncFile(draft);
      await verifyRestored(draft, manifest);
      if (settings.idKey === null) writeKey(settings, secret);
      // Unlike a rename, a link does not replace a file.
      linkSync(draft, file);
      rmSync(draft);
      syncFolder(dirname(file));
    });
  } finally {
    rmSync(draft, { force: true });
  }
  return manifest;
}

function embeddedLogFile(settings: Settings, command: 'backup' | 'restore'): string {
  const file = logFile(settings);
  if (file !== undefined) return file;
  throw new OperatorError(
    `${command} supports embedded logs only. Use EventStoreDB's own backup, and keep ID_KEY; see docs/guides/operate.md.`,
  );
}

/** The key, after it was checked against the log. */
async function readKeyOfLog(settings: Settings): Promise<string> {
  const log = await openLog(settings, { write: false });
  try {
    return await openIdKey(settings, log, { write: false });
  } finally {
    await log.events.close();
  }
}

async function readBackup(backup: string): Promise<BackupManifest> {
  const file = join(backup, manifestName);
  if (!existsSync(file))
    throw new OperatorError(`${backup} is not a complete backup: it has no ${manifestName}. Set --from to another.`);
  const manifest = parseManifest(file);
  if (manifest?.format !== 1 || !(logName in manifest.files))
    throw new OperatorError(`${file} cannot be read by this release. Set --from to another backup.`);
  for (const [name, sha256] of Object.entries(manifest.files)) {
    const path = join(backup, basename(name));
    if (!existsSync(path) || (await hashFile(path)) !== sha256)
      throw new OperatorError(`${path} is missing or was changed after the backup. Set --from to another backup.`);
  }
  return manifest;
}

function parseManifest(file: string): BackupManifest | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as BackupManifest;
  } catch {
    return undefined;
  }
}

function keyForRestore(settings: Settings, backup: string, { files, keyFingerprint }: BackupManifest): string {
  const inBackup = keyName in files ? readFileSync(join(backup, keyName), 'utf8').trim() : undefined;
  const secret = settings.idKey ?? inBackup ?? readIdKey(settings);
  if (secret !== undefined && fingerprintIdKey(secret) === keyFingerprint) return secret;
  throw new OperatorError(
    secret === undefined
      ? 'The backup has no key, because its service used ID_KEY. Set ID_KEY to that key.'
      : `${settings.idKey === null ? idKeyFile(settings) : 'ID_KEY'} is not the key of this backup. Set ID_KEY to the key of its log.`,
  );
}

/** An equal key may be there, because an interrupted restore writes it before the log. */
function rejectExistingData(settings: Settings, file: string, secret: string): void {
  const key = idKeyFile(settings);
  const isEqualKey = existsSync(key) && readFileSync(key, 'utf8').trim() === secret;
  const existing = [...(existsSync(file) ? [file] : []), ...findLeftovers(settings)].filter(
    (path) => path !== key || !isEqualKey,
  );
  if (existing.length > 0)
    throw new OperatorError(
      `${existing.join(' and ')} ${existing.length > 1 ? 'exist' : 'exists'} already, and restore overwrites nothing. ` +
        'Move it away, or set DATA_DIR to an empty folder.',
    );
}

async function verifyRestored(file: string, { events, position, eventsSha256 }: BackupManifest): Promise<void> {
  const { digestLog } = await import('#event-store/sqlite/log-copy');
  await rejectDamage(file);
  const digest = digestLog(file);
  if (digest.events !== events || digest.position !== position || digest.sha256 !== eventsSha256)
    throw new OperatorError('The events of the backup differ from its manifest. Set --from to another backup.');
}

async function rejectDamage(file: string): Promise<void> {
  const { findDamageInFile } = await import('#event-store/sqlite/integrity-check');
  const [damage] = findDamageInFile(file);
  if (damage !== undefined)
    throw new OperatorError(`The copy of the log is damaged: ${damage}. Run verify on the log.`);
}

function writeKey(settings: Settings, secret: string): void {
  const key = idKeyFile(settings);
  // It was checked: it holds this key.
  if (existsSync(key)) return;
  ensureWritableFolder(dirname(key), 'DATA_DIR');
  const draft = `${key}.${process.pid}`;
  writeFileSync(draft, `${secret}\n`, { mode: 0o600, flush: true });
  renameSync(draft, key);
  syncFolder(dirname(key));
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function syncFile(path: string): void {
  const descriptor = openSync(path, 'r+');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** Makes the names in the folder durable. Windows cannot open a folder. */
function syncFolder(path: string): void {
  if (process.platform === 'win32' || !statSync(path).isDirectory()) return;
  const descriptor = openSync(path, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

async function explainFailure<T>(what: string, setting: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new OperatorError(`${what}: ${error.message}. Check ${setting}.`, 1, { cause: error });
  }
}
