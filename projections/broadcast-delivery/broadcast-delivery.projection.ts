import type { Campaign, Channel } from '#domain/vocabulary';
import type { Template } from '#domain/broadcast/broadcast.events';
import { toReceipt } from '#domain/message/message.decide';
import type { Receipt } from '#domain/message/message.events';
import type { Table, View } from '#read-model/view';

/** A broadcast's message to a contact, with the campaign and the template as they were, and all that the provider said of it. */
export interface MessageRow {
  readonly org: string;
  readonly contactKey: string;
  readonly messageId: string;
  readonly broadcastId: string;
  readonly campaign: Campaign;
  readonly template: Omit<Template, 'body'>;
  readonly channel: Channel;
  readonly attempt: number;
  readonly parameters: unknown;
  readonly recordedSentAt: string;
  readonly receipts: readonly Receipt[];
}

const messages: Table<MessageRow> = {
  keys: {
    MessageSent: ({ data }) => [data.messageKey],
    // Until the send is recorded a receipt is nobody's; the send then brings it along.
    ReceiptRecorded: ({ data }) => (data.recipient ? [data.messageKey] : []),
  },

  evolve(row, event) {
    if (event.type === 'MessageSent') {
      const { recipient, messageId, campaign, template, channel } = event.data;
      const { parameters, receipts } = event.personal;
      const recordedSentAt = event.meta.occurredAt;
      return {
        org: event.org,
        ...recipient,
        messageId,
        campaign,
        template,
        channel,
        parameters,
        recordedSentAt,
        receipts,
      };
    }
    if (!row || event.type !== 'ReceiptRecorded') return row;
    return { ...row, receipts: [...row.receipts, toReceipt(event)] };
  },

  columns: { contactKey: (row) => row.contactKey, sentAt: (row) => row.recordedSentAt },
  indexes: [{ prefix: ['contactKey'], sort: 'sentAt' }],
};

/** Which leads there are: a lead shows all messages of its contact, also those sent before it was opened. */
const leads: Table<{ readonly org: string }> = {
  keys: { LeadOpened: ({ data }) => [data.leadId] },
  createdBy: ['LeadOpened'],
  evolve: (_, { org }) => ({ org }),
  columns: {},
  indexes: [],
};

export const broadcastDelivery: View = { name: 'broadcast-delivery', version: 1, tables: { messages, leads } };
