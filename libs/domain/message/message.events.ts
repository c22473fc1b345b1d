import type { TypedEvent } from '../event.js';
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
  /** From 1; each has a message id of its own. */
  readonly attempt: number;
}

/** What a provider said of a message. */
export interface Receipt {
  /** What the message has reached. */
  readonly status: ReceiptStatus;
  /** The provider's time; ours where it gave none. */
  readonly at: string;
  /** Whether the time is the provider's: a receipt is known by its time only then. */
  readonly timed: boolean;
  /** When we wrote it. */
  readonly recordedAt: string;
  /** Why it failed, where it did. */
  readonly error: ReceiptError | null;
}

export interface ReceiptError {
  /** The provider's. */
  readonly code: string;
  /** In the provider's words. */
  readonly detail: string | null;
}

/** A broadcast's message was sent. The campaign and the template are as they were then. */
export type MessageSent = TypedEvent<
  'MessageSent',
  {
    /** Made of the channel and the message's id: part of the stream's name. */
    messageKey: string;
    channel: Channel;
    messageId: string;
    /** Whom it went to. */
    recipient: Recipient;
    campaign: Campaign;
    /** What was sent; its text is the broadcast's. */
    template: Omit<Template, 'body'>;
  },
  {
    contactId: string;
    /** What was filled into the template, as it was given. */
    parameters: unknown;
    /** The receipts that had come before the send was recorded. */
    receipts: readonly Receipt[];
  }
>;

/** A receipt, at the provider's time. */
export type ReceiptRecorded = TypedEvent<
  'ReceiptRecorded',
  {
    messageKey: string;
    channel: Channel;
    messageId: string;
    /** Whom the message went to; null while the send is not recorded. */
    recipient: Recipient | null;
    status: ReceiptStatus;
    timed: boolean;
    /** The provider's code for why it failed, where it did. */
    errorCode: string | null;
  },
  {
    /** The same in the provider's words. */
    errorDetail: string | null;
  }
>;
