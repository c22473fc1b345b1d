import type { KnownBroadcast } from '../broadcast/broadcast.decide.js';
import {
  createDecide,
  createEvolve,
  type Decider,
  type DecisionContext,
  type Decisions,
  type Evolutions,
} from '../decider.js';
import type { NewEvent } from '../event-envelope.js';
import { refuse, requireNotInFuture } from '../refusal.js';
import type { Channel } from '../vocabulary.js';
import type { MessageEvent, Receipt, ReceiptError, ReceiptStatus, Recipient } from './message.events.js';

export type MessageCommand = RecordSend | RecordReceipts;

export interface RecordSend {
  readonly type: 'RecordSend';
  readonly messageKey: string;
  readonly messageId: string;
  readonly contactKey: string;
  readonly contactId: string;
  readonly broadcast: Pick<KnownBroadcast, 'id' | 'channel' | 'campaign' | 'template'>;
  readonly attempt: number;
  readonly parameters: unknown;
  /** Null: the command's time. */
  readonly sentAt: string | null;
}

/** Records one or more receipts of one message. */
export interface RecordReceipts {
  readonly type: 'RecordReceipts';
  readonly messageKey: string;
  readonly channel: Channel;
  readonly messageId: string;
  readonly receipts: readonly NewReceipt[];
}

export interface NewReceipt {
  readonly status: ReceiptStatus;
  /** Null if the provider gave no time: the receipt then gets the command's time, which does not distinguish it from others. */
  readonly at: string | null;
  readonly error: ReceiptError | null;
}

/** The state of a message. Its send and its receipts may be recorded in any order. */
export interface Message {
  readonly recipient: Recipient | null;
  readonly receipts: readonly Receipt[];
  readonly version: number;
}

type ReceiptIdentity = Pick<Receipt, 'status' | 'at' | 'timed' | 'error'>;

/** Receipts with the same key are the same receipt. */
export const receiptKey = ({ status, at, timed, error }: ReceiptIdentity): string =>
  JSON.stringify([status, timed ? at : null, error?.code ?? null]);

/** Gives the same result as comparing keys, but does not build them. */
const isSameReceipt = (a: ReceiptIdentity, b: ReceiptIdentity): boolean =>
  a.status === b.status &&
  a.timed === b.timed &&
  (!a.timed || a.at === b.at) &&
  (a.error?.code ?? null) === (b.error?.code ?? null);

const decisions: Decisions<Message, MessageCommand, MessageEvent> = {
  RecordSend: recordSend,
  RecordReceipts: recordReceipts,
};

const evolutions: Evolutions<Message, MessageEvent> = {
  MessageSent: (message, event) => ({ ...message, version: message.version + 1, recipient: event.data.recipient }),
  ReceiptRecorded: (message, event) => ({
    ...message,
    version: message.version + 1,
    receipts: [...message.receipts, toReceipt(event)],
  }),
};

export const messageDecider: Decider<Message, MessageCommand, MessageEvent> = {
  initialState: { recipient: null, receipts: [], version: 0 },
  decide: createDecide(decisions),
  evolve: createEvolve(evolutions),
};

export function toReceipt(event: Extract<MessageEvent, { type: 'ReceiptRecorded' }>): Receipt {
  const { status, timed, errorCode } = event.data;
  const error = errorCode === null ? null : { code: errorCode, detail: event.personal.errorDetail };
  return { status, at: event.meta.occurredAt, timed, recordedAt: event.meta.recordedAt, error };
}

function recordSend(
  command: RecordSend,
  message: Message,
  context: DecisionContext,
): readonly NewEvent<MessageEvent>[] {
  const { messageKey, messageId, contactKey, contactId, broadcast, attempt, parameters } = command;
  if (message.recipient) {
    const isSame = message.recipient.broadcastId === broadcast.id && message.recipient.contactKey === contactKey;
    if (!isSame) throw refuse('message_exists', { messageId });
    return [];
  }
  const { channel, campaign, template } = broadcast;
  return [
    {
      type: 'MessageSent',
      id: context.stableId('sent'),
      occurredAt: requireNotInFuture('sentAt', command.sentAt ?? context.now, context.now),
      data: {
        messageKey,
        channel,
        messageId,
        recipient: { broadcastId: broadcast.id, contactKey, attempt },
        campaign: { id: campaign.id, name: campaign.name },
        template: { name: template.name, language: template.language, category: template.category },
      },
      personal: { contactId, parameters, receipts: message.receipts },
    },
  ];
}

/** Each receipt is recorded once. */
function recordReceipts(
  command: RecordReceipts,
  message: Message,
  context: DecisionContext,
): readonly NewEvent<MessageEvent>[] {
  const { messageKey, channel, messageId } = command;
  const newReceipts: ReceiptIdentity[] = [];
  for (const { status, at, error } of command.receipts) {
    const receipt = { status, at: at ?? context.now, timed: at !== null, error };
    const isKnown = [message.receipts, newReceipts].some((list) => list.some((known) => isSameReceipt(known, receipt)));
    if (!isKnown) newReceipts.push(receipt);
  }
  return newReceipts.map((receipt) => ({
    type: 'ReceiptRecorded',
    id: context.stableId(receiptKey(receipt)),
    occurredAt: receipt.at,
    data: {
      messageKey,
      channel,
      messageId,
      recipient: message.recipient,
      status: receipt.status,
      timed: receipt.timed,
      errorCode: receipt.error?.code ?? null,
    },
    personal: { errorDetail: receipt.error?.detail ?? null },
  }));
}
