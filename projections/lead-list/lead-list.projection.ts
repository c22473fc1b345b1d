import type { Profile } from '#domain/vocabulary';
import { toLeadId } from '#domain/lead/lead.id';
import { evolveLead } from '#domain/lead/lead.evolve';
import { statuses } from '#domain/lead/lead.vocabulary';
import { type Lead, findNextFollowUp } from '#domain/lead/lead.state';
import type { RecordedEvent } from '#domain/event';
import { removeMarks, tokenizePhone, tokenize } from '#read-model/tokens';
import { defineTable, defineView, type EventHandler } from '#read-model/view';
import { agentNames } from '../agent-names.js';
import { broadcastEvents, bulkEvents, exportEvents, messageEvents } from '../event-families.js';
import { leadKey } from '../row-keys.js';

/** Contains the lead as `evolveLead` folds it. */
export interface LeadRow {
  readonly org: string;
  readonly lead: Lead;
}

/** A profile change updates all leads of the contact. If there are more than this, it updates only the newest. */
const maxLeadsPerContact = 1_000;

/** The events that change a lead. `evolveLead` ignores the three other event types of the contact's stream. */
type LeadFoldEvent = RecordedEvent<
  Exclude<Parameters<typeof evolveLead>[1]['type'], 'ContactRegistered' | 'ContactOptedOut' | 'BroadcastAddressed'>
>;

const applyToLead: EventHandler<LeadRow, LeadFoldEvent>['apply'] = (row, event) => {
  const lead = evolveLead(row?.lead, event);
  return !lead || lead === row?.lead ? row : { org: event.org, lead };
};

const foldLead: EventHandler<LeadRow, Exclude<LeadFoldEvent, { type: 'ContactProfileChanged' }>> = {
  key: leadKey,
  apply: applyToLead,
};

/** The values by which contacts are searched and sorted. Few events change a profile, so they are cached per profile. */
interface SearchFields {
  readonly tokens: readonly string[];
  readonly sortName: string | null;
}
const searchFieldsCache = new WeakMap<Profile, SearchFields>();

function searchFieldsOf({ lead: { contact } }: LeadRow): SearchFields {
  const cached = searchFieldsCache.get(contact);
  if (cached) return cached;
  const { name, phone, email } = contact;
  const fields = {
    tokens: [...tokenize(`${name ?? ''} ${email ?? ''}`), ...(phone === null ? [] : tokenizePhone(phone))],
    // Sorts without regard to case, accents and character width.
    sortName: name === null ? null : removeMarks(name).toLowerCase(),
  };
  searchFieldsCache.set(contact, fields);
  return fields;
}

const leads = defineTable<LeadRow, LeadFoldEvent['type']>()({
  on: {
    LeadOpened: foldLead,
    InteractionRecorded: foldLead,
    OutboundMessageRecorded: foldLead,
    LeadStatusChanged: foldLead,
    LeadScored: foldLead,
    ScoreSuggested: foldLead,
    ScoreUnpinned: foldLead,
    AiResultDropped: foldLead,
    QualificationFailed: foldLead,
    LeadAssigned: foldLead,
    LeadUnassigned: foldLead,
    FollowUpCreated: foldLead,
    FollowUpRescheduled: foldLead,
    FollowUpReminded: foldLead,
    FollowUpCompleted: foldLead,
    FollowUpCancelled: foldLead,
    ContactProfileChanged: {
      key: ({ data: { contactKey, leads } }) => {
        const count = Math.min(leads, maxLeadsPerContact);
        return Array.from({ length: count }, (_, index) => toLeadId(contactKey, leads - index));
      },
      apply: applyToLead,
    },
  },
  createdBy: ['LeadOpened'],

  columns: {
    org: (row) => row.org,
    status: ({ lead }) => statuses.indexOf(lead.status),
    active: ({ lead }) => (lead.active ? 1 : 0),
    agentId: ({ lead }) => lead.agentId,
    contactId: ({ lead }) => lead.contactId,
    channel: ({ lead }) => lead.channel,
    origin: ({ lead }) => lead.origin.kind,
    campaignId: ({ lead }) => lead.origin.campaign?.id ?? null,
    score: ({ lead }) => lead.qualification.score,
    name: (row) => searchFieldsOf(row).sortName,
    createdAt: ({ lead }) => lead.createdAt,
    updatedAt: ({ lead }) => lead.updatedAt,
    lastInteractionAt: ({ lead }) => lead.lastInteractionAt,
    // Null for a closed lead, even between the event that closes it and the events that cancel its follow-ups.
    nextFollowUpAt: ({ lead }) => (lead.active ? (findNextFollowUp(lead)?.dueAt ?? null) : null),
  },

  // Chosen by measurement at a million leads; docs/evidence/benchmarks.md explains each.
  indexes: [
    { prefix: ['org'], sort: 'createdAt', include: ['active', 'score'] },
    { prefix: ['org'], sort: 'updatedAt', include: ['active', 'createdAt'] },
    { prefix: ['org'], sort: 'lastInteractionAt', include: ['active', 'createdAt'] },
    { prefix: ['org'], sort: 'score' },
    { prefix: ['org'], sort: 'name' },
    { prefix: ['org'], sort: 'status' },
    { prefix: ['org'], sort: 'nextFollowUpAt' },
    { prefix: ['org', 'status'], sort: 'createdAt' },
    { prefix: ['org', 'agentId'], sort: 'createdAt', include: ['active'] },
    { prefix: ['org', 'channel'], sort: 'createdAt' },
    { prefix: ['org', 'origin'], sort: 'createdAt' },
    { prefix: ['org', 'campaignId'], sort: 'createdAt' },
    { prefix: ['org', 'contactId'] },
  ],

  tokens: (row) => searchFieldsOf(row).tokens,
});

export const leadListView = defineView({
  name: 'lead-list',
  version: 2,
  tables: { leads, agents: agentNames },
  ignores: [
    'ContactRegistered',
    'ContactOptedOut',
    'BroadcastAddressed',
    'AgentCapacityChanged',
    'AgentDeactivated',
    'AgentReactivated',
    ...broadcastEvents,
    ...messageEvents,
    ...bulkEvents,
    ...exportEvents,
  ],
});
