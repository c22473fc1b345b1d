import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { broadcastDecider, type KnownBroadcast } from '#domain/broadcast/broadcast.decide';
import { contactDecider } from '#domain/contact/contact.decide';
import type { Channel } from '#domain/vocabulary';
import {
  messageDecider,
  toReceipt,
  receiptKey,
  type NewReceipt,
  type RecordReceipts,
} from '#domain/message/message.decide';
import { refuse } from '#domain/refusal';
import { EventStore } from '#event-store/event-store';
import type { CommandResponse } from './command-response.js';
import { runBatch, type BatchItem, type BatchWorkResult } from './batch.js';
import { CommandMeter, noopCommandMeter } from './command-meter.js';
import type { CommandContext } from './command-context.js';
import { DeciderService } from './decider-service.js';
import { IdKey } from './id-key.js';
import { broadcastStream, deriveContactKey, contactStream, deriveMessageKey, messageStream } from './ids.js';
import { IdempotencyService } from './idempotency-service.js';
import { KeyedQueue } from './keyed-queue.js';

/** A message that was sent. `attempt` null: the next of its recipient. */
export interface SendInput {
  readonly contactId: string;
  readonly messageId: string;
  readonly sentAt: string | null;
  readonly attempt: number | null;
  readonly parameters: unknown;
}

export interface ReceiptInput extends NewReceipt {
  readonly channel: Channel;
  readonly messageId: string;
}

export type MessageCommandInput =
  | { readonly type: 'RecordSends'; readonly broadcastId: string; readonly items: readonly BatchItem<SendInput>[] }
  | { readonly type: 'RecordReceipts'; readonly items: readonly BatchItem<ReceiptInput>[] };

/** The one door to sends and receipts, which come in batches. */
export class MessageCommandMessage extends Command<{ answer: CommandResponse; replayed: boolean }> {
  constructor(
    readonly command: MessageCommandInput,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(MessageCommandMessage)
export class MessageHandler implements ICommandHandler<MessageCommandMessage> {
  /** The sends to one recipient go one after another, so that each attempt is counted once. */
  private readonly recipients = new KeyedQueue();

  constructor(
    private readonly handling: DeciderService,
    private readonly kept: IdempotencyService,
    private readonly idKey: IdKey,
    private readonly log: EventStore,
    private readonly meter: CommandMeter = noopCommandMeter,
  ) {}

  execute({
    command: ask,
    context: envelope,
  }: MessageCommandMessage): Promise<{ answer: CommandResponse; replayed: boolean }> {
    return this.meter.measure(ask.type, () => this.kept.runOnce(envelope, () => this.carryOut(ask, envelope)));
  }

  private async carryOut(ask: MessageCommandInput, envelope: CommandContext): Promise<CommandResponse> {
    const { start } = this.log;
    if (ask.type === 'RecordReceipts') {
      const receive = this.receiving(ask.items, envelope);
      return runBatch(ask.items, envelope, start, receive);
    }
    const sent = await this.handling.read(broadcastDecider, broadcastStream(envelope.org, ask.broadcastId));
    if (!sent.known) throw refuse('not_found', { what: 'broadcast' });
    const { secret } = this.idKey;
    return runBatch(
      ask.items,
      envelope,
      start,
      (item, own) => this.send(item, deriveContactKey(secret, own.org, item.contactId), sent, own),
      ({ contactId }, send) => this.recipients.serialize(`${envelope.org} ${contactId}`, send),
    );
  }

  /**
   * Two appends: the send to the message's stream, then the address to the contact's, where replies are attributed. What a crash
   * leaves undone between them is done when the send is repeated, or by automation.
   */
  private async send(
    item: SendInput,
    contactKey: string,
    sent: KnownBroadcast,
    envelope: CommandContext,
  ): Promise<BatchWorkResult> {
    const { org } = envelope;
    const { contactId, messageId, sentAt, parameters } = item;
    const messageKey = deriveMessageKey(this.idKey.secret, org, sent.channel, messageId);
    const known = await this.handling.read(contactDecider, contactStream(org, contactKey));
    const before = known.known ? known.addressedBroadcasts.filter((it) => it.broadcastId === sent.id) : [];
    const attempt = item.attempt ?? before.length + 1;
    const { position, events } = await this.handling.handle(
      messageDecider,
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
      contactDecider,
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
    items: readonly BatchItem<ReceiptInput>[],
    { org }: CommandContext,
  ): (item: ReceiptInput, envelope: CommandContext) => Promise<BatchWorkResult> {
    const keys = new Map<ReceiptInput, string>();
    const byMessage = new Map<string, ReceiptInput[]>();
    for (const given of items) {
      if ('invalid' in given) continue;
      const { channel, messageId } = given.item;
      const key = deriveMessageKey(this.idKey.secret, org, channel, messageId);
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
    receipts: readonly ReceiptInput[],
    envelope: CommandContext,
  ): Promise<{ fresh: Set<string>; position: string }> {
    const { channel = 'whatsapp', messageId = '' } = receipts[0] ?? {};
    const command: RecordReceipts = { type: 'RecordReceipts', messageKey, channel, messageId, receipts };
    const stream = messageStream(envelope.org, messageKey);
    const { events, position } = await this.handling.handle(messageDecider, stream, command, envelope, () => undefined);
    const recorded = events.flatMap((it) => (it.type === 'ReceiptRecorded' ? toReceipt(it) : []));
    return { fresh: new Set(recorded.map(receiptKey)), position };
  }
}

/** What the receipt is known by: see `receiptKey`. */
const keyIn = ({ status, at, error }: NewReceipt): string =>
  receiptKey({ status, at: at ?? '', timed: at !== null, error });
