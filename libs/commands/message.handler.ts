import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { broadcast, type KnownBroadcast } from '#domain/broadcast/broadcast.decide';
import { contact } from '#domain/contact/contact.decide';
import type { Channel } from '#domain/lead/lead.state';
import { message, receiptIn, receiptKey, type GivenReceipt, type RecordReceipts } from '#domain/message/message.decide';
import { refuse } from '#domain/refusal';
import { EventStore } from '#event-store/event-store';
import type { Answer } from './answer.js';
import { carryOut, type BatchItem, type Done } from './batch.js';
import { CommandMeter, uncounted } from './command-meter.js';
import type { Envelope } from './envelope.js';
import { Handling } from './handle.js';
import { IdKey } from './id-key.js';
import { broadcastStream, contactKeyOf, contactStream, messageKeyOf, messageStream } from './ids.js';
import { KeptAnswers } from './kept-answers.js';
import { KeyedQueue } from './keyed-queue.js';

/** A message that was sent. `attempt` null: the next of its recipient. */
export interface Send {
  readonly contactId: string;
  readonly messageId: string;
  readonly sentAt: string | null;
  readonly attempt: number | null;
  readonly parameters: unknown;
}

export interface ReceiptOf extends GivenReceipt {
  readonly channel: Channel;
  readonly messageId: string;
}

export type MessageAsk =
  | { readonly type: 'RecordSends'; readonly broadcastId: string; readonly items: readonly BatchItem<Send>[] }
  | { readonly type: 'RecordReceipts'; readonly items: readonly BatchItem<ReceiptOf>[] };

/** The one door to sends and receipts, which come in batches. */
export class AskMessages extends Command<{ answer: Answer; replayed: boolean }> {
  constructor(
    readonly ask: MessageAsk,
    readonly envelope: Envelope,
  ) {
    super();
  }
}

@CommandHandler(AskMessages)
export class MessageHandler implements ICommandHandler<AskMessages> {
  /** The sends to one recipient go one after another, so that each attempt is counted once. */
  private readonly recipients = new KeyedQueue();

  constructor(
    private readonly handling: Handling,
    private readonly kept: KeptAnswers,
    private readonly idKey: IdKey,
    private readonly log: EventStore,
    private readonly meter: CommandMeter = uncounted,
  ) {}

  execute({ ask, envelope }: AskMessages): Promise<{ answer: Answer; replayed: boolean }> {
    return this.meter.over(ask.type, () => this.kept.once(envelope, () => this.carryOut(ask, envelope)));
  }

  private async carryOut(ask: MessageAsk, envelope: Envelope): Promise<Answer> {
    const { start } = this.log;
    if (ask.type === 'RecordReceipts') {
      const receive = this.receiving(ask.items, envelope);
      return carryOut(ask.items, envelope, start, receive);
    }
    const sent = await this.handling.read(broadcast, broadcastStream(envelope.org, ask.broadcastId));
    if (!sent.known) throw refuse('not_found', { what: 'broadcast' });
    const { secret } = this.idKey;
    return carryOut(
      ask.items,
      envelope,
      start,
      (item, own) => this.send(item, contactKeyOf(secret, own.org, item.contactId), sent, own),
      ({ contactId }, send) => this.recipients.run(`${envelope.org} ${contactId}`, send),
    );
  }

  /**
   * Two appends: the send to the message's stream, then the address to the contact's, where replies are attributed. What a crash
   * leaves undone between them is done when the send is repeated, or by automation.
   */
  private async send(item: Send, contactKey: string, sent: KnownBroadcast, envelope: Envelope): Promise<Done> {
    const { org } = envelope;
    const { contactId, messageId, sentAt, parameters } = item;
    const messageKey = messageKeyOf(this.idKey.secret, org, sent.channel, messageId);
    const known = await this.handling.read(contact, contactStream(org, contactKey));
    const before = known.known ? known.addressed.filter((it) => it.broadcastId === sent.id) : [];
    const attempt = item.attempt ?? before.length + 1;
    const { position, events } = await this.handling.handle(
      message,
      messageStream(org, messageKey),
      {
        type: 'RecordSend',
        messageKey,
        messageId,
        contactKey,
        contactId,
        broadcast: sent,
        attempt,
        parameters,
        sentAt,
      },
      envelope,
      () => undefined,
    );
    const { id: broadcastId, campaign, channel } = sent;
    const addressed = await this.handling.handle(
      contact,
      contactStream(org, contactKey),
      {
        type: 'AddressBroadcast',
        contactKey,
        contactId,
        profile: {},
        broadcastId,
        campaign,
        channel,
        messageId,
        sentAt,
      },
      envelope,
      () => undefined,
    );
    const outcome = events.length > 0 ? 'recorded' : 'duplicate';
    return { outcome, position: addressed.position > position ? addressed.position : position };
  }

  /** All receipts of one message are one append, whoever of them is asked for first; each tells whether it was new. */
  private receiving(
    items: readonly BatchItem<ReceiptOf>[],
    { org }: Envelope,
  ): (item: ReceiptOf, envelope: Envelope) => Promise<Done> {
    const keys = new Map<ReceiptOf, string>();
    const byMessage = new Map<string, ReceiptOf[]>();
    for (const given of items) {
      if ('invalid' in given) continue;
      const { channel, messageId } = given.item;
      const key = messageKeyOf(this.idKey.secret, org, channel, messageId);
      keys.set(given.item, key);
      const known = byMessage.get(key);
      if (known) known.push(given.item);
      else byMessage.set(key, [given.item]);
    }
    const appends = new Map<string, Promise<{ fresh: Set<string>; position: string }>>();
    return async (item, envelope) => {
      const messageKey = keys.get(item)!;
      const append = appends.get(messageKey) ?? this.receive(messageKey, byMessage.get(messageKey) ?? [item], envelope);
      appends.set(messageKey, append);
      const { fresh, position } = await append;
      return { outcome: fresh.delete(keyIn(item)) ? 'recorded' : 'duplicate', position };
    };
  }

  private async receive(
    messageKey: string,
    receipts: readonly ReceiptOf[],
    envelope: Envelope,
  ): Promise<{ fresh: Set<string>; position: string }> {
    const { channel = 'whatsapp', messageId = '' } = receipts[0] ?? {};
    const command: RecordReceipts = { type: 'RecordReceipts', messageKey, channel, messageId, receipts };
    const stream = messageStream(envelope.org, messageKey);
    const { events, position } = await this.handling.handle(message, stream, command, envelope, () => undefined);
    const recorded = events.flatMap((it) => (it.type === 'ReceiptRecorded' ? receiptIn(it) : []));
    return { fresh: new Set(recorded.map(receiptKey)), position };
  }
}

/** What the receipt is known by: see `receiptKey`. */
const keyIn = ({ status, at, error }: GivenReceipt): string =>
  receiptKey({ status, at: at ?? '', timed: at !== null, error });
