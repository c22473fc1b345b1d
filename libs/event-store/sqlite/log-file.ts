import { mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { describeSqliteFailure, isSqliteFailure } from './failures.js';
import { newLogId } from './position-codec.js';

/** The file can't serve as an event log; the message names the file and the cause. */
export class UnusableLogFile extends Error {
  override readonly name = 'UnusableLogFile';
  constructor(
    readonly file: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(`the event log ${file} can't be opened: ${reason}`, options);
  }
}

/** The file of a log, opened. The connection is to be held for as long as any statement of it is used. */
export interface LogFile {
  /** Free of symbolic links: the same for everybody who has this file open. */
  readonly path: string;
  readonly logId: string;
  readonly readOnly: boolean;
  readonly db: DatabaseSyncInstance;
  /** One more connection, for reading only. */
  openReader(): DatabaseSyncInstance;
  /** Closes `db` and lets others write; connections got from `openReader` are closed before. */
  close(): void;
}

const applicationId = 0x4c64_5374;
const format = 1;

// AUTOINCREMENT: a place stays used even if its event was deleted by hand. A stream's version is the highest among its
// events and stands nowhere else, so that the two can't differ and an append writes a page less. Ids are unique by how they
// are made; an index on them would touch a page at random for each event, and halve what can be written.
const layout = `
  CREATE TABLE log (id TEXT NOT NULL) STRICT;
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
  PRAGMA user_version = ${format};
`;

// Checkpoints run within a commit. At 1,000 pages (4 MB) the longest took 10 ms; at 10,000 appends are a fifth faster
// in all but some wait 50 ms. The size limit gives back what a burst under a long read has grown.
const writing = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA fullfsync = ON;
  PRAGMA wal_autocheckpoint = 1000;
  PRAGMA journal_size_limit = 67108864;
  PRAGMA cache_size = -65536;
`;

const patience = { timeout: 1_000 };

/**
 * Opens the file, and makes it (with its folder) unless it is opened for reading only.
 * @throws UnusableLogFile
 */
export function openLogFile({ file, readOnly = false }: { file: string; readOnly?: boolean }): LogFile {
  const opened: DatabaseSyncInstance[] = [];
  const open = (path: string, options: { readOnly?: boolean; timeout: number }): DatabaseSyncInstance => {
    const db = new DatabaseSync(path, options);
    opened.unshift(db);
    return db;
  };
  const close = (): void => opened.splice(0).forEach((db) => db.close());
  const openReader = (): DatabaseSyncInstance => new DatabaseSync(path, { ...patience, readOnly: true });
  let path = file;
  try {
    path = realPath(file, readOnly);
    // The first opened is the last closed: the lock outlives the connection that it guards.
    if (!readOnly) lock(open(`${path}.lock`, { timeout: 0 }), path);
    const db = open(path, { ...patience, readOnly });
    const isNew = !holdsLog(db, path);
    if (isNew && readOnly) throw new UnusableLogFile(path, 'nothing was written to it yet');
    if (!readOnly) {
      db.exec(writing);
      if (isNew) create(db);
      // A file that may only be read opens all the same, and would say so at the first append.
      else db.exec(`PRAGMA user_version = ${format}`);
    }
    const { id: logId } = db.prepare('SELECT id FROM log').get() as { id: string };
    return { path, logId, readOnly, db, openReader, close };
  } catch (error) {
    close();
    throw explained(error, path);
  }
}

/** Without links, also when the file is not there yet. */
function realPath(file: string, mustExist: boolean): string {
  try {
    return realpathSync(file);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT' || mustExist) throw error;
  }
  mkdirSync(dirname(file), { recursive: true });
  return join(realpathSync(dirname(file)), basename(file));
}

/** Keeps other writers out for as long as `db` is open; the operating system lets go of it whatever ends the process. */
function lock(db: DatabaseSyncInstance, path: string): void {
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    if (!isSqliteFailure(error) || (error.errcode & 0xff) !== 5) throw error;
    throw new UnusableLogFile(path, 'it is in use by another process, or open already in this one', { cause: error });
  }
}

/** False for an empty file. Writes nothing, so that a file that isn't ours stays as it is. */
function holdsLog(db: DatabaseSyncInstance, path: string): boolean {
  const { application, version, things } = db
    .prepare(
      `SELECT (SELECT application_id FROM pragma_application_id) AS application,
              (SELECT user_version FROM pragma_user_version) AS version,
              (SELECT count(*) FROM sqlite_schema) AS things`,
    )
    .get() as { application: number; version: number; things: number };
  if (application === 0 && version === 0 && things === 0) return false;
  if (application !== applicationId) throw new UnusableLogFile(path, 'it is a database of another program');
  if (version > format)
    throw new UnusableLogFile(path, `its format is ${version}, newer than ${format}, the newest known to this release`);
  return true;
}

function create(db: DatabaseSyncInstance): void {
  db.exec(`BEGIN IMMEDIATE; ${layout}`);
  db.prepare('INSERT INTO log (id) VALUES (?)').run(newLogId());
  db.exec('COMMIT');
}

const isSystemError = (error: unknown): error is { code: string } =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';

const systemWords: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of its path is not a folder',
  EEXIST: 'a part of its path is not a folder',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'its disk is read-only',
  ENOSPC: 'there is no space left on its disk',
};

function explained(error: unknown, path: string): unknown {
  if (error instanceof UnusableLogFile) return error;
  if (isSqliteFailure(error)) return new UnusableLogFile(path, describeSqliteFailure(error), { cause: error });
  if (isSystemError(error) && systemWords[error.code])
    return new UnusableLogFile(path, systemWords[error.code]!, { cause: error });
  return error;
}
