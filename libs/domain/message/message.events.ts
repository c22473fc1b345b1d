import type { Fact } from '../event.js';
import type { Campaign, Template } from '../broadcast/broadcast.events.js';
import type { Channel } from '../lead/lead.state.js';

export type MessageEvent = MessageSent | ReceiptRecorded;

/** In the order of their rank: what a message's state is, is the highest rank ever seen. */
export const receiptStatuses = ['queued', 'accepted', 'sent', 'failed', 'delivered', 'read'] as const;
export type ReceiptStatus = (typeof receiptStatuses)[number];

/** Whom a broadcast's message went to, and by which attempt (from 1). */
export interface Recipient {
  readonly broadcastId: string;
  readonly contactKey: string;
  readonly attempt: number;
}

/** What a provider said of a message. */
export interface Receipt {
  readonly status: ReceiptStatus;
  /** The provider's time; ours where it gave none. */
  readonly at: string;
  /** Whether the time is the provider's: a receipt is known by its time only then. */
  readonly timed: boolean;
  /** When we wrote it. */
  readonly recordedAt: string;
  readonly error: ReceiptError | null;
}

export interface ReceiptError {
  readonly code: string;
  readonly detail: string | null;
}

/**
 * A broadcast's message was sent. The campaign and the template are as they were then. `personal.receipts` are those that had
 * come before the send was recorded.
 */
export type MessageSent = Fact<
  'MessageSent',
  {
    messageKey: string;
    channel: Channel;
    messageId: string;
    recipient: Recipient;
    campaign: Campaign;
    template: Omit<Template, 'body'>;
  },
  { contactId: string; parameters: unknown; receipts: readonly Receipt[] }
>;

/** A receipt, at the provider's time. `recipient` is null while the send is not recorded. */
export type ReceiptRecorded = Fact<
  'ReceiptRecorded',
  {
    messageKey: string;
    channel: Channel;
    messageId: string;
    recipient: Recipient | null;
    status: ReceiptStatus;
    timed: boolean;
    errorCode: string | null;
  },
  { errorDetail: string | null }
>;
