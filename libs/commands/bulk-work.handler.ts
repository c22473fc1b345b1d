import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  bulkDecider,
  findNextTask,
  findItemResult,
  type BulkTask,
  type KnownBulk,
  type RecordItems,
} from '#domain/bulk/bulk.decide';
import type { BulkResult } from '#domain/bulk/bulk.results';
import type { Position } from '#domain/event-envelope';
import { refuse } from '#domain/refusal';
import { EventStore } from '#event-store/event-store';
import { withDeadline } from '#timing/deadline';
import type { CommandResult } from './command-response.js';
import { BulkItemExecutor, markRefusedAsConflict, type BulkContext } from './bulk-item-executor.js';
import type { CommandContext } from './command-context.js';
import { DeciderService } from './decider-service.js';
import { bulkStream, deriveId } from './ids.js';
import { commandTimeoutMs } from './idempotency-service.js';

export interface BulkWorkCommandInput {
  readonly type: 'WorkOnBulk';
  readonly bulkId: string;
}

/** Executes the next block of a bulk job's items. If two workers do so at once, each item is still executed once. */
export class BulkWorkCommandMessage extends Command<CommandResult> {
  constructor(
    readonly command: BulkWorkCommandInput,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(BulkWorkCommandMessage)
export class BulkWorkHandler implements ICommandHandler<BulkWorkCommandMessage> {
  constructor(
    private readonly deciders: DeciderService,
    private readonly items: BulkItemExecutor,
    private readonly log: EventStore,
  ) {}

  async execute({ command: { bulkId }, context }: BulkWorkCommandMessage): Promise<CommandResult> {
    const stream = bulkStream(context.org, bulkId);
    const state = await withDeadline(commandTimeoutMs, () => this.deciders.read(bulkDecider, stream));
    if (!state.known) throw refuse('not_found', { what: 'bulk' });
    const task = findNextTask(state);
    if (!task) return resultOf(false, this.log.start);

    const { phase, round, block } = task;
    const results = await this.runTask(task, state, context);
    // The id names the block, so that two workers record the same block as the same command.
    const commandId = deriveId(bulkId, `${phase} ${round} ${block}`);
    const recordContext = { ...context, commandId, correlation: bulkId };
    const record: RecordItems = { type: 'RecordItems', bulkId, task: { phase, round, block }, results };
    const { position } = await withDeadline(commandTimeoutMs, () =>
      this.deciders.handle(bulkDecider, stream, record, recordContext, () => undefined),
    );
    return resultOf(true, position);
  }

  private async runTask(
    { phase, round, items }: BulkTask,
    state: KnownBulk,
    { org, now }: CommandContext,
  ): Promise<readonly BulkResult[]> {
    const { requestedBy, backdated, duplicates, job } = state;
    const bulk: BulkContext = {
      bulkId: job.id,
      org,
      actor: requestedBy,
      action: job.action,
      round,
      now: backdated ? job.requestedAt : now,
      backdated,
    };
    const findEarlierResult = (index: number): BulkResult | undefined => findItemResult(state, phase, index);
    if (phase === 'check') return (await this.items.preview(items, bulk, duplicates, findEarlierResult)).results;
    const { results } = await this.items.execute(items, bulk, duplicates, findEarlierResult, this.log.start);
    return job.mode === 'all_or_nothing' ? results.map(markRefusedAsConflict) : results;
  }
}

/** `changed`: a block was executed, and there may be more. */
const resultOf = (changed: boolean, position: Position): CommandResult => ({
  response: { createdId: null, version: null, position, body: { changed } },
  replayed: false,
});
