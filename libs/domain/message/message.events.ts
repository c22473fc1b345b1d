import type { Template } from '../broadcast/broadcast.events.js';
import type { TypedEvent } from '../event-envelope.js';
import type { Campaign, Channel } from '../vocabulary.js';

export type MessageEvent = MessageSent | ReceiptRecorded;

/** By rank, lowest first. A message's state is the highest status that any receipt has reported. */
export const receiptStatuses = ['queued', 'accepted', 'sent', 'failed', 'delivered', 'read'] as const;
export type ReceiptStatus = (typeof receiptStatuses)[number];

export interface Recipient {
  /** The broadcast that the message belongs to. */
  readonly broadcastId: string;
  /** The key of the contact that the message was sent to. */
  readonly contactKey: string;
  /** The number of the attempt, from 1. Each attempt has its own message id. */
  readonly attempt: number;
}

/** A provider's report on a message. */
export interface Receipt {
  /** The status that the provider reported. */
  readonly status: ReceiptStatus;
  /** The provider's time; the command's time if it gave none. RFC 3339, UTC, milliseconds. */
  readonly at: string;
  /** Whether `at` is the provider's time. Only then does it distinguish receipts. */
  readonly timed: boolean;
  /** When it was written, by this system's clock. RFC 3339, UTC, milliseconds. */
  readonly recordedAt: string;
  /** The provider's error, if it reported one. */
  readonly error: ReceiptError | null;
}

export interface ReceiptError {
  /** The provider's error code. */
  readonly code: string;
  /** The provider's description of the error. */
  readonly detail: string | null;
}

interface MessageReference {
  /** A key derived from the channel and the message's id. Part of the stream's name. */
  readonly messageKey: string;
  /** The channel that the message was sent through. */
  readonly channel: Channel;
  /** The message's id at the channel's provider. */
  readonly messageId: string;
}

/** A message of a broadcast was sent, at `occurredAt`. Campaign and template are as they were then. */
export type MessageSent = TypedEvent<
  'MessageSent',
  MessageReference & {
    /** The broadcast, the contact and the attempt. */
    readonly recipient: Recipient;
    /** The campaign that the broadcast belongs to. */
    readonly campaign: Campaign;
    /** The message's template. Its text is in BroadcastCreated. */
    readonly template: Omit<Template, 'body'>;
  },
  {
    /** The id of the contact that the message was sent to, chosen by the caller. */
    readonly contactId: string;
    /** The template's parameters, as the caller sent them. */
    readonly parameters: unknown;
    /** The receipts that were recorded before this event. */
    readonly receipts: readonly Receipt[];
  }
>;

/** A provider reported on a message, at `occurredAt`: the provider's time, or the command's time if it gave none. */
export type ReceiptRecorded = TypedEvent<
  'ReceiptRecorded',
  MessageReference & {
    /** The broadcast, the contact and the attempt; null until MessageSent is recorded. */
    readonly recipient: Recipient | null;
    /** The status that the provider reported. */
    readonly status: ReceiptStatus;
    /** Whether `occurredAt` is the provider's time. */
    readonly timed: boolean;
    /** The provider's error code, if it reported an error. */
    readonly errorCode: string | null;
  },
  {
    /** The provider's description of the error. */
    readonly errorDetail: string | null;
  }
>;
