import { Unavailable } from '../event-store.js';

/** No answer came in the time that we give a call, or it came over a connection that was given up meanwhile. */
export class NoResponse extends Error {
  override readonly name = 'NoAnswer';
}

/** `type` is the client's own word; what fails before the client has looked at it is a plain error of gRPC with a `code`. */
interface ClientFailure {
  readonly type?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
}

const passingTypes = new Set(['unavailable', 'cancelled', 'not-leader', 'timeout', 'deadline-exceeded']);
/** Cancelled, deadline exceeded, aborted, internal (a broken HTTP/2 stream), unavailable. */
const passingCodes = new Set([1, 4, 10, 13, 14]);
/** Said with the code for "unknown" by a server that starts, elects a leader or has too much to do, or by the client without any. */
const passingWords =
  /not ready|too busy|no leader info|failed to discover|write after end|channel has been shut down|consumer too slow/i;

/** By shape: the client's errors need not be of the realm that catches them (Jest runs tests in another). */
const shapeOf = (error: unknown): ClientFailure => (typeof error === 'object' && error !== null ? error : {});

/** Whether this may be over soon. What was asked may have been done all the same. */
export function isTransient(error: unknown): boolean {
  if (error instanceof NoResponse) return true;
  const { type, code, message } = shapeOf(error);
  return (
    passingTypes.has(String(type)) ||
    (typeof code === 'number' && passingCodes.has(code)) ||
    passingWords.test(String(message))
  );
}

export const isTimeout = (error: unknown): boolean =>
  error instanceof NoResponse || shapeOf(error).type === 'deadline-exceeded' || shapeOf(error).code === 4;

/** The client never recovers from this: it keeps the failed connection for good. */
export const isDiscoveryFailure = (error: unknown): boolean =>
  /failed to discover/i.test(String(shapeOf(error).message));

export const isMissingStream = (error: unknown): boolean => shapeOf(error).type === 'stream-not-found';

/** The version that a stream has if an append was refused for it; undefined if this is another failure. Its message is empty. */
export function getActualVersion(error: unknown): number | undefined {
  if (shapeOf(error).type !== 'wrong-expected-version') return undefined;
  const { actualVersion } = error as { actualVersion?: unknown };
  return typeof actualVersion === 'bigint' ? Number(actualVersion) + 1 : 0;
}

const isDenied = (error: unknown): boolean =>
  shapeOf(error).type === 'access-denied' || shapeOf(error).code === 7 || shapeOf(error).code === 16;

/** Of a position that is not an event's. One beyond the end of the log passes. */
const isNoPlace = (error: unknown): boolean => /from an invalid position/i.test(String(shapeOf(error).message));

const isUntrusted = (error: unknown): boolean => /certificate/i.test(String(shapeOf(error).message));

/** The server's failures as `Unavailable`; whatever else went wrong is a mistake of ours and stays what it is. */
export function translateClientError(error: unknown): unknown {
  if (isDenied(error))
    return new Unavailable("the event log can't be used: the server refuses the name and password in its URL", {
      cause: error,
    });
  if (isNoPlace(error)) return new RangeError('the position is no place in this log', { cause: error });
  if (!isTransient(error)) return error;
  const why = isTimeout(error)
    ? 'its server does not answer'
    : isUntrusted(error)
      ? 'the certificate of its server is not trusted (tlsCAFile)'
      : 'its server can not be reached, or is not ready';
  return new Unavailable(`the event log can't be used: ${why}`, { cause: error });
}
