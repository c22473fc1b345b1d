import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { broadcastDecider, type KnownBroadcast } from '#domain/broadcast/broadcast.decide';
import { contactDecider } from '#domain/contact/contact.decide';
import type { Position } from '#domain/event-envelope';
import type { Channel } from '#domain/vocabulary';
import {
  messageDecider,
  toReceipt,
  receiptKey,
  type NewReceipt,
  type RecordReceipts,
} from '#domain/message/message.decide';
import { isRefusal, refuse } from '#domain/refusal';
import { EventStore } from '#event-store/event-store';
import type { CommandResult, ReplayableResponse } from './command-response.js';
import { replayBatch, runBatch, type BatchFacts, type BatchItem, type BatchWorkResult } from './batch.js';
import { CommandMeter, noopCommandMeter } from './command-meter.js';
import type { CommandContext } from './command-context.js';
import { DeciderService } from './decider-service.js';
import { IdKey } from './id-key.js';
import { broadcastStream, deriveContactKey, contactStream, deriveMessageKey, messageStream } from './ids.js';
import { IdempotencyService } from './idempotency-service.js';
import { KeyedQueue } from './keyed-queue.js';

export interface SendInput {
  readonly contactId: string;
  readonly messageId: string;
  /** Null: the command's time. */
  readonly sentAt: string | null;
  /** From 1. Null: the recipient's next attempt. */
  readonly attempt: number | null;
  readonly parameters: unknown;
}

export interface ReceiptInput extends NewReceipt {
  readonly channel: Channel;
  readonly messageId: string;
}

export interface RecordSendsInput {
  readonly type: 'RecordSends';
  readonly broadcastId: string;
  readonly items: readonly BatchItem<SendInput>[];
}

export interface RecordReceiptsInput {
  readonly type: 'RecordReceipts';
  readonly items: readonly BatchItem<ReceiptInput>[];
}

export type MessageCommandInput = RecordSendsInput | RecordReceiptsInput;

