import type { StoredEvent } from '#domain/event-envelope';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Refuses what no adapter may pass on to its engine, whose answers to such mistakes differ and are worse.
 * @throws RangeError when `expectedVersion` is not a version.
 * @throws TypeError for a nameless stream, no events, an event without type, an id that is not a UUID in lower case,
 * and an id that two of the events share.
 */
export function checkAppend(stream: string, expectedVersion: number, events: readonly StoredEvent[]): void {
  if (stream === '') throw new TypeError('a stream needs a name');
  checkVersion(expectedVersion);
  if (events.length === 0) throw new TypeError(`nothing to append to ${stream}`);
  const ids = new Set<string>();
  for (const { id, type } of events) {
    if (!uuid.test(id)) throw new TypeError(`the id of an event must be a UUID in lower case, not ${id}`);
    if (!type) throw new TypeError(`event ${id} has no type`);
    if (ids.has(id)) throw new TypeError(`two events of one append have the id ${id}`);
    ids.add(id);
  }
}

/** What one append may hold: an engine's own limit is 1 MiB with all that it adds. */
const mostBytes = 1_000_000;

/** @throws RangeError when the events, as the JSON that is stored, are larger together than one append may be. */
export function checkSize(stream: string, bodies: readonly string[]): void {
  const bytes = bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0);
  if (bytes > mostBytes) throw new RangeError(`${bytes} bytes are too many for one append to ${stream}`);
}

/** @throws RangeError unless `version` is a whole number from 0. */
export function checkVersion(version: number): void {
  if (!Number.isSafeInteger(version) || version < 0) throw new RangeError(`${version} is not a version of a stream`);
}

/** @throws RangeError unless `limit` is a whole number from 1 to 10,000. */
export function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
    throw new RangeError(`${limit} events can't be asked for at once: 1 to 10,000`);
}
