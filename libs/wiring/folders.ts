import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { OperatorError } from './operator-error.js';

/**
 * Creates a folder and its parents where they are missing, and checks that this process can write to it.
 * @throws OperatorError naming the setting
 */
export function ensureWritableFolder(folder: string, setting: string): void {
  try {
    createFolder(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const advice = `Set ${setting} to a folder that this process can write to.`;
    throw new OperatorError(`The folder ${folder} cannot be used: ${reasonOf(error, folder)}. ${advice}`, 1, {
      cause: error,
    });
  }
}

/** One level at a time: `recursive` never returns in /proc (Node.js 20 to 24), which knows no new folders. */
function createFolder(folder: string): void {
  if (isFolder(folder)) return;
  if (dirname(folder) !== folder) createFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process may have created it, or a file is in the way.
    if (!isFolder(folder)) throw error;
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOENT: 'it cannot be created there',
  ENOTDIR: 'a part of the path is a file',
};

function reasonOf(error: NodeJS.ErrnoException, folder: string): string {
  if (error.code === 'EEXIST') return error.path === folder ? 'it is a file' : 'a part of the path is a file';
  return reasons[error.code ?? ''] ?? error.message;
}

/** By shape: an error of Node.js need not be of this realm's Error class (Jest runs tests in another). */
export const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  typeof error === 'object' && error !== null && typeof (error as NodeJS.ErrnoException).syscall === 'string';
