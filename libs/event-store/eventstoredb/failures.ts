import { Unavailable } from '../event-store.js';

/** No response came within our time limit, or it came over a connection that was replaced meanwhile. */
export class NoResponse extends Error {
  override readonly name = 'NoResponse';
}

/** `type` is set by the client. A failure that the client has not processed yet is a plain gRPC error with a `code`. */
interface ClientFailure {
  readonly type?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
}

const transientTypes = new Set(['unavailable', 'cancelled', 'not-leader', 'timeout', 'deadline-exceeded']);
/** CANCELLED, DEADLINE_EXCEEDED, ABORTED, INTERNAL (a broken HTTP/2 stream), UNAVAILABLE. */
const transientCodes = new Set([1, 4, 10, 13, 14]);
/** Sent with the code UNKNOWN by a server that starts, elects a leader or is overloaded, or raised by the client without a code. */
const transientMessages =
  /not ready|too busy|no leader info|failed to discover|write after end|channel has been shut down|consumer too slow/i;

/** By shape: the client's errors need not be of the realm that catches them. Jest runs tests in another realm. */
const asClientFailure = (error: unknown): ClientFailure => (typeof error === 'object' && error !== null ? error : {});

/** Whether a retry may succeed. The failed call may still have succeeded on the server. */
export function isTransient(error: unknown): boolean {
  if (error instanceof NoResponse) return true;
  const { type, code, message } = asClientFailure(error);
  return (
    transientTypes.has(String(type)) ||
    (typeof code === 'number' && transientCodes.has(code)) ||
    transientMessages.test(String(message))
  );
}

export function isTimeout(error: unknown): boolean {
  const { type, code } = asClientFailure(error);
  return error instanceof NoResponse || type === 'deadline-exceeded' || code === 4;
}

/** The client never recovers from this: it keeps the failed connection. */
export const isDiscoveryFailure = (error: unknown): boolean =>
  /failed to discover/i.test(String(asClientFailure(error).message));

export const isMissingStream = (error: unknown): boolean => asClientFailure(error).type === 'stream-not-found';

/** The stream's version, if an append was rejected because of it; undefined for any other failure. */
export function getActualVersion(error: unknown): number | undefined {
  if (asClientFailure(error).type !== 'wrong-expected-version') return undefined;
  const { actualVersion: revision } = error as { actualVersion?: unknown };
  return typeof revision === 'bigint' ? Number(revision) + 1 : 0;
}

/** UNAUTHENTICATED. The client gives it the same type as PERMISSION_DENIED. */
const isWrongLogin = (error: unknown): boolean => asClientFailure(error).code === 16;

/** PERMISSION_DENIED: the server knows the user, or takes calls without one, but an ACL does not permit this call. */
function isPermissionDenied(error: unknown): boolean {
  const { type, code } = asClientFailure(error);
  return code === 7 || (type === 'access-denied' && code !== 16);
}

/** The server rejects a position between two events this way, but accepts one after the end of the log. */
const isInvalidPosition = (error: unknown): boolean =>
  /from an invalid position/i.test(String(asClientFailure(error).message));

const isCertificateError = (error: unknown): boolean => /certificate/i.test(String(asClientFailure(error).message));

/** Turns a failure of the server into `Unavailable`. Any other error is a bug and is returned unchanged. */
export function translateClientError(error: unknown): unknown {
  if (isWrongLogin(error)) return createUnavailable('its server rejects the name and password in the URL', error);
  if (isPermissionDenied(error)) return createUnavailable(permissionDenied, error);
  if (isInvalidPosition(error)) return new RangeError('the position is not a position in this log', { cause: error });
  if (!isTransient(error)) return error;
  if (isTimeout(error)) return createUnavailable('its server does not respond', error);
  if (isCertificateError(error))
    return createUnavailable("its server's certificate is not trusted; set tlsCAFile in the URL", error);
  return createUnavailable('its server cannot be reached or is not ready', error);
}

const permissionDenied =
  'its server denies access to the user in the URL, who needs $r in the ACL of $all, and $r, $w, $d and $mw in those of the streams of the log';

const createUnavailable = (reason: string, cause: unknown): Unavailable =>
  new Unavailable(`the event log is unavailable: ${reason}`, { cause });
