/** What was answered to a command, as JSON, and to which request. */
export interface StoredResponse {
  /** SHA-256 of the request in hex: another request under the same key is refused. */
  readonly request: string;
  readonly answer: unknown;
  /** RFC 3339. */
  readonly keptAt: string;
}

/** Answers to commands that carried an Idempotency-Key, beside the log and as durable. */
export abstract class IdempotencyStore {
  abstract find(commandId: string): Promise<StoredResponse | undefined>;

  /** Keeps the answer unless one is kept already; gives the one that is kept. */
  abstract saveIfAbsent(commandId: string, answer: StoredResponse): Promise<StoredResponse>;

  /** Forgets the answers kept before `time` (RFC 3339); how many. */
  abstract deleteBefore(time: string): Promise<number>;
}
