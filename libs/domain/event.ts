import type { AgentEvent } from './agent/agent.events.js';
import type { BroadcastEvent } from './broadcast/broadcast.events.js';
import type { BulkEvent } from './bulk/bulk.events.js';
import type { ContactEvent } from './contact/contact.events.js';
import type { Position } from './event-envelope.js';
import type { ExportEvent } from './export/export.events.js';
import type { MessageEvent } from './message/message.events.js';

/** Every event that a stream can contain. */
export type DomainEvent = ContactEvent | AgentEvent | BroadcastEvent | MessageEvent | ExportEvent | BulkEvent;
export type EventType = DomainEvent['type'];
export type EventOf<T extends EventType> = Extract<DomainEvent, { type: T }>;

/** An event that was read from the log and decoded to its current schema. */
export type RecordedEvent<T extends EventType = EventType> = EventOf<T> & {
  readonly id: string;
  readonly org: string;
  readonly stream: string;
  /** 1 for the first event of its stream. */
  readonly version: number;
  readonly position: Position;
};
