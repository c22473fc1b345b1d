import type { Profile } from '#domain/vocabulary';
import { toLeadId } from '#domain/lead/lead.id';
import { evolveLead } from '#domain/lead/lead.evolve';
import { statuses } from '#domain/lead/lead.vocabulary';
import { type Lead, findNextFollowUp } from '#domain/lead/lead.state';
import type { RecordedEvent } from '#domain/event';
import { tokenizePhone, tokenize } from '#read-model/tokens';
import type { Table, View } from '#read-model/view';
import { agentNames } from '../agent-names.js';

/** A row is the lead itself. */
export interface LeadRow {
  readonly org: string;
  readonly lead: Lead;
}

/** A contact's profile shows on its leads; where it has more, on the newest of them. */
const mostLeads = 1_000;

const ofLead = (event: RecordedEvent & { readonly data: { readonly leadId: string } }): readonly string[] => [
  event.data.leadId,
];

/** What a contact is found and sorted by: made once for as long as it is in memory, since hardly an event changes it. */
interface Folded {
  readonly words: readonly string[];
  readonly name: string | null;
}
const known = new WeakMap<Profile, Folded>();

function foldedOf({ lead: { contact } }: LeadRow): Folded {
  const found = known.get(contact);
  if (found) return found;
  const { name, phone, email } = contact;
  const words = [...tokenize(`${name ?? ''} ${email ?? ''}`), ...(phone === null ? [] : tokenizePhone(phone))];
  const made = { words, name: name === null ? null : folded(name) };
  known.set(contact, made);
  return made;
}

const leads: Table<LeadRow> = {
  keys: {
    LeadOpened: ofLead,
    InteractionRecorded: ofLead,
    OutboundMessageRecorded: ofLead,
    LeadStatusChanged: ofLead,
    LeadScored: ofLead,
    ScoreSuggested: ofLead,
    ScoreUnpinned: ofLead,
    AiResultDropped: ofLead,
    QualificationFailed: ofLead,
    LeadAssigned: ofLead,
    LeadUnassigned: ofLead,
    FollowUpCreated: ofLead,
    FollowUpRescheduled: ofLead,
    FollowUpReminded: ofLead,
    FollowUpCompleted: ofLead,
    FollowUpCancelled: ofLead,
    ContactProfileChanged: ({ data: { contactKey, leads } }) => {
      const count = Math.min(leads, mostLeads);
      return Array.from({ length: count }, (_, nth) => toLeadId(contactKey, leads - nth));
    },
  },
  createdBy: ['LeadOpened'],

  evolve(row, event) {
    const lead = evolveLead(row?.lead, event as Parameters<typeof evolveLead>[1]);
    if (!lead || lead === row?.lead) return row;
    return { org: event.org, lead };
  },

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
    name: (row) => foldedOf(row).name,
    createdAt: ({ lead }) => lead.createdAt,
    updatedAt: ({ lead }) => lead.updatedAt,
    lastInteractionAt: ({ lead }) => lead.lastInteractionAt,
    // Between the event that closes a lead and those that cancel its follow-ups it has none either.
    nextFollowUpAt: ({ lead }) => (lead.active ? (findNextFollowUp(lead)?.dueAt ?? null) : null),
  },

  // Measured at a million leads: docs/benchmarks.md says what each is for.
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

  tokens: (row) => foldedOf(row).words,
};

/** A name as lists sort it: case, accents and width do not matter. */
const folded = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase();

export const leadList: View = { name: 'lead-list', version: 2, tables: { leads, agents: agentNames } };
