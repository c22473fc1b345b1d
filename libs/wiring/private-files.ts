import { chmodSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { isSystemError } from './folders.js';
import { idKeyFile } from './id-key.js';
import type { Settings } from './settings.js';
import { isShared, logFile } from './stores.js';

/** Permissions of groups and of all other users. */
const others = 0o077;

/** What this process creates from now on can be read by its user only. */
export const createPrivateFiles = (): void => void process.umask(others);

/**
 * Takes away the permissions of other users on the stored files that exist: they contain what contacts wrote. A folder that also
 * holds files of other programs keeps its permissions.
 */
export function makeFilesPrivate(settings: Settings, logger: Logger): void {
  // Windows has no such permissions.
  if (process.platform === 'win32') return;
  const { dataDir, readStoreUrl } = settings;
  if (tighten(idKeyFile(settings), logger))
    logger.warn({ file: idKeyFile(settings) }, 'other users could read the key; now only the user of this process can');
  const log = logFile(settings);
  const views = isShared(readStoreUrl) ? undefined : resolve(readStoreUrl.slice('sqlite:'.length));
  const logFolder = log === undefined ? dataDir : dirname(log);
  const isLogFile = (name: string): boolean => log !== undefined && name.startsWith(basename(log));
  const isDataFile = (name: string): boolean => isLogFile(name) || /^(id\.key|views$)/.test(name);
  for (const folder of new Set([dataDir, logFolder])) {
    tightenFiles(folder, isLogFile, logger);
    tightenFolder(folder, isDataFile, logger);
  }
  if (views === undefined) return;
  const isViewFile = (name: string): boolean => /\.db(-wal|-shm|-journal)?$/.test(name);
  tightenFiles(views, isViewFile, logger);
  tightenFolder(views, isViewFile, logger);
}

function tightenFiles(folder: string, isOwnFile: (name: string) => boolean, logger: Logger): void {
  for (const name of namesIn(folder)) if (isOwnFile(name)) tighten(join(folder, name), logger);
}

function tightenFolder(folder: string, isOwnFile: (name: string) => boolean, logger: Logger): void {
  if (namesIn(folder).every(isOwnFile)) tighten(folder, logger);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    // It does not exist yet, or opening the stores reports what is wrong with it.
    if (isSystemError(error)) return [];
    throw error;
  }
}

/** Returns whether other users had permissions until now. */
function tighten(path: string, logger: Logger): boolean {
  try {
    const mode = statSync(path, { throwIfNoEntry: false })?.mode;
    if (mode === undefined || (mode & others) === 0) return false;
    chmodSync(path, mode & 0o700);
    return true;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    // SQLite may have removed its file meanwhile. A path that leads through a file is reported when the stores are opened.
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR')
      logger.warn({ err: error, path }, 'failed to remove the permissions of other users');
    return false;
  }
}
