import type { BroadcastCommandInput } from '#commands/broadcast.handler';
import type { ReceiptInput } from '#commands/message.handler';
import type { ReceiptStatus } from '#domain/message/message.events';
import type { Random } from './random.js';

/*
 * Two campaigns of the shop by WhatsApp, one after the other, and what the provider says of each message: late, twice and out of
 * order, as providers do.
 */

/** A campaign's message to a contact; sent again after a failure, it is another attempt. */
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

/** The first runs through the first half of the sample, the second through the rest. */
export const createDemoBroadcasts = (seed: number): readonly [DemoBroadcast, DemoBroadcast] => [
  campaign(seed, 'spring', 'Spring check', 'Hello {{1}}, is your bike ready for spring? We check it for free.'),
  campaign(seed, 'tours', 'Summer tours', 'Hello {{1}}, our tours begin in June. Shall we keep a place for you?'),
];

export type DemoBroadcast = BroadcastCommandInput & { readonly broadcastId: string };

const campaign = (seed: number, nick: string, name: string, body: string): DemoBroadcast => ({
  type: 'CreateBroadcast',
  broadcastId: `demo-${seed}-${nick}`,
  name,
  channel: 'whatsapp',
  campaign: { id: `demo-${seed}-${nick}`, name },
  template: { name: `${nick}_offer`, language: 'en', category: 'marketing', body },
});

/** A status at so many seconds after the send, with the provider's code if it failed. */
type Told = readonly [status: ReceiptStatus, seconds: number, code?: keyof typeof details];
/** What is told of one attempt, call by call. */
type Attempt = readonly (readonly Told[])[];

const details = {
  131026: 'Message undeliverable.',
  131049: 'Not delivered, to keep the conversation healthy.',
} as const;

const arriving: Readonly<Record<string, readonly Attempt[]>> = {
  smooth: [[[['sent', 2]], [['delivered', 9]], [['read', 1_840]]]],
  backwards: [[[['read', 620]], [['delivered', 8]], [['sent', 1]], [['delivered', 8]]]],
  inOneGo: [
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
const other: Readonly<Record<string, readonly Attempt[]>> = {
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

/** What becomes of a message: attempt by attempt, what is told of it. `arrives`: it is read, so that it can be answered. */
export function drawDelivery(chance: Random, arrives: boolean): readonly Attempt[] {
  const weights = { smooth: 30, backwards: 16, inOneGo: 16, neverDelivered: 12, contradicted: 6, retried: 10 };
  if (arrives || chance.boolean(0.6)) return arriving[chance.pickWeighted(weights)]!;
  return other[chance.pickWeighted({ unread: 50, undeliverable: 25, silent: 25 })]!;
}

/** Providers tell whole seconds. `sentAt` in milliseconds since 1970. */
export const toReceiveReceipts = (messageId: string, sentAt: number, told: readonly Told[]): ReceiveReceipts => ({
  type: 'ReceiveReceipts',
  receipts: told.map(([status, seconds, code]) => ({
    channel: 'whatsapp',
    messageId,
    status,
    at: new Date((Math.floor(sentAt / 1_000) + seconds) * 1_000).toISOString(),
    error: code === undefined ? null : { code: String(code), detail: details[code] },
  })),
});

/** When the call comes in which this is told, in seconds after the send. */
export const receivedAfterSeconds = (told: readonly Told[]): number =>
  Math.max(...told.map(([, seconds]) => seconds)) + 1;
