import { MongoAPIError, MongoBulkWriteError, MongoCompatibilityError, MongoError, MongoServerError } from 'mongodb';
import { ViewsUnavailable } from '../view-store.js';

const alreadyThere = 11_000;

/** What a server says of a request that will be as wrong the next time: of a row too big, or of a query that can't be. */
const refusals: ReadonlySet<unknown> = new Set([
  2, 9, 14, 52, 54, 56, 59, 121, 171, 10_334, 17_280, 17_419, 17_420, 40_414, 40_415, 51_091,
]);

/**
 * What Node.js calls failures of a connection. The driver lets some pass as they are: who asks when the server has just hung up
 * gets an EPIPE that came from no system call.
 */
const ofSockets = /^(E[A-Z]+|ERR_(STREAM|SOCKET|SSL|TLS)_\w+)$/;

/**
 * Whatever keeps the database from answering becomes `ViewsUnavailable`, to be tried again; what is wrong with the request itself
 * stays as it is. Where nothing tells, trying again is safe: a view would otherwise stand still until somebody starts it.
 */
export async function translateErrors<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ViewsUnavailable || !isUnavailable(error)) throw error;
    throw new ViewsUnavailable(`The views' database ${where} can't be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function isUnavailable(error: unknown): boolean {
  // A network failure inside a bulk write comes without a code, and what it was inside.
  if (error instanceof MongoBulkWriteError && error.code === undefined)
    return isUnavailable(error.cause ?? error.errorResponse);
  if (error instanceof MongoServerError) return error.code !== alreadyThere && !refusals.has(error.code);
  if (error instanceof MongoAPIError)
    return (
      error instanceof MongoCompatibilityError || /Closed|NotConnected|ExpiredSession|CursorExhausted/.test(error.name)
    );
  if (error instanceof MongoError) return true;
  const { name, code, syscall } = error as { name?: unknown; code?: unknown; syscall?: unknown };
  // Our own time limit; a name that can't be resolved, a certificate file that can't be read.
  return name === 'TimeoutError' || syscall !== undefined || ofSockets.test(String(code));
}

/**
 * Which writes of an unordered bulk write were refused because their row is there: all others were made, and are durable.
 * @throws what else went wrong
 */
export function duplicateKeyIndexes(error: unknown): readonly number[] {
  if (!(error instanceof MongoBulkWriteError)) throw error;
  const failed = error.result.getWriteErrors();
  const other = failed.find(({ code }) => code !== alreadyThere);
  if (other) throw new MongoServerError({ message: other.errmsg ?? 'a write was refused', code: other.code });
  // Nothing but rows that are there does not mean that the rest is durable.
  if (failed.length === 0 || error.result.getWriteConcernError()) throw notDurable(error);
  return failed.map(({ index }) => index);
}

const notDurable = (error: MongoBulkWriteError): Error =>
  error.code === alreadyThere
    ? new ViewsUnavailable('What was written is not known to be durable.', { cause: error })
    : error;

export const isDuplicateKey = (error: unknown): boolean =>
  error instanceof MongoServerError && error.code === alreadyThere;

/** The server knows no such collection. */
export const isCollectionMissing = (error: unknown): boolean => error instanceof MongoServerError && error.code === 26;

/** Instead of the refusal of a server that has no such command. */
export const ifUnknownCommand =
  <T>(instead: T) =>
  (error: unknown): T => {
    if (error instanceof MongoServerError && error.code === 59) return instead;
    throw error;
  };
