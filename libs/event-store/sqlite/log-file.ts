import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { newLogId } from '../log-id.js';
import { describeSqliteFailure, isSqliteFailure } from './failures.js';
import { findDamage } from './integrity-check.js';

/** The file cannot be used as an event log. The message names the file and the cause. */
export class UnusableLogFile extends Error {
  override readonly name = 'UnusableLogFile';
  constructor(
    readonly file: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(`the event log ${file} cannot be opened: ${reason}`, options);
  }
}

/** SQLite's check has found the file to be damaged. */
export class DamagedLogFile extends UnusableLogFile {}

/** There is no log: the file does not exist, or it is empty. */
export class MissingLogFile extends UnusableLogFile {}

/** An open log file. Keep a reference to the connection for as long as any of its statements is used. */
export interface LogFile {
  /** Without symbolic links, so that it is the same for every process and thread that has the file open. */
  readonly path: string;
  readonly logId: string;
  readonly readOnly: boolean;
  readonly db: DatabaseSyncInstance;
  /** Opens another, read-only connection. */
  openReader(): DatabaseSyncInstance;
  /** Closes `db` and releases the lock. Close connections from `openReader` first. */
  close(): void;
}

const applicationId = 0x4c64_5374;
const formatVersion = 1;

// AUTOINCREMENT: a position is never reused, even if its event was deleted by hand. A stream's version is the highest version of its
// events and is stored nowhere else, so that the two cannot differ and an append writes one page less. Event ids are unique because
// of how they are created. An index on them would write a random page for every event and halve the write rate. The table `answers`
// holds the stored responses of commands; `kept` is when each was stored.
const schema = `
  CREATE TABLE log (id TEXT NOT NULL, key_fingerprint TEXT) STRICT;
  CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL,
    version INTEGER NOT NULL,
    id BLOB NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (stream, version)
  ) STRICT;
  CREATE TABLE answers (command TEXT PRIMARY KEY, kept INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE INDEX answers_by_time ON answers (kept);
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${formatVersion};
`;

// A checkpoint of the write-ahead log runs within a commit. At 1,000 pages (4 MB), the longest took 10 ms. At 10,000 pages, appends
// are a fifth faster overall, but some wait 50 ms. The size limit releases the disk space that a burst during a long read has used.
const writerPragmas = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA fullfsync = ON;
  PRAGMA wal_autocheckpoint = 1000;
  PRAGMA journal_size_limit = 67108864;
  PRAGMA cache_size = -65536;
