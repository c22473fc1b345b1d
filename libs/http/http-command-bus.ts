import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyRequest } from 'fastify';
import { AgentCommandMessage, type AgentCommandInput } from '#commands/agent.handler';
import type { CommandResult } from '#commands/command-response';
import { Clock } from '#commands/clock';
import type { BatchItemResult } from '#commands/batch';
import { BroadcastCommandMessage, type BroadcastCommandInput } from '#commands/broadcast.handler';
import { BulkCommandMessage, type BulkCommandInput } from '#commands/bulk.handler';
import { ContactCommandMessage, type ContactCommandInput } from '#commands/contact.handler';
import type { CommandContext } from '#commands/command-context';
import { MessageCommandMessage, type MessageCommandInput } from '#commands/message.handler';
import type { BulkState } from '#domain/bulk/bulk.job';
import type { BulkSummary } from '#domain/bulk/bulk.results';
import type { HttpContext } from './http-context.js';
import { invalidInput, Problem } from './problem.js';
import { withRequestFieldNames } from './refusal-problem.js';
import { Authenticator, createCommandContext } from './request.js';

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
export class HttpCommandBus {
  constructor(
    private readonly bus: CommandBus,
    private readonly door: Authenticator,
    private readonly clock: Clock,
  ) {}

  executeContact(http: HttpContext, ask: ContactCommandInput, told: Told = {}): Promise<object> {
    return this.send(http, told, (envelope) =>
      withRequestFieldNames(ask.type, this.bus.execute(new ContactCommandMessage(ask, envelope))),
    );
  }

  executeAgent(http: HttpContext, ask: AgentCommandInput, told: Told = {}): Promise<object> {
    return this.send(http, told, (envelope) => this.bus.execute(new AgentCommandMessage(ask, envelope)));
  }

  executeBroadcast(http: HttpContext, ask: BroadcastCommandInput, told: Told): Promise<object> {
    return this.send(http, told, (envelope) => this.bus.execute(new BroadcastCommandMessage(ask, envelope)));
  }

  /** 200 when all items are good, 207 when some are, else a problem that carries the results. */
  async executeBatch(http: HttpContext, ask: MessageCommandInput): Promise<object> {
    const execute = (envelope: CommandContext): Promise<CommandResult> =>
      this.bus.execute(new MessageCommandMessage(ask, envelope));
    const body = (await this.send(http, { versioned: false }, execute)) as { results: readonly BatchItemResult[] };
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
  async executeBulk(http: HttpContext, ask: BulkCommandInput): Promise<object> {
    const execute = (envelope: CommandContext): Promise<CommandResult> =>
      withRequestFieldNames(ask.type, this.bus.execute(new BulkCommandMessage(ask, envelope)));
    const { reply } = http;
    const body = (await this.send(http, { versioned: false }, execute)) as BulkSaid;
    const goesOn = body.state !== undefined && (ask.type === 'StartBulk' || (ask.type === 'RetryBulk' && body.changed));
    if (goesOn) void reply.code(202).header('location', `/v1/bulk/${body.bulkId}`);
    else void reply.code(body.summary && body.summary.rejected > 0 ? 207 : 200);
    return body;
  }

  private async send(
    { request, reply }: HttpContext,
    { location, versioned = !location }: Told,
    execute: (envelope: CommandContext) => Promise<CommandResult>,
  ): Promise<object> {
    const envelope = createCommandContext(request, this.door.identify(request), this.clock.now(), versioned);
    refuseParameters(request);
    const { response: answer, replayed } = await execute(envelope);
    void reply.code(answer.createdId === null ? 200 : 201).header('x-position', answer.position);
    if (answer.version !== null) void reply.header('etag', `"${answer.version}"`);
    if (answer.createdId !== null && location) void reply.header('location', location(answer.createdId));
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
