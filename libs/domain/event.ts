import type { AgentEvent } from './agent/agent.events.js';
import type { BulkEvent } from './bulk/bulk.events.js';
import type { BroadcastEvent } from './broadcast/broadcast.events.js';
import type { ContactEvent } from './contact/contact.events.js';
import type { ExportEvent } from './export/export.events.js';
import type { MessageEvent } from './message/message.events.js';

/** Who did it: a person, a service acting for nobody in particular, an AI, or this system itself. */
export interface Actor {
  /** What it is. */
  readonly type: 'agent' | 'service' | 'ai' | 'system';
  /** The agent's id, or the name of the service, model or automation. */
  readonly id: string;
}

/** Every event that any stream of ours can hold. */
export type DomainEvent = ContactEvent | AgentEvent | BroadcastEvent | MessageEvent | ExportEvent | BulkEvent;
export type EventType = DomainEvent['type'];
export type EventOf<T extends EventType> = Extract<DomainEvent, { type: T }>;

/** A fact in stored form: `personal` alone holds names, phones, emails, contact ids, texts and notes. */
export type TypedEvent<Type extends string, Data extends object, Personal extends object = never> = {
  readonly type: Type;
  readonly data: Data;
  readonly meta: EventMeta;
} & ([Personal] extends [never] ? unknown : { readonly personal: Personal });

export interface EventMeta {
  /** Who did it. */
  readonly actor: Actor;
  /** Ties together all that one outside request set off. */
  readonly correlation: string;
  /** What set this off: the id of an event or of a command. */
  readonly causation: string;
  /** The command that made it. UUIDv5 when the caller gave an Idempotency-Key, random (v4) otherwise. */
  readonly commandId: string;
  /** Given with a caller's key: the beginning of the SHA-256 of the request, so that another request under the key is refused. */
  readonly request?: string;
  /** When it happened: the command's time, or a provider's or sender's own time where there is one. RFC 3339, UTC, milliseconds. */
  readonly occurredAt: string;
  /** When we wrote it, by our clock. RFC 3339, UTC, milliseconds. */
  readonly recordedAt: string;
}

/** An event as it is stored, in JSON. Released shapes (`type` and `v`) are for ever: see test/golden. */
export interface StoredEvent {
  /** UUID, unique in the log. */
  readonly id: string;
  /** What happened: one of the names below. */
  readonly type: string;
  /** Version of the shape of `data` and `personal`, from 1. */
  readonly v: number;
  /** The organization it belongs to. */
  readonly org: string;
  /** What is not personal of it. */
  readonly data: object;
  /** Names, phones, emails, contact ids, texts and notes: these stand here alone. Missing where there is none. */
  readonly personal?: object;
  /** Who did it, when, and why. */
  readonly meta: EventMeta;
}

/** What `decide` returns: the fact, and only what differs from the command's own circumstances. */
export type NewEvent<Event extends { type: string }> = Event extends { type: string }
  ? Omit<Event, 'meta'> & {
      /** Given when the event is known by what it records; made from the command's id otherwise. */
      readonly id?: string;
      /** Given when it happened at another time than the command's. */
      readonly occurredAt?: string;
      readonly actor?: Actor;
      readonly causation?: string;
    }
  : never;

/**
 * A place in the log: opaque text of `A-Z a-z 0-9 . _ ~ -` that starts with a letter, names its log, and compares as text
 * in the order of the log.
 */
export type Position = string;

/** An event that was read through today's door (`fromStored`), with its place in the log. */
export type RecordedEvent<T extends EventType = EventType> = EventOf<T> & {
  readonly id: string;
  readonly org: string;
  readonly stream: string;
  /** 1 for the first event of its stream. */
  readonly version: number;
  readonly position: Position;
};
