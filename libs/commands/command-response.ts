import type { Position } from '#domain/event-envelope';

/** What a command returns. It is JSON. */
export interface CommandResponse {
  /** The id of what the command created; null if it created nothing. */
  readonly createdId: string | null;
  /** The version that If-Match refers to; null if there is none. */
  readonly version: number | null;
  readonly position: Position;
  /** `changed` is false if the state was already as requested. */
  readonly body: Readonly<Record<string, unknown>> & { readonly changed?: boolean };
}

/** A response, and the facts from which the handler builds the same response again. */
export interface ReplayableResponse<Facts> {
  readonly response: CommandResponse;
  /** JSON, stored with the Idempotency-Key, so without personal data. Null: the response must not be stored. */
  readonly facts: Facts | null;
}

export interface CommandResult {
  readonly response: CommandResponse;
  /** An earlier request with the same Idempotency-Key produced this response. */
  readonly replayed: boolean;
}