/** A batch of sends or receipts. */
export class MessageCommandMessage extends Command<CommandResult> {
  constructor(
    readonly command: MessageCommandInput,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** The receipts of one message in a batch: they are recorded by one append. */
interface MessageReceipts {
  readonly messageKey: string;
  readonly receipts: ReceiptInput[];
  recording: Promise<RecordedReceipts> | undefined;
}

interface RecordedReceipts {
  /** Keys of the new receipts. An item takes its key out, so that a repetition in the same batch is a duplicate. */
  readonly newKeys: Set<string>;
  readonly position: Position;
}

@CommandHandler(MessageCommandMessage)
export class MessageHandler implements ICommandHandler<MessageCommandMessage> {
  /** Sends to one recipient run one after another, so that each attempt gets its own number. */
  private readonly recipientQueue = new KeyedQueue();

  constructor(
    private readonly deciders: DeciderService,
    private readonly idempotency: IdempotencyService,
    private readonly idKey: IdKey,
    private readonly log: EventStore,
    private readonly meter: CommandMeter = noopCommandMeter,
  ) {}

  execute({ command, context }: MessageCommandMessage): Promise<CommandResult> {
    return this.meter.measure(command.type, () =>
      this.idempotency.runOnce<BatchFacts>(context, {
        run: () =>
          command.type === 'RecordSends' ? this.recordSends(command, context) : this.recordReceipts(command, context),
        replay: async (facts) => replayBatch(command.items, facts),
      }),
    );
  }

  private async recordSends(
    { broadcastId, items }: RecordSendsInput,
    context: CommandContext,
  ): Promise<ReplayableResponse<BatchFacts>> {
    const { org } = context;
    const broadcast = await this.deciders.read(broadcastDecider, broadcastStream(org, broadcastId));
    if (!broadcast.known) throw refuse('not_found', { what: 'broadcast' });
    return runBatch(
      items,
      context,
      this.log.start,
      (item, itemContext) => this.recordSend(item, broadcast, itemContext),
      ({ contactId }, send) => this.recipientQueue.serialize(`${org} ${contactId}`, send),
    );
  }

  /**
   * Two appends: the send to the message's stream, then the broadcast to the contact's stream, where replies are attributed.
   * If a crash comes between them, a repeated send or an automation makes the second one.
   */
  private async recordSend(
    item: SendInput,
    broadcast: KnownBroadcast,
    context: CommandContext,
  ): Promise<BatchWorkResult> {
    const { org } = context;
    const { contactId, messageId, sentAt, parameters } = item;
    const { id: broadcastId, campaign, channel } = broadcast;
    const contactKey = deriveContactKey(this.idKey.secret, org, contactId);
    const messageKey = deriveMessageKey(this.idKey.secret, org, channel, messageId);
    const attempt = item.attempt ?? (await this.countSends(contactStream(org, contactKey), broadcastId)) + 1;
    const sent = await this.deciders.handle(
      messageDecider,
      messageStream(org, messageKey),
      { type: 'RecordSend', messageKey, messageId, contactKey, contactId, broadcast, attempt, parameters, sentAt },
      context,
      noVersion,
    );
    const addressed = await this.deciders.handle(
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
      context,
      noVersion,
    );
    const position = addressed.position > sent.position ? addressed.position : sent.position;
    return { outcome: sent.events.length > 0 ? 'recorded' : 'duplicate', position };
  }

  /** How many messages of a broadcast the contact has been sent. */
  private async countSends(stream: string, broadcastId: string): Promise<number> {
    const contact = await this.deciders.read(contactDecider, stream);
    if (!contact.known) return 0;
    return contact.addressedBroadcasts.filter((addressed) => addressed.broadcastId === broadcastId).length;
  }

  private async recordReceipts(
    { items }: RecordReceiptsInput,
    context: CommandContext,
  ): Promise<ReplayableResponse<BatchFacts>> {
    const { org } = context;
    const messages = this.groupByMessage(items, org);
    return runBatch(items, context, this.log.start, async (item, itemContext) => {
      const { newKeys, position } = await this.recordOnce(messages.get(item)!, itemContext);
      return { outcome: newKeys.delete(keyOf(item)) ? 'recorded' : 'duplicate', position };
    });
  }

  private groupByMessage(items: readonly BatchItem<ReceiptInput>[], org: string): Map<ReceiptInput, MessageReceipts> {
    const byKey = new Map<string, MessageReceipts>();
    const byItem = new Map<ReceiptInput, MessageReceipts>();
    for (const entry of items) {
      if ('invalid' in entry) continue;
      const { item } = entry;
      const messageKey = deriveMessageKey(this.idKey.secret, org, item.channel, item.messageId);
      const message = byKey.get(messageKey) ?? { messageKey, receipts: [], recording: undefined };
      message.receipts.push(item);
      byKey.set(messageKey, message);
      byItem.set(item, message);
    }
    return byItem;
  }

  /** The first item of a message records all of its receipts; the others share the result. */
  private recordOnce(message: MessageReceipts, context: CommandContext): Promise<RecordedReceipts> {
    message.recording ??= this.appendReceipts(message, context).catch((error: unknown) => {
      // A refusal is final. After any other failure the batch retries the item, which must not get this promise again.
      if (!isRefusal(error) || error.code === 'conflict') message.recording = undefined;
      throw error;
    });
    return message.recording;
  }

  private async appendReceipts(
    { messageKey, receipts }: MessageReceipts,
    context: CommandContext,
  ): Promise<RecordedReceipts> {
    const { channel, messageId } = receipts[0]!;
    const command: RecordReceipts = { type: 'RecordReceipts', messageKey, channel, messageId, receipts };
    const stream = messageStream(context.org, messageKey);
    const { events, position } = await this.deciders.handle(messageDecider, stream, command, context, noVersion);
    const recorded = events.flatMap((event) => (event.type === 'ReceiptRecorded' ? toReceipt(event) : []));
    return { newKeys: new Set(recorded.map(receiptKey)), position };
  }
}

/** If-Match does not apply to messages. */
const noVersion = (): undefined => undefined;

const keyOf = ({ status, at, error }: NewReceipt): string =>
  receiptKey({ status, at: at ?? '', timed: at !== null, error });
