import { Unavailable } from '../event-store.js';

/** An error of SQLite. `errcode` is its extended result code; the low byte is the primary result code. */
export interface SqliteFailure {
  readonly code: 'ERR_SQLITE_ERROR';
  readonly errcode: number;
}

// Not by `instanceof`: native code may create an `Error` of another realm, as it does under Jest.
export const isSqliteFailure = (error: unknown): error is SqliteFailure =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SQLITE_ERROR';

/** Describes a failure for operators. SQLite's own messages are hard to understand without its documentation. */
export function describeSqliteFailure({ errcode }: SqliteFailure): string {
  switch (errcode & 0xff) {
    case 5:
    case 6:
      return 'it is locked by another program';
    case 7:
      return 'there is not enough memory';
    case 8:
      return 'the file or its folder is read-only';
    case 10:
      return 'its disk cannot be read or written';
    case 11:
      return 'the file is damaged';
    case 13:
      return 'there is no space left on its disk';
    case 14:
      return 'the file or its folder cannot be opened or created';
    case 18:
      return 'a value is too large';
    case 23:
    case 3:
      return 'permission is denied';
    case 26:
      return 'the file is not a SQLite database';
    default:
      return `SQLite failed with result code ${errcode}`;
  }
}

/** Converts a failure of SQLite to `Unavailable`. Any other error is a bug and is returned unchanged. */
export const translateSqliteError = (error: unknown): unknown =>
  isSqliteFailure(error)
    ? new Unavailable(`the event log is unavailable: ${describeSqliteFailure(error)}`, { cause: error })
    : error;

/** Runs `work` and translates its errors with `translateSqliteError`. */
export function translateErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw translateSqliteError(error);
  }
}
