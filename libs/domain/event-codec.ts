import type { RecordedEvent } from './event.js';
import type { Position, StoredEvent } from './event-envelope.js';

/** Where an event was found in the log. */
export interface EventLocation {
  readonly stream: string;
  readonly version: number;
  readonly position: Position;
}

/** A stored event that cannot be decoded: its type or schema version is unknown, or it is damaged. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent';
  constructor(
    readonly eventId: string | null,
    readonly location: EventLocation,
    readonly reason: string,
  ) {
    super(`Cannot read event ${eventId ?? '(without id)'} at ${location.stream}@${location.version}: ${reason}`);
  }
}

type Upcaster = (stored: StoredEvent) => StoredEvent;

/**
 * Every event type that was ever released, with its current schema version and whether it has personal data. `upcasters[0]` turns
 * version 1 into version 2, and so on. Released schemas never change: `test/golden` has an example of each.
 */
const schemas: {
  readonly [T in RecordedEvent['type']]: { v: number; personal: boolean; upcasters?: readonly Upcaster[] };
} = {
  ContactRegistered: { v: 1, personal: true },
  ContactProfileChanged: { v: 1, personal: true },
  ContactOptedOut: { v: 1, personal: true },
  BroadcastAddressed: { v: 1, personal: false },
  LeadOpened: { v: 1, personal: true },
  InteractionRecorded: { v: 1, personal: true },
  OutboundMessageRecorded: { v: 1, personal: true },
  LeadStatusChanged: { v: 1, personal: true },
  LeadScored: { v: 1, personal: true },
  ScoreSuggested: { v: 1, personal: true },
  ScoreUnpinned: { v: 1, personal: false },
  AiResultDropped: { v: 1, personal: true },
  QualificationFailed: { v: 1, personal: false },
  LeadAssigned: { v: 1, personal: true },
  LeadUnassigned: { v: 1, personal: false },
  FollowUpCreated: { v: 1, personal: true },
  FollowUpRescheduled: { v: 1, personal: true },
  FollowUpReminded: { v: 1, personal: false },
  FollowUpCompleted: { v: 1, personal: true },
  FollowUpCancelled: { v: 1, personal: true },
  AgentRegistered: { v: 1, personal: true },
  AgentRenamed: { v: 1, personal: true },
  AgentCapacityChanged: { v: 1, personal: false },
  AgentDeactivated: { v: 1, personal: false },
  AgentReactivated: { v: 1, personal: false },
  BroadcastCreated: { v: 1, personal: false },
  MessageSent: { v: 1, personal: true },
  ReceiptRecorded: { v: 1, personal: true },
  LeadsExported: { v: 1, personal: true },
  BulkTargeted: { v: 1, personal: false },
  BulkRequested: { v: 1, personal: true },
  BulkItemsChecked: { v: 1, personal: false },
  BulkItemsDone: { v: 1, personal: false },
  BulkRetried: { v: 1, personal: false },
  BulkCancelled: { v: 1, personal: false },
  BulkCompleted: { v: 1, personal: false },
  BulkFailed: { v: 1, personal: false },
};

/** In the order of the data dictionary. */
export const eventTypes = Object.keys(schemas) as readonly RecordedEvent['type'][];

/** The schema version in which new events of this type are written. */
export const currentSchemaVersion = (type: RecordedEvent['type']): number => schemas[type].v;

/**
 * Decodes an event to its current schema. `json` is what the store returned, parsed.
 * @throws UnreadableEvent
 */
export function decodeEvent(json: unknown, location: EventLocation): RecordedEvent {
  const id = isObject(json) && typeof json['id'] === 'string' ? json['id'] : null;
  const unreadable = (reason: string): UnreadableEvent => new UnreadableEvent(id, location, reason);
  if (!isStoredEvent(json)) throw unreadable('a field of the event envelope is missing');
  const schema = Object.hasOwn(schemas, json.type) ? schemas[json.type as RecordedEvent['type']] : undefined;
  if (!schema) throw unreadable(`its type ${json.type} is unknown`);
  if (!Number.isInteger(json.v) || json.v < 1 || json.v > schema.v)
    throw unreadable(`version ${json.v} of ${json.type} is unknown`);
  let stored = json;
  for (const upcast of schema.upcasters?.slice(json.v - 1) ?? []) stored = upcast(stored);
  if (schema.personal && !isObject(stored.personal)) throw unreadable('its personal part is missing');
  return withPosition(stored, location);
}

/** Adds the location to an event that already has the current schema. */
export function withPosition(stored: StoredEvent, { stream, version, position }: EventLocation): RecordedEvent {
  const { id, type, v, org, data, personal, meta } = stored;
  // Written field by field, V8 creates all events with one hidden class. Spreading two objects was several times slower.
  return (personal === undefined
    ? { id, type, v, org, data, meta, stream, version, position }
    : { id, type, v, org, data, personal, meta, stream, version, position }) as unknown as RecordedEvent;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isStoredEvent = (json: unknown): json is StoredEvent =>
  isObject(json) &&
  typeof json['id'] === 'string' &&
  typeof json['type'] === 'string' &&
  typeof json['org'] === 'string' &&
  isObject(json['data']) &&
  isObject(json['meta']) &&
  isObject(json['meta']['actor']) &&
  typeof json['meta']['actor']['type'] === 'string' &&
  typeof json['meta']['actor']['id'] === 'string' &&
  ['correlation', 'causation', 'commandId', 'occurredAt', 'recordedAt'].every(
    (name) => typeof (json['meta'] as Record<string, unknown>)[name] === 'string',
  );
