/** What the response of a command is built from again, as JSON without personal data, and the request that it belongs to. */
export interface StoredResponse {
  /** SHA-256 of the request in hex. A different request under the same key is rejected. */
  readonly request: string;
  readonly answer: unknown;
  /** When the response was stored, RFC 3339. */
  readonly keptAt: string;
}

/** Responses of commands that carried an `Idempotency-Key`. They are stored beside the log and are as durable. */
export abstract class IdempotencyStore {
  abstract find(commandId: string): Promise<StoredResponse | undefined>;

  /** Stores the response unless there is one already. Returns the stored one. */
  abstract saveIfAbsent(commandId: string, response: StoredResponse): Promise<StoredResponse>;

  /** Deletes the responses stored before `time` (RFC 3339) and returns how many. */
  abstract deleteBefore(time: string): Promise<number>;
}

/**
 * Milliseconds since 1970.
 * @throws RangeError if the text is not a time.
 */
export function parseTime(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new RangeError(`"${text}" is not a time`);
  return time;
}
