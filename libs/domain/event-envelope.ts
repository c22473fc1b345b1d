/** Who caused an event: a person, an external service, an AI model, or this system. */
export interface Actor {
  /** What kind of actor it is. */
  readonly type: 'agent' | 'service' | 'ai' | 'system';
  /** The agent's id, or the name of the service, model or automation. */
  readonly id: string;
}

export interface EventMeta {
  /** Who caused the event. */
  readonly actor: Actor;
  /** The same for everything that one external request caused. */
  readonly correlation: string;
  /** The id of the event or command that directly caused this event. */
  readonly causation: string;
  /** The command that wrote the event: a UUIDv5 if the caller sent an Idempotency-Key, else a random UUIDv4. */
  readonly commandId: string;
  /**
   * The first 32 hexadecimal digits of the request's SHA-256, if the caller sent an Idempotency-Key. A different request with the
   * same key is rejected.
   */
  readonly request?: string;
  /** When it happened: the sender's or provider's time if there is one, else the command's time. RFC 3339, UTC, milliseconds. */
  readonly occurredAt: string;
  /** When it was written, by this system's clock. RFC 3339, UTC, milliseconds. */
  readonly recordedAt: string;
}

/** A typed event. Names, phone numbers, email addresses, contact ids, texts and notes are only in `personal`. */
export type TypedEvent<Type extends string, Data extends object, Personal extends object = never> = {
  readonly type: Type;
  readonly data: Data;
  readonly meta: EventMeta;
} & ([Personal] extends [never] ? unknown : { readonly personal: Personal });

/** An event as it is stored in JSON. Released schemas (`type` and `v`) never change: `test/golden` has an example of each. */
export interface StoredEvent {
  /** UUID, unique in the log. */
  readonly id: string;
  /** The event type: one of the names below. */
  readonly type: string;
  /** Schema version of `data` and `personal`, from 1. */
  readonly v: number;
  /** The organization that the event belongs to. */
  readonly org: string;
  /** Everything that is not personal data. */
  readonly data: object;
  /** Names, phone numbers, email addresses, contact ids, texts and notes. Absent if the event type has none. */
  readonly personal?: object;
  /** Who caused the event, when, and why. */
  readonly meta: EventMeta;
}

/** An event that `decide` returns. Its metadata comes from the command, except for the fields given here. */
export type NewEvent<Event extends { type: string }> = Event extends { type: string }
  ? Omit<Event, 'meta'> & {
      /** Set if the id is derived from what the event records. Otherwise it is derived from the command's id. */
      readonly id?: string;
      /** Set if the event happened at a different time than the command. */
      readonly occurredAt?: string;
      readonly actor?: Actor;
      readonly causation?: string;
    }
  : never;

/**
 * A position in the log: opaque text of `A-Z a-z 0-9 . _ ~ -` that starts with a letter and identifies its log. Positions sort as
 * text in the order of the log.
 */
export type Position = string;
