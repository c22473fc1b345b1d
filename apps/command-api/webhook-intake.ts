import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import type { BatchItemResult } from '#commands/batch';
import { Clock } from '#commands/clock';
import { ContactCommandMessage } from '#commands/contact.handler';
import type { CommandContext } from '#commands/command-context';
import { MessageCommandMessage, type ReceiptInput } from '#commands/message.handler';
import { isRefusal } from '#domain/refusal';
import { Unavailable } from '#event-store/event-store';
import { Metrics } from '#http/metrics';
import type { WebhookItem, RecordInteractionInput } from './webhook-item.js';

export type Provider = 'whatsapp' | 'twilio' | 'sendgrid';

/** Number of items by outcome. */
export type WebhookCounts = Readonly<Record<'recorded' | 'duplicate' | 'ignored' | 'invalid', number>>;

type Outcome = keyof WebhookCounts;

/** Items that are not recorded: the provider's names for ignored items, and the reasons why items are invalid. */
interface UnrecordedItems {
  readonly ignored: string[];
  readonly invalid: string[];
}

const maxLoggedReasons = 20;

/** Records the items of a webhook by sending commands. */
@Injectable()
export class WebhookIntake {
  constructor(
    private readonly bus: CommandBus,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Resolves when all valid items are on disk. Invalid items are counted and logged instead of rejected, because the provider would
   * only send them again.
   * @throws Unavailable if an item could not be recorded now; the provider may then send the whole webhook again
   */
  async accept(provider: Provider, items: readonly WebhookItem[], request: FastifyRequest): Promise<WebhookCounts> {
    const receipts: ReceiptInput[] = [];
    const pending: Promise<readonly Outcome[]>[] = [];
    const unrecorded: UnrecordedItems = { ignored: [], invalid: [] };
    for (const item of items) {
      if ('interaction' in item)
        pending.push(this.recordInteraction(item.interaction, provider, request, unrecorded.invalid));
      else if ('receipt' in item) receipts.push(item.receipt);
      else if ('ignored' in item) unrecorded.ignored.push(item.ignored);
      else unrecorded.invalid.push(item.invalid);
    }
    if (receipts.length > 0) pending.push(this.recordReceipts(receipts, provider, request, unrecorded.invalid));

    // Wait for all items, so that none is still being recorded when the response is sent.
    const outcomes = (await Promise.allSettled(pending)).flatMap((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
    const counts: WebhookCounts = {
      recorded: outcomes.filter((outcome) => outcome === 'recorded').length,
      duplicate: outcomes.filter((outcome) => outcome === 'duplicate').length,
      ignored: unrecorded.ignored.length,
      invalid: unrecorded.invalid.length,
    };
    this.metrics.countWebhookItems(provider, counts);
    this.log(provider, counts, unrecorded, request);
    return counts;
  }

  private async recordInteraction(
    command: RecordInteractionInput,
    provider: Provider,
    request: FastifyRequest,
    invalid: string[],
  ): Promise<readonly Outcome[]> {
    try {
      const context = this.createContext(provider, request);
      const { response } = await this.bus.execute(new ContactCommandMessage(command, context));
      return [response.createdId === null ? 'duplicate' : 'recorded'];
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (error.code === 'conflict') throw new Unavailable(error.message);
      invalid.push(`a message was rejected: ${error.message}`);
      return [];
    }
  }

  private async recordReceipts(
    receipts: readonly ReceiptInput[],
    provider: Provider,
    request: FastifyRequest,
    invalid: string[],
  ): Promise<readonly Outcome[]> {
    const command = { type: 'RecordReceipts', items: receipts.map((item) => ({ item })) } as const;
    const { response } = await this.bus.execute(
      new MessageCommandMessage(command, this.createContext(provider, request)),
    );
    const { results } = response.body as { results: readonly BatchItemResult[] };
    return results.flatMap((result) => {
      if (result.outcome !== 'invalid') return [result.outcome];
      if (result.code === 'conflict') throw new Unavailable(result.detail);
      invalid.push(`a receipt was rejected: ${result.detail}`);
      return [];
    });
  }

  /** Provider webhooks name no organization and act for no agent. */
  private createContext(provider: Provider, request: FastifyRequest): CommandContext {
    const commandId = randomUUID();
    return {
      org: 'default',
      actor: { type: 'service', id: provider },
      commandId,
      requestHash: null,
      now: this.clock.now(),
      backdated: false,
      correlation: request.id,
      causation: commandId,
      expectedVersion: null,
    };
  }

  private log(
    provider: Provider,
    { ignored, invalid }: WebhookCounts,
    unrecorded: UnrecordedItems,
    request: FastifyRequest,
  ): void {
    const fields = { provider, correlationId: request.id };
    const kinds = [...new Set(unrecorded.ignored)];
    const reasons = unrecorded.invalid.slice(0, maxLoggedReasons);
    if (ignored > 0) request.log.info({ ...fields, ignored, kinds }, 'ignored webhook items');
    if (invalid > 0) request.log.warn({ ...fields, invalid, reasons }, 'invalid webhook items');
  }
}
