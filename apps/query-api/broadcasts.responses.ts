import type { Template } from '#domain/broadcast/broadcast.events';
import { channels } from '#domain/vocabulary';
import type { Delivery } from '#domain/message/message.delivery';
import { receiptStatuses, type ReceiptError } from '#domain/message/message.events';
import * as json from '#http/json-schema';
import { broadcastRef, campaign, templateFields } from '#http/resources/broadcast.schema';
import type { DeliveredMessage } from '#projections/broadcast-delivery/broadcast-delivery.query';
import type { RecipientResource } from '#projections/campaigns/campaigns.query';
import { page } from './page.responses.js';

const error = json.nullable(
  json.object<ReceiptError>({
    code: json.string("The provider's error code."),
    detail: json.nullable(json.string("The provider's explanation.")),
  }),
);

const deliveryFields: json.Fields<Delivery> = {
  state: json.enumOf(receiptStatuses, 'The highest status that any receipt reported.'),
  milestones: json.object<Delivery['milestones']>({
    queuedAt: json.nullable(json.timestamp('Time at which the message was queued.')),
    sentAt: json.nullable(json.timestamp('Time at which the message was sent.')),
    deliveredAt: json.nullable(json.timestamp('Time at which the message was delivered.')),
    deliveredImplied: json.boolean(
      'Whether delivery is implied: the message was read, but no receipt reported its delivery.',
    ),
    readAt: json.nullable(json.timestamp('Time at which the message was read.')),
    failedAt: json.nullable(json.timestamp('Time at which the message failed.')),
  }),
  conflict: json.boolean('Whether receipts report both that the message failed and that it was delivered or read.'),
  error: json.described(error, 'Error of the latest failed receipt, even if the message was delivered or read.'),
  timeline: json.array(
    json.object<Delivery['timeline'][number]>({
      status: json.enumOf(receiptStatuses, 'Status that the receipt reports.'),
      occurredAt: json.timestamp('Time that the provider reported.'),
      recordedAt: json.timestamp('Time at which the receipt was recorded.'),
      error,
    }),
    'The receipts of the message.',
  ),
};

const deliveryRef = json.component(
  'Delivery',
  json.object<DeliveredMessage>({
    messageId: json.string("The provider's ID of the message."),
    broadcastId: json.string('ID of the broadcast.'),
    campaign,
    template: json.object<Omit<Template, 'body'>>(templateFields),
    channel: json.enumOf(channels, 'Channel of the message.'),
    attempt: json.positiveInteger('Number of the attempt to reach the recipient.'),
    parameters: { description: 'Parameters that were filled into the template, as given.' },
    ...deliveryFields,
  }),
);

const recipientRef = json.component(
  'Recipient',
  json.object<RecipientResource>({
    contactId: json.string('ID of the recipient.'),
    state: json.enumOf(receiptStatuses, 'Highest state of all attempts.'),
    attempts: json.array(
      json.object<RecipientResource['attempts'][number]>({
        messageId: json.string("The provider's ID of the message."),
        attempt: json.positiveInteger('Number of the attempt, from 1.'),
        state: json.enumOf(receiptStatuses, 'State of the message.'),
      }),
      'Messages that were sent to the recipient.',
    ),
    repliedLeadId: json.nullable(json.string('ID of the lead that the reply of the recipient belongs to.')),
  }),
);

export const deliveryPage = json.component('DeliveryPage', page(deliveryRef));
export const broadcastPage = json.component('BroadcastPage', page(broadcastRef));
export const recipientPage = json.component('RecipientPage', page(recipientRef));
