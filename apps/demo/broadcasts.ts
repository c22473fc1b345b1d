import type { BroadcastCommandInput } from '#commands/broadcast.handler';
import type { ReceiptInput } from '#commands/message.handler';
import type { ReceiptStatus } from '#domain/message/message.events';
import type { Random } from './random.js';

/*
 * Two WhatsApp broadcasts of the shop, one after the other, and the provider's receipts: late, repeated and out of order, as
 * providers send them.
 */

/** A broadcast message to one contact. After a failure it is sent again under another message id. */
export interface SendBroadcast {
  readonly type: 'SendBroadcast';
  readonly broadcastId: string;
  readonly contactId: string;
  readonly messageId: string;
  readonly parameters: readonly string[];
}

export interface ReceiveReceipts {
  readonly type: 'ReceiveReceipts';
  readonly receipts: readonly ReceiptInput[];
}

/** The first is used in the first half of the sample, the second in the other half. */
export const createDemoBroadcasts = (seed: number): readonly [DemoBroadcast, DemoBroadcast] => [
  createBroadcast(seed, 'spring', 'Spring check', 'Hello {{1}}, is your bike ready for spring? We check it for free.'),
  createBroadcast(
    seed,
    'tours',
    'Summer tours',
    'Hello {{1}}, our tours begin in June. Shall we keep a place for you?',
  ),
];

export type DemoBroadcast = BroadcastCommandInput & { readonly broadcastId: string };

const createBroadcast = (seed: number, nickname: string, name: string, body: string): DemoBroadcast => ({
  type: 'CreateBroadcast',
  broadcastId: `demo-${seed}-${nickname}`,
  name,
  channel: 'whatsapp',
  campaign: { id: `demo-${seed}-${nickname}`, name },
  template: { name: `${nickname}_offer`, language: 'en', category: 'marketing', body },
});

/** A status, the seconds since the send and, for a failure, the provider's error code. */
type StatusReport = readonly [status: ReceiptStatus, seconds: number, code?: keyof typeof errorDetails];
/** The provider's reports on one send, grouped by webhook call. */
type Attempt = readonly (readonly StatusReport[])[];

const errorDetails = {
  131026: 'Message undeliverable.',
  131049: 'Not delivered, to keep the conversation healthy.',
} as const;

/** Deliveries whose message is eventually read, so that it can be answered. */
const readDeliveries: Readonly<Record<string, readonly Attempt[]>> = {
  smooth: [[[['sent', 2]], [['delivered', 9]], [['read', 1_840]]]],
  backwards: [[[['read', 620]], [['delivered', 8]], [['sent', 1]], [['delivered', 8]]]],
  inOneCall: [
    [
      [
        ['delivered', 7],
        ['sent', 1],
        ['delivered', 7],
        ['read', 95],
      ],
    ],
  ],
  neverDelivered: [[[['sent', 1]], [['read', 300]]]],
  contradicted: [[[['sent', 1]], [['failed', 40, 131026]], [['delivered', 5_400]]]],
  retried: [
    [
      [
        ['sent', 2],
        ['failed', 3, 131049],
      ],
    ],
    [
      [['sent', 1]],
      [
        ['read', 410],
        ['delivered', 6],
      ],
    ],
  ],
};
const unreadDeliveries: Readonly<Record<string, readonly Attempt[]>> = {
  unread: [
    [
      [
        ['delivered', 5],
        ['sent', 1],
      ],
    ],
  ],
  undeliverable: [[[['failed', 20, 131026]], [['sent', 1]]]],
  silent: [[[['sent', 1]]]],
};

/** Draws a random delivery of a message: its attempts, in order. */
export function drawDelivery(random: Random, isAnswered: boolean): readonly Attempt[] {
  const weights = { smooth: 30, backwards: 16, inOneCall: 16, neverDelivered: 12, contradicted: 6, retried: 10 };
  if (isAnswered || random.boolean(0.6)) return readDeliveries[random.pickWeighted(weights)]!;
  return unreadDeliveries[random.pickWeighted({ unread: 50, undeliverable: 25, silent: 25 })]!;
}

/** `sentAt` is in milliseconds since 1970; providers report whole seconds. */
export const toReceiveReceipts = (
  messageId: string,
  sentAt: number,
  reports: readonly StatusReport[],
): ReceiveReceipts => ({
  type: 'ReceiveReceipts',
  receipts: reports.map(([status, seconds, code]) => ({
    channel: 'whatsapp',
    messageId,
    status,
    at: new Date((Math.floor(sentAt / 1_000) + seconds) * 1_000).toISOString(),
    error: code === undefined ? null : { code: String(code), detail: errorDetails[code] },
  })),
});

/** Seconds between the send and the webhook call with these reports. */
export const receivedAfterSeconds = (reports: readonly StatusReport[]): number =>
  Math.max(...reports.map(([, seconds]) => seconds)) + 1;
