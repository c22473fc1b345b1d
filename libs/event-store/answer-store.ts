/** What was answered to a command, as JSON, and to which request. */
export interface KeptAnswer {
  /** SHA-256 of the request in hex: another request under the same key is refused. */
  readonly request: string;
  readonly answer: unknown;
  /** RFC 3339. */
  readonly keptAt: string;
}

/** Answers to commands that carried an Idempotency-Key, beside the log and as durable. */
export abstract class AnswerStore {
  abstract find(commandId: string): Promise<KeptAnswer | undefined>;

  /** Keeps the answer unless one is kept already; gives the one that is kept. */
  abstract keep(commandId: string, answer: KeptAnswer): Promise<KeptAnswer>;

  /** Forgets the answers kept before `time` (RFC 3339); how many. */
  abstract forgetBefore(time: string): Promise<number>;
}