`;

/** A writer checks a file of up to this size when it opens it, in at most about 0.2 s. A larger one is checked in the background. */
export const maxInlineCheckBytes = 64 * 1024 * 1024;

/** How long SQLite waits for a lock. */
const busyTimeoutMs = 1_000;

/**
 * Opens the file. Creates it, with its folder, unless `readOnly` is set or `create` is false.
 * @throws UnusableLogFile
 * @throws MissingLogFile
 * @throws DamagedLogFile if a file of up to `maxInlineCheckBytes` that is opened for writing is damaged
 */
export function openLogFile({
  file,
  readOnly = false,
  create = !readOnly,
}: {
  file: string;
  readOnly?: boolean;
  create?: boolean;
}): LogFile {
  const connections: DatabaseSyncInstance[] = [];
  const open = (path: string, options: { readOnly?: boolean; timeout: number }): DatabaseSyncInstance => {
    const db = new DatabaseSync(path, options);
    connections.unshift(db);
    return db;
  };
  const close = (): void => connections.splice(0).forEach((db) => db.close());
  const openReader = (): DatabaseSyncInstance => new DatabaseSync(path, { timeout: busyTimeoutMs, readOnly: true });
  let path = file;
  try {
    path = resolvePath(file, !create);
    // The lock is opened first and so closed last: it outlives the connection that it guards.
    if (!readOnly) lock(open(`${path}.lock`, { timeout: 0 }), path);
    const db = open(path, { timeout: busyTimeoutMs, readOnly });
    const isNew = !containsLog(db, path);
    if (isNew && !create) throw new MissingLogFile(path, 'nothing has been written to it yet');
    if (!readOnly) {
      if (!isNew && statSync(path).size <= maxInlineCheckBytes) rejectDamage(db, path);
      db.exec(writerPragmas);
      if (isNew) createLog(db);
      // This write detects a missing write permission, which SQLite would otherwise report only at the first append.
      else db.exec(`PRAGMA user_version = ${formatVersion}`);
      addKeyFingerprint(db);
    }
    const { id: logId } = db.prepare('SELECT id FROM log').get() as { id: string };
    return { path, logId, readOnly, db, openReader, close };
  } catch (error) {
    close();
    throw translateOpenError(error, path);
  }
}

/** Resolves symbolic links, even if the file does not exist yet. */
function resolvePath(file: string, mustExist: boolean): string {
  try {
    return realpathSync(file);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT' || mustExist) throw error;
  }
  mkdirSync(dirname(file), { recursive: true });
  return join(realpathSync(dirname(file)), basename(file));
}

/** Locks out other writers while `db` is open. The operating system releases the lock, however the process ends. */
function lock(db: DatabaseSyncInstance, path: string): void {
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    if (!isSqliteFailure(error) || (error.errcode & 0xff) !== 5) throw error;
    throw new UnusableLogFile(path, 'it is in use by another process, or already open in this one', { cause: error });
  }
}

/** Returns false for an empty file. Never writes, so that a file of another program stays unchanged. */
function containsLog(db: DatabaseSyncInstance, path: string): boolean {
  const { application, version, objects } = db
    .prepare(
      `SELECT (SELECT application_id FROM pragma_application_id) AS application,
              (SELECT user_version FROM pragma_user_version) AS version,
              (SELECT count(*) FROM sqlite_schema) AS objects`,
    )
    .get() as { application: number; version: number; objects: number };
  if (application === 0 && version === 0 && objects === 0) return false;
  if (application !== applicationId) throw new UnusableLogFile(path, 'it is a database of another program');
  if (version > formatVersion)
    throw new UnusableLogFile(
      path,
      `its format version is ${version}, but this release supports at most ${formatVersion}`,
    );
  return true;
}

function rejectDamage(db: DatabaseSyncInstance, path: string): void {
  const [damage] = findDamage(db, 'quick');
  if (damage !== undefined) throw new DamagedLogFile(path, `the file is damaged (${damage})`);
}

/** For logs of older releases. Those ignore the column, so the format version stays the same. */
function addKeyFingerprint(db: DatabaseSyncInstance): void {
  const columns = db.prepare("SELECT name FROM pragma_table_info('log')").all() as { name: string }[];
  if (!columns.some(({ name }) => name === 'key_fingerprint'))
    db.exec('ALTER TABLE log ADD COLUMN key_fingerprint TEXT');
}

function createLog(db: DatabaseSyncInstance): void {
  db.exec(`BEGIN IMMEDIATE; ${schema}`);
  db.prepare('INSERT INTO log (id) VALUES (?)').run(newLogId());
  db.exec('COMMIT');
}

const isSystemError = (error: unknown): error is { code: string } =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';

const systemErrorReasons: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist',
  ENOTDIR: 'a part of its path is not a folder',
  EEXIST: 'a part of its path is not a folder',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'its disk is read-only',
  ENOSPC: 'there is no space left on its disk',
};

function translateOpenError(error: unknown, path: string): unknown {
  if (error instanceof UnusableLogFile) return error;
  if (isSqliteFailure(error)) return new UnusableLogFile(path, describeSqliteFailure(error), { cause: error });
  if (!isSystemError(error)) return error;
  const reason = systemErrorReasons[error.code];
  if (reason === undefined) return error;
  const errorClass = error.code === 'ENOENT' ? MissingLogFile : UnusableLogFile;
  return new errorClass(path, reason, { cause: error });
}
