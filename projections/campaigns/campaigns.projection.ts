import type { BroadcastCreated } from '#domain/broadcast/broadcast.events';
import { selectBestAttempt, computeDeliveryProgress, getStatusRank } from '#domain/message/message.delivery';
import { toReceipt } from '#domain/message/message.decide';
import type { Receipt } from '#domain/message/message.events';
import { contactKeyOf } from '#domain/lead/lead.id';
import type { Table, View } from '#read-model/view';

export interface BroadcastRow extends Omit<BroadcastCreated['data'], 'broadcastId'> {
  readonly org: string;
  readonly id: string;
  readonly createdAt: string;
}

/** A message to a recipient; a retry is another one. */
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
  /** The lead on which the recipient's first reply stands. */
  readonly repliedLeadId: string | null;
}

export const broadcastKey = (org: string, broadcastId: string): string => `${org}/${broadcastId}`;
const recipientKey = (org: string, broadcastId: string, contactKey: string): string =>
  `${org}/${broadcastId}/${contactKey}`;

const broadcasts: Table<BroadcastRow> = {
  keys: { BroadcastCreated: ({ org, data }) => [broadcastKey(org, data.broadcastId)] },
  evolve(row, event) {
    if (event.type !== 'BroadcastCreated') return row;
    const { broadcastId: id, ...data } = event.data;
    return { org: event.org, id, ...data, createdAt: event.meta.occurredAt };
  },
  columns: { org: (row) => row.org, createdAt: (row) => row.createdAt },
  indexes: [{ prefix: ['org'], sort: 'createdAt' }],
};

const recipients: Table<RecipientRow> = {
  keys: {
    MessageSent: ({ org, data: { recipient } }) => [recipientKey(org, recipient.broadcastId, recipient.contactKey)],
    ReceiptRecorded: ({ org, data: { recipient } }) =>
      recipient ? [recipientKey(org, recipient.broadcastId, recipient.contactKey)] : [],
    InteractionRecorded: ({ org, data: { broadcastId, leadId } }) =>
      broadcastId === null ? [] : [recipientKey(org, broadcastId, contactKeyOf(leadId))],
  },

  evolve(row, event) {
    if (event.type === 'MessageSent') {
      const { recipient, messageId } = event.data;
      const { contactId, receipts } = event.personal;
      const { broadcastId, attempt } = recipient;
      const sentAt = event.meta.occurredAt;
      const made = row ?? { org: event.org, broadcastId, contactId, sentAt, attempts: [], repliedLeadId: null };
      const first = sentAt < made.sentAt ? sentAt : made.sentAt;
      return { ...made, sentAt: first, attempts: [...made.attempts, { messageId, attempt, receipts }] };
    }
    if (!row) return undefined;
    if (event.type === 'ReceiptRecorded') {
      const { messageId } = event.data;
      const withReceipt = (it: SendAttempt): SendAttempt => ({ ...it, receipts: [...it.receipts, toReceipt(event)] });
      return { ...row, attempts: row.attempts.map((it) => (it.messageId === messageId ? withReceipt(it) : it)) };
    }
    if (event.type !== 'InteractionRecorded' || row.repliedLeadId !== null) return row;
    return { ...row, repliedLeadId: event.data.leadId };
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
    { prefix: ['broadcast'], sort: 'progress' },
    { prefix: ['broadcast', 'replied'] },
  ],
};

export const campaignsView: View = { name: 'campaigns', version: 1, tables: { broadcasts, recipients } };
