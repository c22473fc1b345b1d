import { eventTypes } from '#domain/event-codec';
import * as json from '#http/json-schema';
import { actorFields } from '#http/resources/actor.schema';
import type { EventResource } from './event-resource.js';

export const eventData = json.freeFormObject(
  "The event's data, which depends on its type. Where something changed, `from` and `to` are the old and the new value.",
);

export const eventRef = json.component(
  'Event',
  json.object<EventResource>({
    id: json.string('Unique identifier of the event.'),
    type: json.enumOf(eventTypes, 'Type of the event.'),
    v: json.positiveInteger('Version of the schema of `data`.'),
    leadId: json.nullable(json.string('ID of the lead that the event belongs to.')),
    contactId: json.nullable(json.string('ID of the contact that the event belongs to. Null while it is unknown.')),
    occurredAt: json.timestamp('Time at which the event happened.'),
    recordedAt: json.timestamp('Time at which the event was recorded.'),
    actor: json.object(actorFields),
    correlationId: json.string('ID shared by everything that results from one request.'),
    causationId: json.string('ID of the event or command that caused the event.'),
    data: eventData,
    position: json.position('Log position of the event.'),
  }),
);

export const eventPage = json.component(
  'EventPage',
  json.object({
    items: json.array(eventRef),
    nextCursor: json.nullable(
      json.string(
        'Cursor of the next page: pass it as `cursor`. Null at the end of the log. A page with few items, or none, may still have a next page.',
      ),
    ),
  }),
);
