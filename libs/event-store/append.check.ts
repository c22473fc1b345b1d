import type { StoredEvent } from '#domain/event-envelope';
import { checkStreamName } from './stream-name.js';

const lowerCaseUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Rejects input that no adapter may pass on: engines respond to such mistakes differently, and some fail later.
 * @throws RangeError if `expectedVersion` is not a version.
 * @throws TypeError for a name that is not a stream of the log, no events, an event without a type, an id that is not a
 * lower-case UUID, or two events with the same id.
 */
export function checkAppend(stream: string, expectedVersion: number, events: readonly StoredEvent[]): void {
  checkStreamName(stream);
  checkVersion(expectedVersion);
  if (events.length === 0) throw new TypeError(`an append to ${stream} must have at least one event`);
  const ids = new Set<string>();
  for (const { id, type } of events) {
    if (!lowerCaseUuid.test(id)) throw new TypeError(`the event id ${id} must be a lower-case UUID`);
    if (!type) throw new TypeError(`the event ${id} must have a type`);
    if (ids.has(id)) throw new TypeError(`two events of one append have the id ${id}`);
    ids.add(id);
  }
}

/** EventStoreDB allows 1 MiB per append, including what it adds to the events. */
const maxAppendBytes = 1_000_000;

/** @throws RangeError if the events, as the JSON that is stored, are larger together than one append may be. */
export function checkSize(stream: string, bodies: readonly string[]): void {
  const bytes = bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0);
  if (bytes > maxAppendBytes)
    throw new RangeError(`an append to ${stream} must have at most ${maxAppendBytes} bytes, not ${bytes}`);
}

/** @throws RangeError unless `version` is an integer from 0. */
export function checkVersion(version: number): void {
  if (!Number.isSafeInteger(version) || version < 0)
    throw new RangeError(`a stream version must be an integer from 0, not ${version}`);
}

/** @throws RangeError unless `limit` is an integer from 1 to 10,000. */
export function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
    throw new RangeError(`the number of events to read at once must be from 1 to 10,000, not ${limit}`);
}
