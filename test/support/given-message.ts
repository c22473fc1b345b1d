import { broadcast as broadcastDecider, type CreateBroadcast } from '#domain/broadcast/broadcast.decide';
import {
  message,
  type GivenReceipt,
  type Message,
  type MessageCommand,
  type RecordReceipts,
  type RecordSend,
} from '#domain/message/message.decide';
import type { MessageEvent, ReceiptStatus } from '#domain/message/message.events';
import { campaign, contactKey, tell, time } from './given-when-then.js';

/* Sentences about broadcasts and their messages; what does not matter to one is filled in. */

/** A message as these steps left it. */
export const givenMessage = tell<Message, MessageCommand, MessageEvent>(message);
/** A broadcast as these steps left it. */
export const givenBroadcast = tell(broadcastDecider);

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

export const send = (of: Partial<RecordSend> = {}): RecordSend => ({
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
export const receipt = (status: ReceiptStatus, clock: string | null, code?: string): GivenReceipt => ({
  status,
  at: clock === null ? null : time(clock),
  error: code === undefined ? null : { code, detail: `Detail of ${code}` },
});

export const receive = (messageId: string, ...receipts: readonly GivenReceipt[]): RecordReceipts => ({
  type: 'RecordReceipts',
  messageKey: messageKey(messageId),
  channel: 'whatsapp',
  messageId,
  receipts,
});
