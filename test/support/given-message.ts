import { broadcastDecider, type CreateBroadcast } from '#domain/broadcast/broadcast.decide';
import {
  messageDecider,
  type NewReceipt,
  type Message,
  type MessageCommand,
  type RecordReceipts,
  type RecordSend,
} from '#domain/message/message.decide';
import type { MessageEvent, ReceiptStatus } from '#domain/message/message.events';
import { campaign, contactKey, createGiven, time } from './given-when-then.js';

/* Tests of broadcasts and their messages. Fields that do not matter to a test have defaults. */

/** A message after these steps. */
export const givenMessage = createGiven<Message, MessageCommand, MessageEvent>(messageDecider);
/** A broadcast after these steps. */
export const givenBroadcast = createGiven(broadcastDecider);

export const template = { name: 'template_one', language: 'en', category: 'marketing', body: 'Good morning, {{1}}' };

export const createBroadcast = (fields: Partial<CreateBroadcast> = {}): CreateBroadcast => ({
  type: 'CreateBroadcast',
  broadcastId: 'b-1',
  name: 'Broadcast One',
  channel: 'whatsapp',
  campaign,
  template,
  ...fields,
});

export const messageKey = (messageId: string): string => `key of ${messageId}`;

export const recordSend = (fields: Partial<RecordSend> = {}): RecordSend => ({
  type: 'RecordSend',
  messageKey: messageKey(fields.messageId ?? 'bm-1'),
  messageId: 'bm-1',
  contactKey,
  contactId: 'contact-1',
  broadcast: { id: 'b-1', channel: 'whatsapp', campaign, template },
  attempt: 1,
  parameters: null,
  sentAt: null,
  ...fields,
});

/** A provider's receipt. `clock` is null if the provider gave no time. */
export const newReceipt = (status: ReceiptStatus, clock: string | null, code?: string): NewReceipt => ({
  status,
  at: clock === null ? null : time(clock),
  error: code === undefined ? null : { code, detail: `Detail of ${code}` },
});

export const recordReceipts = (messageId: string, ...receipts: readonly NewReceipt[]): RecordReceipts => ({
  type: 'RecordReceipts',
  messageKey: messageKey(messageId),
  channel: 'whatsapp',
  messageId,
  receipts,
});
