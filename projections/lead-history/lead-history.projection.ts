import type { Actor, Position } from '#domain/event-envelope';
import type { EventType, RecordedEvent } from '#domain/event';
import { toReceipt } from '#domain/message/message.decide';
import type { Receipt } from '#domain/message/message.events';
import type { LeadStatusChanged } from '#domain/lead/lead.events';
import { isFinal } from '#domain/lead/lead.vocabulary';
import { contactKeyOf, ordinalOf } from '#domain/lead/lead.id';
import type { Table, View } from '#read-model/view';
import { agentNames } from '../agent-names.js';

/** Something that happened, as it was recorded; words for it and names are added when reading. */
export interface EntryRow {
  readonly org: string;
  readonly contactKey: string;
  readonly id: string;
  readonly type: EventType;
  readonly leadId: string | null;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly actor: Actor;
  /** The event that set it off; null when a command did. */
  readonly cause: string | null;
  readonly data: object;
  readonly position: Position;
}

/** By their place in the log: so new ones stand side by side in the storage, which spares it most of the writing. */
const itself = (event: RecordedEvent): readonly string[] => [event.position];

const contactKeyIn = (data: RecordedEvent['data']): string | undefined => {
  if ('contactKey' in data) return data.contactKey;
  return 'recipient' in data ? data.recipient?.contactKey : undefined;
};

/** Broadcast messages show on every lead of their contact. */
export const everyLead = '*';

/** Whether a lead begins or ends with it. */
const isTurn = ({ type, data }: EntryRow): boolean =>
  type === 'LeadOpened' || (type === 'LeadStatusChanged' && isFinal((data as StatusChange).to));

/** What it tells of a lead whose status it changes. */
export type StatusChange = LeadStatusChanged['data'];

/** Events that are an entry each. */
const told = {
  ContactRegistered: itself,
  ContactProfileChanged: itself,
  ContactOptedOut: itself,
  LeadOpened: itself,
  InteractionRecorded: itself,
  OutboundMessageRecorded: itself,
  LeadStatusChanged: itself,
  LeadScored: itself,
  ScoreSuggested: itself,
  ScoreUnpinned: itself,
  AiResultDropped: itself,
  QualificationFailed: itself,
  LeadAssigned: itself,
  LeadUnassigned: itself,
  FollowUpCreated: itself,
  FollowUpRescheduled: itself,
  FollowUpReminded: itself,
  FollowUpCompleted: itself,
  FollowUpCancelled: itself,
};

const entries: Table<EntryRow> = {
  keys: {
    ...told,
    // One entry per broadcast message, at the time of its send, with its receipts inside.
    MessageSent: ({ data }) => [data.messageKey],
    ReceiptRecorded: ({ data }) => (data.recipient ? [data.messageKey] : []),
  },
  createdBy: Object.keys(told) as (keyof typeof told)[],

  evolve(row, event) {
    if (event.type === 'ReceiptRecorded') {
      const { receipts = [] } = (row?.data ?? {}) as { receipts?: readonly Receipt[] };
      return row && { ...row, data: { ...row.data, receipts: [...receipts, toReceipt(event)] } };
    }

    const { id, org, type, meta, position } = event;
    const leadId = 'leadId' in event.data ? event.data.leadId : null;
    const contactKey = contactKeyIn(event.data) ?? contactKeyOf(leadId ?? '');
    const { occurredAt, recordedAt, actor, causation, commandId } = meta;
    const cause = causation === commandId ? null : causation;
    const data = { ...event.data, ...('personal' in event ? event.personal : {}) };
    return { org, contactKey, id, type, leadId, occurredAt, recordedAt, actor, cause, data, position };
  },

  columns: {
    contactKey: (row) => row.contactKey,
    shownOn: (row) => (row.type === 'MessageSent' ? everyLead : row.leadId),
    type: (row) => row.type,
    actor: ({ actor }) => `${actor.type}:${actor.id}`,
    // By when things happened, then by log position.
    at: (row) => `${row.occurredAt} ${row.position}`,
    position: (row) => row.position,
    // Of these a lead's life is told: its past leads have no table of their own, whose rows would lie all over the storage.
    turns: (row) => (isTurn(row) ? 1 : 0),
  },

  indexes: [
    // One for both: a lead's history is a part of its contact's, and each index costs a page of writing for every event.
    { prefix: ['contactKey'], sort: 'at', include: ['shownOn'] },
    { prefix: ['contactKey'], sort: 'position', where: { turns: 1 } },
  ],
};

export const leadHistory: View = { name: 'lead-history', version: 3, tables: { entries, agents: agentNames } };
