import { MongoAPIError, MongoBulkWriteError, MongoCompatibilityError, MongoError, MongoServerError } from 'mongodb';
import { ViewsUnavailable } from '../view-store.js';

const duplicateKeyCode = 11_000;
const namespaceNotFoundCode = 26;
const unknownCommandCode = 59;

/** The server rejects the request itself, for example a row that is too big or an invalid query. Retrying cannot help. */
const permanentErrorCodes: ReadonlySet<unknown> = new Set([
  2, 9, 14, 52, 54, 56, 121, 171, 10_334, 17_280, 17_419, 17_420, 40_414, 40_415, 51_091,
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
 * How many rows an unordered bulk write found or inserted when all its other writes failed only because their row exists.
 * @throws the error itself if anything else failed as well, or the writes may not be durable
 */
export function countDespiteDuplicates(error: unknown): number {
  if (!(error instanceof MongoBulkWriteError) || error.code !== duplicateKeyCode) throw error;
  const { result } = error;
  // A router reports the failure of one shard like this, next to the duplicate keys of others.
  const other = result.getWriteErrors().find(({ code }) => code !== duplicateKeyCode);
  if (other) throw new MongoServerError({ message: other.errmsg ?? 'a write was rejected', code: other.code });
  if (result.getWriteConcernError())
    throw new ViewsUnavailable('MongoDB did not confirm that the rows are durable. Retry.', { cause: error });
  return result.matchedCount + result.upsertedCount;
}

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
