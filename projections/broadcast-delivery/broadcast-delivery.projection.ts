import type { Campaign, Channel } from '#domain/vocabulary';
import type { Template } from '#domain/broadcast/broadcast.events';
import { toReceipt } from '#domain/message/message.decide';
import type { Receipt } from '#domain/message/message.events';
import { defineTable, defineView } from '#read-model/view';
import { agentEvents, broadcastEvents, bulkEvents, contactEvents, exportEvents } from '../event-families.js';
import { leadKey } from '../row-keys.js';

/** A broadcast message to a contact, with campaign and template as they were when it was sent, and all its receipts. */
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

const messages = defineTable<MessageRow>()({
  on: {
    MessageSent: {
      key: ({ data }) => data.messageKey,
      apply: (_, event) => {
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
      },
    },
    ReceiptRecorded: {
      // A receipt that arrives before the send has no recipient yet. MessageSent then includes it.
      key: ({ data }) => (data.recipient ? data.messageKey : []),
      apply: (row, event) => row && { ...row, receipts: [...row.receipts, toReceipt(event)] },
    },
  },
  columns: { contactKey: (row) => row.contactKey, sentAt: (row) => row.recordedSentAt },
  indexes: [{ prefix: ['contactKey'], sort: 'sentAt' }],
});

/** All leads that exist. A lead shows all messages of its contact, including those sent before it was opened. */
const leads = defineTable<{ readonly org: string }>()({
  on: { LeadOpened: { key: leadKey, apply: (_, { org }) => ({ org }) } },
  createdBy: ['LeadOpened'],
  columns: {},
  indexes: [],
});

export const broadcastDeliveryView = defineView({
  name: 'broadcast-delivery',
  version: 1,
  tables: { messages, leads },
  ignores: [
    ...contactEvents,
    'InteractionRecorded',
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
    ...broadcastEvents,
    ...bulkEvents,
    ...exportEvents,
  ],
});
