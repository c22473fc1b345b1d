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

/** How many parts of a webhook came to what. */
export type WebhookCounts = Readonly<Record<'recorded' | 'duplicate' | 'ignored' | 'invalid', number>>;

type Outcome = keyof WebhookCounts;

const mostLogged = 20;

/** From what a provider said to commands. Resolves when all of it is on disk. */
@Injectable()
export class WebhookIntake {
  constructor(
    private readonly bus: CommandBus,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Good parts are recorded, whatever stands beside them; the others are counted and logged, since a provider that sent them
   * again would send the same.
   * @throws Unavailable when a part could not be recorded now: the provider may send all of it again.
   */
  async accept(provider: Provider, heard: readonly WebhookItem[], request: FastifyRequest): Promise<WebhookCounts> {
    const receipts: ReceiptInput[] = [];
    const waiting: Promise<Outcome | readonly Outcome[]>[] = [];
    const others: Record<'ignored' | 'invalid', string[]> = { ignored: [], invalid: [] };
    for (const part of heard) {
      if ('interaction' in part) waiting.push(this.interact(part.interaction, provider, request, others.invalid));
      else if ('receipt' in part) receipts.push(part.receipt);
      else if ('ignored' in part) others.ignored.push(part.ignored);
      else others.invalid.push(part.invalid);
    }
    if (receipts.length > 0) waiting.push(this.receive(receipts, provider, request, others.invalid));

    // What can be recorded is, also when something else can't.
    const settled = await Promise.allSettled(waiting);
    const outcomes = settled.flatMap((it) => {
      if (it.status === 'rejected') throw it.reason;
      return it.value;
    });
    const many = (outcome: Outcome): number => outcomes.filter((it) => it === outcome).length;
    const counts: WebhookCounts = {
      recorded: many('recorded'),
      duplicate: many('duplicate'),
      ignored: others.ignored.length,
      invalid: others.invalid.length,
    };
    this.metrics.countWebhookItems(provider, counts);
    this.log(provider, counts, others, request);
    return counts;
  }

  private async interact(
    ask: RecordInteractionInput,
    provider: Provider,
    request: FastifyRequest,
    invalid: string[],
  ): Promise<Outcome | readonly Outcome[]> {
    try {
      const { response } = await this.bus.execute(new ContactCommandMessage(ask, this.envelope(provider, request)));
      return response.createdId === null ? 'duplicate' : 'recorded';
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (error.code === 'conflict') throw new Unavailable(error.message);
      invalid.push(`a message: ${error.message}`);
      return [];
    }
  }

  private async receive(
    receipts: readonly ReceiptInput[],
    provider: Provider,
    request: FastifyRequest,
    invalid: string[],
  ): Promise<readonly Outcome[]> {
    const ask = { type: 'RecordReceipts', items: receipts.map((item) => ({ item })) } as const;
    const { response } = await this.bus.execute(new MessageCommandMessage(ask, this.envelope(provider, request)));
    const { results } = response.body as { results: readonly BatchItemResult[] };
    return results.flatMap((result) => {
      if (result.outcome !== 'invalid') return result.outcome;
      if (result.code === 'conflict') throw new Unavailable(result.detail);
      invalid.push(`a receipt: ${result.detail}`);
      return [];
    });
  }

  /** A provider knows of no organizations, and acts for none of our agents. */
  private envelope(provider: Provider, request: FastifyRequest): CommandContext {
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
    others: Readonly<Record<'ignored' | 'invalid', readonly string[]>>,
    request: FastifyRequest,
  ): void {
    const what = { provider, correlationId: request.id };
    if (ignored > 0) request.log.info({ ...what, ignored, kinds: [...new Set(others.ignored)] }, 'webhook: ignored');
    if (invalid > 0)
      request.log.warn({ ...what, invalid, reasons: others.invalid.slice(0, mostLogged) }, 'webhook: invalid');
  }
}
