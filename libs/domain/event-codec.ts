import type { Position, RecordedEvent, StoredEvent } from './event.js';

/** Where the store found an event. */
export interface EventLocation {
  readonly stream: string;
  readonly version: number;
  readonly position: Position;
}

/** A stored event that today's door does not understand: of a type or a shape's version unknown here, or damaged. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent';
  constructor(
    readonly eventId: string | null,
    readonly location: EventLocation,
    readonly reason: string,
  ) {
    super(`event ${eventId ?? '(without id)'} at ${location.stream}@${location.version} can't be read: ${reason}`);
  }
}

type Upcaster = (stored: StoredEvent) => StoredEvent;

/**
 * Every type that was ever released: today's version of its shape, whether it has personal data, and what lifts each
 * older version to the next (`upcasters[0]` makes 2 of 1). Released shapes are never edited: test/golden holds them all.
 */
const shapes: {
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

/** Every event type, in the order of the data dictionary. */
export const eventTypes = Object.keys(shapes) as readonly RecordedEvent['type'][];

/** The version in which an event of this type is written today. */
export const currentSchemaVersion = (type: RecordedEvent['type']): number => shapes[type].v;

/**
 * The one door from JSON to types. `json` is what the store holds, parsed.
 * @throws UnreadableEvent
 */
export function decodeEvent(json: unknown, place: EventLocation): RecordedEvent {
  const id = isObject(json) && typeof json['id'] === 'string' ? json['id'] : null;
  const refuse = (reason: string): never => {
    throw new UnreadableEvent(id, place, reason);
  };
  if (!isStored(json)) return refuse('it lacks a part of the envelope');
  const shape = Object.hasOwn(shapes, json.type) ? shapes[json.type as RecordedEvent['type']] : undefined;
  if (!shape) return refuse(`its type ${json.type} is not known`);
  if (!Number.isInteger(json.v) || json.v < 1 || json.v > shape.v)
    return refuse(`version ${json.v} of ${json.type} is not known`);
  let stored = json;
  for (const lift of shape.upcasters?.slice(json.v - 1) ?? []) stored = lift(stored);
  if (shape.personal && !isObject(stored.personal)) return refuse('its personal part is missing');
  return withPosition(stored, place);
}

/** An event of today's shape at its place in the log. */
export function withPosition(stored: StoredEvent, { stream, version, position }: EventLocation): RecordedEvent {
  const { id, type, v, org, data, personal, meta } = stored;
  // Field by field: the engine then knows one shape of object, and makes it several times as fast as by spreading two.
  return (personal === undefined
    ? { id, type, v, org, data, meta, stream, version, position }
    : { id, type, v, org, data, personal, meta, stream, version, position }) as unknown as RecordedEvent;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isStored = (json: unknown): json is StoredEvent =>
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
