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

interface ReplyOptions {
  /** Path of the created resource. Present if the command creates one. */
  readonly location?: (id: string) => string;
  /** Whether If-Match is supported. Default: true unless the command creates a resource. */
  readonly isVersioned?: boolean;
}

interface BulkResponse {
  readonly bulkId: string;
  /** Present if every item has been decided. */
  readonly summary?: BulkSummary;
  /** Present if it is a job. */
  readonly state?: BulkState;
  readonly changed?: boolean;
}

type Execute = (context: CommandContext) => Promise<CommandResult>;

/** Turns requests into commands, and their responses into replies with status, ETag, X-Position and Location. */
@Injectable()
export class HttpCommandBus {
  constructor(
    private readonly bus: CommandBus,
    private readonly authenticator: Authenticator,
    private readonly clock: Clock,
  ) {}

  executeContact(http: HttpContext, command: ContactCommandInput, options: ReplyOptions = {}): Promise<object> {
    return this.send(http, options, (context) =>
      withRequestFieldNames(command.type, this.bus.execute(new ContactCommandMessage(command, context))),
    );
  }

  executeAgent(http: HttpContext, command: AgentCommandInput, options: ReplyOptions = {}): Promise<object> {
    return this.send(http, options, (context) => this.bus.execute(new AgentCommandMessage(command, context)));
  }

  executeBroadcast(http: HttpContext, command: BroadcastCommandInput, options: ReplyOptions): Promise<object> {
    return this.send(http, options, (context) => this.bus.execute(new BroadcastCommandMessage(command, context)));
  }

  /** 200 if all items are valid, 207 if some are, otherwise a problem that includes the results. */
  async executeBatch(http: HttpContext, command: MessageCommandInput): Promise<object> {
    const execute: Execute = (context) => this.bus.execute(new MessageCommandMessage(command, context));
    const body = (await this.send(http, { isVersioned: false }, execute)) as { results: readonly BatchItemResult[] };
    const invalid = body.results.filter((result) => result.outcome === 'invalid');
    if (invalid.length === body.results.length) {
      void http.reply.removeHeader('x-position');
      const errors = invalid.map(({ index, code, detail }) => ({ field: `[${index}]`, code, message: detail }));
      throw new Problem('validation_failed', 'Every item of the batch is invalid.', { errors, results: body.results });
    }
    if (invalid.length > 0) void http.reply.code(207);
    return body;
  }

  /** 200 if no item was rejected, 207 if some were, 202 if a job continues in the background. */
  async executeBulk(http: HttpContext, command: BulkCommandInput): Promise<object> {
    const execute: Execute = (context) =>
      withRequestFieldNames(command.type, this.bus.execute(new BulkCommandMessage(command, context)));
    const { reply } = http;
    const body = (await this.send(http, { isVersioned: false }, execute)) as BulkResponse;
    const startsJob = command.type === 'StartBulk' || (command.type === 'RetryBulk' && body.changed);
    if (body.state !== undefined && startsJob) void reply.code(202).header('location', `/v1/bulk/${body.bulkId}`);
    else void reply.code(body.summary && body.summary.rejected > 0 ? 207 : 200);
    return body;
  }

  private async send(
    { request, reply }: HttpContext,
    { location, isVersioned = !location }: ReplyOptions,
    execute: Execute,
  ): Promise<object> {
    const identity = this.authenticator.identify(request);
    const context = createCommandContext(request, identity, this.clock.now(), isVersioned);
    rejectParameters(request);
    const { response, replayed } = await execute(context);
    void reply.code(response.createdId === null ? 200 : 201).header('x-position', response.position);
    if (response.version !== null) void reply.header('etag', `"${response.version}"`);
    if (response.createdId !== null && location) void reply.header('location', location(response.createdId));
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return response.body;
  }
}

/** Commands take all their input from the body. Rejecting parameters keeps them from being ignored silently. */
function rejectParameters({ query }: FastifyRequest): void {
  const names = Object.keys(query as object);
  if (names.length === 0) return;
  const message = 'is not a recognized parameter; this request takes no query parameters';
  throw invalidInput(...names.map((field) => ({ field, code: 'unknown_parameter', message })));
}
