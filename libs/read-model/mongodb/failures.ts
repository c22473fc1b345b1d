import { MongoAPIError, MongoBulkWriteError, MongoCompatibilityError, MongoError, MongoServerError } from 'mongodb';
import { ViewsUnavailable } from '../view-store.js';

const duplicateKeyCode = 11_000;
const namespaceNotFoundCode = 26;
const unknownCommandCode = 59;

/** The server rejects the request itself, for example a row that is too big or an invalid query. Retrying cannot help. */
const permanentErrorCodes: ReadonlySet<unknown> = new Set([
  2, 9, 14, 52, 54, 56, 59, 121, 171, 10_334, 17_280, 17_419, 17_420, 40_414, 40_415, 51_091,
]);

/**
 * Node.js error codes of a failed connection. The driver passes some on as they are: a write just after the server has closed the
 * connection fails with an EPIPE that has no `syscall`.
 */
const connectionErrorCode = /^(E[A-Z]+|ERR_(STREAM|SOCKET|SSL|TLS)_\w+)$/;

/**
 * Turns errors of an unavailable database into `ViewsUnavailable`, which is retried. Errors of the request itself stay as they are.
 * An error that could be either is retried: otherwise the view would stop until somebody restarts it.
 */
export async function translateErrors<T>(location: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ViewsUnavailable || !isUnavailable(error)) throw error;
    throw new ViewsUnavailable(
      `Cannot use the database ${location} for views. Check READ_STORE_URL and the server: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function isUnavailable(error: unknown): boolean {
  // A network error in a bulk write has no code of its own but wraps the original error.
  if (error instanceof MongoBulkWriteError && error.code === undefined)
    return isUnavailable(error.cause ?? error.errorResponse);
  if (error instanceof MongoServerError) return error.code !== duplicateKeyCode && !permanentErrorCodes.has(error.code);
  if (error instanceof MongoAPIError)
    return (
      error instanceof MongoCompatibilityError || /Closed|NotConnected|ExpiredSession|CursorExhausted/.test(error.name)
    );
  if (error instanceof MongoError) return true;
  const { name, code, syscall } = error as { name?: unknown; code?: unknown; syscall?: unknown };
  // Our own time limit; a host name that does not resolve, a certificate file that cannot be read.
  return name === 'TimeoutError' || syscall !== undefined || connectionErrorCode.test(String(code));
}

/**
 * The writes of an unordered bulk write that failed because their row exists. All others were applied and are durable.
 * @throws any other error of the bulk write
 */
export function duplicateKeyIndexes(error: unknown): readonly number[] {
  if (!(error instanceof MongoBulkWriteError)) throw error;
  const writeErrors = error.result.getWriteErrors();
  const other = writeErrors.find(({ code }) => code !== duplicateKeyCode);
  if (other) throw new MongoServerError({ message: other.errmsg ?? 'a write was rejected', code: other.code });
  // The other writes may have been applied without being durable.
  if (writeErrors.length === 0 || error.result.getWriteConcernError()) throw toDurabilityError(error);
  return writeErrors.map(({ index }) => index);
}

const toDurabilityError = (error: MongoBulkWriteError): Error =>
  error.code === duplicateKeyCode
    ? new ViewsUnavailable('MongoDB did not confirm that the rows are durable. Retry.', { cause: error })
    : error;

export const isDuplicateKey = (error: unknown): boolean =>
  error instanceof MongoServerError && error.code === duplicateKeyCode;

export const isCollectionMissing = (error: unknown): boolean =>
  error instanceof MongoServerError && error.code === namespaceNotFoundCode;

/** Handles the error of a server that does not know the command. */
export const ifUnknownCommand =
  <T>(fallback: T) =>
  (error: unknown): T => {
    if (error instanceof MongoServerError && error.code === unknownCommandCode) return fallback;
    throw error;
  };
