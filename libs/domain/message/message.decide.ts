import type { KnownBroadcast } from '../broadcast/broadcast.decide.js';
import type { Decider, DecisionContext } from '../decider.js';
import type { NewEvent } from '../event.js';
import type { Channel } from '../lead/lead.state.js';
import { requireNotInFuture, refuse } from '../refusal.js';
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

/** What a provider said of one message, all at once. */
export interface RecordReceipts {
  readonly type: 'RecordReceipts';
  readonly messageKey: string;
  readonly channel: Channel;
  readonly messageId: string;
  readonly receipts: readonly NewReceipt[];
}

/** `at` null: the provider gave no time, so the receipt is known without it and gets ours. */
export interface NewReceipt {
  readonly status: ReceiptStatus;
  readonly at: string | null;
  readonly error: ReceiptError | null;
}

/** A message as its receipts and its send say, in whichever order they came. */
export interface Message {
  readonly recipient: Recipient | null;
  readonly receipts: readonly Receipt[];
  readonly version: number;
}

type Known = Pick<Receipt, 'status' | 'at' | 'timed' | 'error'>;

/** What a receipt is known by. */
export const receiptKey = ({ status, at, timed, error }: Known): string =>
  JSON.stringify([status, timed ? at : null, error?.code ?? null]);

const isSame = (a: Known, b: Known): boolean =>
  a.status === b.status &&
  a.timed === b.timed &&
  (!a.timed || a.at === b.at) &&
  (a.error?.code ?? null) === (b.error?.code ?? null);

export const messageDecider: Decider<Message, MessageCommand, MessageEvent> = {
  initialState: { recipient: null, receipts: [], version: 0 },

  evolve(state, event) {
    const version = state.version + 1;
    if (event.type === 'MessageSent') return { ...state, version, recipient: event.data.recipient };
    if (event.type === 'ReceiptRecorded') return { ...state, version, receipts: [...state.receipts, toReceipt(event)] };
    return state;
  },

  decide(command, state, given): readonly NewEvent<MessageEvent>[] {
    switch (command.type) {
      case 'RecordSend':
        return recordSend(command, state, given);
      case 'RecordReceipts':
        return recordReceipts(command, state, given);
    }
  },
};

/** A receipt as its event tells it. */
export function toReceipt(event: Extract<MessageEvent, { type: 'ReceiptRecorded' }>): Receipt {
  const { status, timed, errorCode } = event.data;
  const error = errorCode === null ? null : { code: errorCode, detail: event.personal.errorDetail };
  return { status, at: event.meta.occurredAt, timed, recordedAt: event.meta.recordedAt, error };
}

function recordSend(command: RecordSend, state: Message, given: DecisionContext): readonly NewEvent<MessageEvent>[] {
  const { messageKey, messageId, contactKey, contactId, broadcast, attempt, parameters } = command;
  const recipient: Recipient = { broadcastId: broadcast.id, contactKey, attempt };
  if (state.recipient) {
    const { broadcastId, contactKey: known } = state.recipient;
    if (broadcastId !== broadcast.id || known !== contactKey) throw refuse('message_exists', { messageId });
    return [];
  }
  const occurredAt = requireNotInFuture('sentAt', command.sentAt ?? given.now, given.now);
  const { channel, campaign } = broadcast;
  const { name, language, category } = broadcast.template;
  return [
    {
      type: 'MessageSent',
      id: given.stableId('sent'),
      occurredAt,
      data: { messageKey, channel, messageId, recipient, campaign, template: { name, language, category } },
      personal: { contactId, parameters, receipts: state.receipts },
    },
  ];
}

function recordReceipts(
  command: RecordReceipts,
  state: Message,
  given: DecisionContext,
): readonly NewEvent<MessageEvent>[] {
  const { messageKey, channel, messageId } = command;
  const told = command.receipts.map(({ status, at, error }) => ({
    status,
    at: at ?? given.now,
    timed: at !== null,
    error,
  }));
  const fresh = told.filter(
    (it, nth) =>
      !state.receipts.some((known) => isSame(known, it)) && !told.slice(0, nth).some((before) => isSame(before, it)),
  );
  return fresh.map((it) => {
    const { status, at, timed, error } = it;
    const about = { messageKey, channel, messageId, recipient: state.recipient };
    return {
      type: 'ReceiptRecorded',
      id: given.stableId(receiptKey(it)),
      occurredAt: at,
      data: { ...about, status, timed, errorCode: error?.code ?? null },
      personal: { errorDetail: error?.detail ?? null },
    };
  });
}
