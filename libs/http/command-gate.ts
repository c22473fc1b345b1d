import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyRequest } from 'fastify';
import { AskAgent, type AgentAsk } from '#commands/agent.handler';
import type { Answer } from '#commands/answer';
import { Clock } from '#commands/clock';
import type { ItemResult } from '#commands/batch';
import { AskBroadcast, type BroadcastAsk } from '#commands/broadcast.handler';
import { AskBulk, type BulkAsk } from '#commands/bulk.handler';
import { AskContact, type ContactAsk } from '#commands/contact.handler';
import type { Envelope } from '#commands/envelope';
import { AskMessages, type MessageAsk } from '#commands/message.handler';
import type { BulkState } from '#domain/bulk/bulk.job';
import type { BulkSummary } from '#domain/bulk/bulk.results';
import type { Exchange } from './exchange.js';
import { invalidInput, Problem } from './problem.js';
import { Authenticator, envelopeOf } from './request.js';

/** What a controller adds to a command's answer. */
interface Told {
  /** Where what was made can be found; given when the command makes something. */
  readonly location?: (id: string) => string;
  /** If-Match has a version to speak of (default: yes, unless something is made). */
  readonly versioned?: boolean;
}

/** What a bulk is answered with: what became of its items, or of which state the job is. */
interface BulkSaid {
  readonly bulkId: string;
  readonly summary?: BulkSummary;
  readonly state?: BulkState;
  readonly changed?: boolean;
}

/** From a request to a command, and from its answer to a reply: status, ETag, X-Position, Location. */
@Injectable()
export class CommandGate {
  constructor(
    private readonly bus: CommandBus,
    private readonly door: Authenticator,
    private readonly clock: Clock,
  ) {}

  contact(http: Exchange, ask: ContactAsk, told: Told = {}): Promise<object> {
    return this.send(http, told, (envelope) => this.bus.execute(new AskContact(ask, envelope)));
  }

  agent(http: Exchange, ask: AgentAsk, told: Told = {}): Promise<object> {
    return this.send(http, told, (envelope) => this.bus.execute(new AskAgent(ask, envelope)));
  }

  broadcast(http: Exchange, ask: BroadcastAsk, told: Told): Promise<object> {
    return this.send(http, told, (envelope) => this.bus.execute(new AskBroadcast(ask, envelope)));
  }

  /** 200 when all items are good, 207 when some are, else a problem that carries the results. */
  async batch(http: Exchange, ask: MessageAsk): Promise<object> {
    const execute = (envelope: Envelope): Promise<{ answer: Answer; replayed: boolean }> =>
      this.bus.execute(new AskMessages(ask, envelope));
    const body = (await this.send(http, { versioned: false }, execute)) as { results: readonly ItemResult[] };
    const bad = body.results.filter((it) => it.outcome === 'invalid');
    if (bad.length === body.results.length) {
      void http.reply.removeHeader('x-position');
      const errors = bad.map(({ index, code, detail }) => ({ field: `[${index}]`, code, message: detail }));
      throw new Problem('validation_failed', 'None of the items is valid.', { errors, results: body.results });
    }
    if (bad.length > 0) void http.reply.code(207);
    return body;
  }

  /** 200 when no item was refused, 207 when some were; 202 when a job goes on later. */
  async bulk(http: Exchange, ask: BulkAsk): Promise<object> {
    const execute = (envelope: Envelope): Promise<{ answer: Answer; replayed: boolean }> =>
      this.bus.execute(new AskBulk(ask, envelope));
    const { reply } = http;
    const body = (await this.send(http, { versioned: false }, execute)) as BulkSaid;
    const goesOn = body.state !== undefined && (ask.type === 'StartBulk' || (ask.type === 'RetryBulk' && body.changed));
    if (goesOn) void reply.code(202).header('location', `/v1/bulk/${body.bulkId}`);
    else void reply.code(body.summary && body.summary.rejected > 0 ? 207 : 200);
    return body;
  }

  private async send(
    { request, reply }: Exchange,
    { location, versioned = !location }: Told,
    execute: (envelope: Envelope) => Promise<{ answer: Answer; replayed: boolean }>,
  ): Promise<object> {
    const envelope = envelopeOf(request, this.door.identify(request), this.clock.now(), versioned);
    refuseParameters(request);
    const { answer, replayed } = await execute(envelope);
    void reply.code(answer.made === null ? 200 : 201).header('x-position', answer.position);
    if (answer.version !== null) void reply.header('etag', `"${answer.version}"`);
    if (answer.made !== null && location) void reply.header('location', location(answer.made));
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return answer.body;
  }
}

/** A command takes all it is told from its body: a parameter would be lost in silence. */
function refuseParameters({ query }: FastifyRequest): void {
  const given = Object.keys(query as object);
  if (given.length === 0) return;
  throw invalidInput(...given.map((field) => ({ field, code: 'unknown_parameter', message: 'is not known here' })));
}
