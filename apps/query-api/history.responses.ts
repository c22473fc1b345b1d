import { eventTypes } from '#domain/event-codec';
import { statuses } from '#domain/lead/lead.vocabulary';
import * as json from '#http/json-schema';
import { actorFields } from '#http/resources/actor.schema';
import type { HistoryEntry } from '#projections/lead-history/lead-history.query';
import { eventData } from './events.responses.js';
import { page } from './page.responses.js';

const historyEntryRef = json.component(
  'Entry',
  json.object<HistoryEntry>({
    id: json.string('Unique identifier of the event.'),
    type: json.enumOf(eventTypes, 'Type of the event.'),
    leadId: json.nullable(json.string('ID of the lead that the event belongs to.')),
    leadOrdinal: json.nullable(json.positiveInteger("Number of that lead among the contact's leads, from 1.")),
    occurredAt: json.timestamp('Time at which the event happened.'),
    recordedAt: json.timestamp('Time at which the event was recorded.'),
    actor: json.object<HistoryEntry['actor']>({
      ...actorFields,
      name: json.nullable(json.string('Name of the actor, if it is an agent.')),
    }),
    cause: json.nullable(json.string('ID of the event that caused this one. Null if a command caused it.')),
    summary: json.string('One-line description of the event.'),
    data: eventData,
    position: json.position('Log position of the event.'),
  }),
);

const pastLeadRef = json.component(
  'PastLead',
  json.object({
    id: json.string('ID of the lead.'),
    ordinal: json.positiveInteger("Number of the lead among the contact's leads, from 1."),
    status: json.enumOf(statuses, 'Status of the lead.'),
    createdAt: json.timestamp('Time at which the lead was created.'),
    closedAt: json.nullable(json.timestamp('Time at which the lead became inactive.')),
  }),
);

export const contactHistoryPage = json.component('ContactHistory', page(historyEntryRef));

export const leadHistoryPage = json.component(
  'LeadHistory',
  page(historyEntryRef, { pastLeads: json.array(pastLeadRef, "The contact's earlier leads.") }),
);
