import type { BroadcastCreated } from '#domain/broadcast/broadcast.events';
import { selectBestAttempt, computeDeliveryProgress, getStatusRank } from '#domain/message/message.delivery';
import { toReceipt } from '#domain/message/message.decide';
import type { Receipt } from '#domain/message/message.events';
import { contactKeyOf } from '#domain/lead/lead.id';
import { defineTable, defineView } from '#read-model/view';
import { agentEvents, bulkEvents, contactEvents, exportEvents } from '../event-families.js';

export interface BroadcastRow extends Omit<BroadcastCreated['data'], 'broadcastId'> {
  readonly org: string;
  readonly id: string;
  readonly createdAt: string;
}

/** A message to a recipient. A retry is another attempt. */
export interface SendAttempt {
  readonly messageId: string;
  readonly attempt: number;
  readonly receipts: readonly Receipt[];
}

export interface RecipientRow {
  readonly org: string;
  readonly broadcastId: string;
  readonly contactId: string;
  /** When the first attempt was sent. */
  readonly sentAt: string;
  /** At least one. */
  readonly attempts: readonly SendAttempt[];
  /** The lead with the recipient's first reply. */
  readonly repliedLeadId: string | null;
}

export const broadcastKey = (org: string, broadcastId: string): string => `${org}/${broadcastId}`;
const recipientKey = (org: string, broadcastId: string, contactKey: string): string =>
  `${org}/${broadcastId}/${contactKey}`;

const broadcasts = defineTable<BroadcastRow>()({
  on: {
    BroadcastCreated: {
      key: ({ org, data }) => broadcastKey(org, data.broadcastId),
      apply: (_, event) => {
        const { broadcastId: id, ...data } = event.data;
        return { org: event.org, id, ...data, createdAt: event.meta.occurredAt };
      },
    },
  },
  columns: { org: (row) => row.org, createdAt: (row) => row.createdAt },
  indexes: [{ prefix: ['org'], sort: 'createdAt' }],
});

const recipients = defineTable<RecipientRow>()({
  on: {
    MessageSent: {
      key: ({ org, data: { recipient } }) => recipientKey(org, recipient.broadcastId, recipient.contactKey),
      apply: (row, { org, data, personal, meta }) => {
        const { contactId, receipts } = personal;
        const { broadcastId, attempt } = data.recipient;
        const sentAt = meta.occurredAt;
        const recipient = row ?? { org, broadcastId, contactId, sentAt, attempts: [], repliedLeadId: null };
        return {
          ...recipient,
          sentAt: sentAt < recipient.sentAt ? sentAt : recipient.sentAt,
          attempts: [...recipient.attempts, { messageId: data.messageId, attempt, receipts }],
        };
      },
    },
    ReceiptRecorded: {
      key: ({ org, data: { recipient } }) =>
        recipient ? recipientKey(org, recipient.broadcastId, recipient.contactKey) : [],
      apply: (row, event) => {
        if (!row) return undefined;
        const { messageId } = event.data;
        const attempts = row.attempts.map((attempt) =>
          attempt.messageId === messageId ? { ...attempt, receipts: [...attempt.receipts, toReceipt(event)] } : attempt,
        );
        return { ...row, attempts };
      },
    },
    InteractionRecorded: {
      key: ({ org, data: { broadcastId, leadId } }) =>
        broadcastId === null ? [] : recipientKey(org, broadcastId, contactKeyOf(leadId)),
      apply: (row, event) => (row?.repliedLeadId === null ? { ...row, repliedLeadId: event.data.leadId } : row),
    },
  },

  columns: {
    broadcast: (row) => broadcastKey(row.org, row.broadcastId),
    sentAt: (row) => row.sentAt,
    state: (row) => getStatusRank(selectBestAttempt(row.attempts)!.delivery.state),
    progress: (row) => computeDeliveryProgress(selectBestAttempt(row.attempts)!.delivery),
    replied: (row) => (row.repliedLeadId === null ? 0 : 1),
  },

  indexes: [
    { prefix: ['broadcast'], sort: 'sentAt' },
    { prefix: ['broadcast', 'state'], sort: 'sentAt' },
    // Answers all counters of a page of broadcasts.
    { prefix: ['broadcast'], sort: 'progress', include: ['state', 'replied'] },
  ],
});

export const campaignsView = defineView({
  name: 'campaigns',
  version: 2,
  tables: { broadcasts, recipients },
  ignores: [
    ...contactEvents,
    'LeadOpened',
    'OutboundMessageRecorded',
    'LeadStatusChanged',
    'LeadScored',
    'ScoreSuggested',
    'ScoreUnpinned',
    'AiResultDropped',
    'QualificationFailed',
    'LeadAssigned',
    'LeadUnassigned',
    'FollowUpCreated',
    'FollowUpRescheduled',
    'FollowUpReminded',
    'FollowUpCompleted',
    'FollowUpCancelled',
    ...agentEvents,
    ...bulkEvents,
    ...exportEvents,
  ],
});
