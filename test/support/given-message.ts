import { broadcastDecider as broadcastDecider, type CreateBroadcast } from '#domain/broadcast/broadcast.decide';
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

/* Sentences about broadcasts and their messages; what does not matter to one is filled in. */

/** A message as these steps left it. */
export const givenMessage = createGiven<Message, MessageCommand, MessageEvent>(messageDecider);
/** A broadcast as these steps left it. */
export const givenBroadcast = createGiven(broadcastDecider);

export const template = { name: 'template_one', language: 'en', category: 'marketing', body: 'Good morning, {{1}}' };

export const createBroadcast = (of: Partial<CreateBroadcast> = {}): CreateBroadcast => ({
  type: 'CreateBroadcast',
  broadcastId: 'b-1',
  name: 'Broadcast One',
  channel: 'whatsapp',
  campaign,
  template,
  ...of,
});

/** What a message's stream and rows are named by. */
export const messageKey = (messageId: string): string => `key of ${messageId}`;

export const recordSend = (of: Partial<RecordSend> = {}): RecordSend => ({
  type: 'RecordSend',
  messageKey: messageKey(of.messageId ?? 'bm-1'),
  messageId: 'bm-1',
  contactKey,
  contactId: 'contact-1',
  broadcast: { id: 'b-1', channel: 'whatsapp', campaign, template },
  attempt: 1,
  parameters: null,
  sentAt: null,
  ...of,
});

/** A provider's word at its time; without a time where it gives none. */
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
