import type { ContactEvent } from '#domain/contact/contact.events';
import type { Actor, Position } from '#domain/event-envelope';
import type { EventType, RecordedEvent } from '#domain/event';
import { toReceipt } from '#domain/message/message.decide';
import type { Receipt } from '#domain/message/message.events';
import type { LeadStatusChanged } from '#domain/lead/lead.events';
import { isFinal } from '#domain/lead/lead.vocabulary';
import { contactKeyOf } from '#domain/lead/lead.id';
import { defineTable, defineView, type EventHandler } from '#read-model/view';
import { agentNames } from '../agent-names.js';
import { broadcastEvents, bulkEvents, exportEvents } from '../event-families.js';

/** An entry as it was recorded. Its summary and the agents' names are added on read. */
export interface EntryRow {
  readonly org: string;
  readonly contactKey: string;
  readonly id: string;
  readonly type: EventType;
  readonly leadId: string | null;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly actor: Actor;
  /** The id of the event that caused this one; null if a command did. */
  readonly cause: string | null;
  readonly data: object;
  readonly position: Position;
}

/** The value of `shownOn` for broadcast messages, which are shown on every lead of their contact. */
export const everyLead = '*';

/** `data` of an entry that changes a lead's status. */
export type StatusChange = LeadStatusChanged['data'];

/** BroadcastAddressed is not shown: MessageSent records the same broadcast, with its delivery. */
type ContactHistoryEvent = Exclude<ContactEvent['type'], 'BroadcastAddressed'>;

/** Event types that have entries in a history. */
export type HistoryEvent = ContactHistoryEvent | 'MessageSent';

const entryPerEvent: EventHandler<EntryRow, RecordedEvent<ContactHistoryEvent>> = {
  // Keyed by position, new entries are adjacent in the storage, which avoids most of the page writes.
  key: (event) => event.position,
  apply: (_, event) => toEntry(event),
};

const contactEntries = {
  ContactRegistered: entryPerEvent,
  ContactProfileChanged: entryPerEvent,
  ContactOptedOut: entryPerEvent,
  LeadOpened: entryPerEvent,
  InteractionRecorded: entryPerEvent,
  OutboundMessageRecorded: entryPerEvent,
  LeadStatusChanged: entryPerEvent,
  LeadScored: entryPerEvent,
  ScoreSuggested: entryPerEvent,
  ScoreUnpinned: entryPerEvent,
  AiResultDropped: entryPerEvent,
  QualificationFailed: entryPerEvent,
  LeadAssigned: entryPerEvent,
  LeadUnassigned: entryPerEvent,
  FollowUpCreated: entryPerEvent,
  FollowUpRescheduled: entryPerEvent,
  FollowUpReminded: entryPerEvent,
  FollowUpCompleted: entryPerEvent,
  FollowUpCancelled: entryPerEvent,
};

const entries = defineTable<EntryRow, HistoryEvent>()({
  on: {
    ...contactEntries,
    // One entry per broadcast message, at the time of its send, with its receipts inside.
    MessageSent: { key: ({ data }) => data.messageKey, apply: (_, event) => toEntry(event) },
    ReceiptRecorded: {
      key: ({ data }) => (data.recipient ? data.messageKey : []),
      apply: (row, event) => {
        if (!row) return undefined;
        const { receipts = [] } = row.data as { readonly receipts?: readonly Receipt[] };
        return { ...row, data: { ...row.data, receipts: [...receipts, toReceipt(event)] } };
      },
    },
  },
  createdBy: Object.keys(contactEntries) as (keyof typeof contactEntries)[],

  columns: {
    contactKey: (row) => row.contactKey,
    shownOn: (row) => (row.type === 'MessageSent' ? everyLead : row.leadId),
    type: (row) => row.type,
    actor: ({ actor }) => `${actor.type}:${actor.id}`,
    // Sorts by the time at which the event happened, then by log position.
    at: (row) => `${row.occurredAt} ${row.position}`,
    position: (row) => row.position,
    // 1 for an entry that opens or closes a lead: past leads are listed from these. Rows of a separate table would be scattered all
    // over the storage.
    turns: (row) => (opensOrClosesLead(row) ? 1 : 0),
  },

  indexes: [
    // One index for both: a lead's history is part of its contact's. Each index costs a page write per event.
    { prefix: ['contactKey'], sort: 'at', include: ['shownOn'] },
    { prefix: ['contactKey'], sort: 'position', where: { turns: 1 } },
  ],
});

function toEntry(event: RecordedEvent<HistoryEvent>): EntryRow {
  const { id, org, type, position } = event;
  const { occurredAt, recordedAt, actor, causation, commandId } = event.meta;
  return {
    org,
    contactKey: contactKeyIn(event.data),
    id,
    type,
    leadId: 'leadId' in event.data ? event.data.leadId : null,
    occurredAt,
    recordedAt,
    actor,
    cause: causation === commandId ? null : causation,
    data: { ...event.data, ...('personal' in event ? event.personal : {}) },
    position,
  };
}

function contactKeyIn(data: RecordedEvent<HistoryEvent>['data']): string {
  if ('contactKey' in data) return data.contactKey;
  return 'recipient' in data ? data.recipient.contactKey : contactKeyOf(data.leadId);
}

const opensOrClosesLead = ({ type, data }: EntryRow): boolean =>
  type === 'LeadOpened' || (type === 'LeadStatusChanged' && isFinal((data as StatusChange).to));

export const leadHistoryView = defineView({
  name: 'lead-history',
  version: 3,
  tables: { entries, agents: agentNames },
  ignores: [
    'BroadcastAddressed',
    'AgentCapacityChanged',
    'AgentDeactivated',
    'AgentReactivated',
    ...broadcastEvents,
    ...bulkEvents,
    ...exportEvents,
  ],
});
