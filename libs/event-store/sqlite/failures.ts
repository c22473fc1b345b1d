import { Unavailable } from '../event-store.js';

/** What the engine throws. `errcode` is SQLite's extended result code: its low byte is the kind. */
export interface SqliteFailure {
  readonly code: 'ERR_SQLITE_ERROR';
  readonly errcode: number;
}

// By shape: an error made in native code need not be an `Error` of the realm that catches it (Jest runs tests in another).
export const isSqliteFailure = (error: unknown): error is SqliteFailure =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SQLITE_ERROR';

/** Why the engine failed, in our words: an operator reads them, a user may. */
export function describeSqliteFailure(failure: SqliteFailure): string {
  switch (failure.errcode & 0xff) {
    case 5:
    case 6:
      return 'it is locked by another program';
    case 7:
      return 'there is not enough memory';
    case 8:
      return 'it is read-only, or its folder is';
    case 10:
      return 'its disk can not be read or written';
    case 11:
      return 'its file is damaged';
    case 13:
      return 'there is no space left on its disk';
    case 14:
      return 'its file, or its folder, can not be opened or created';
    case 18:
      return 'something given to it is too large';
    case 23:
    case 3:
      return 'permission is denied';
    case 26:
      return 'its file is not a SQLite database';
    default:
      return 'its engine failed';
  }
}

/** The engine's failures as `Unavailable`; whatever else went wrong is a mistake of ours and stays what it is. */
export const translateSqliteError = (error: unknown): unknown =>
  isSqliteFailure(error)
    ? new Unavailable(`the event log can't be used: ${describeSqliteFailure(error)}`, { cause: error })
    : error;

/** Runs `work`, its failures told as `unavailable` does. */
export function translateErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw translateSqliteError(error);
  }
}
