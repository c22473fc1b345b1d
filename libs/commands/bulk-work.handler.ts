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
import { refuse } from '#domain/refusal';
import { EventStore } from '#event-store/event-store';
import { withDeadline } from '#timing/deadline';
import type { CommandResponse } from './command-response.js';
import { BulkItemExecutor, markRefusedAsConflict, type BulkContext } from './bulk-item-executor.js';
import type { CommandContext } from './command-context.js';
import { DeciderService } from './decider-service.js';
import { bulkStream, deriveId } from './ids.js';
import { commandTimeoutMs } from './idempotency-service.js';

export interface BulkWorkCommandInput {
  readonly type: 'WorkOnBulk';
  readonly bulkId: string;
}

/** Carries out the next block of a job's items, if it is open. Asked twice at once, each item is still done once. */
export class BulkWorkCommandMessage extends Command<{ answer: CommandResponse; replayed: boolean }> {
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
    private readonly handling: DeciderService,
    private readonly items: BulkItemExecutor,
    private readonly log: EventStore,
  ) {}

  async execute({
    command: ask,
    context: envelope,
  }: BulkWorkCommandMessage): Promise<{ answer: CommandResponse; replayed: boolean }> {
    const { bulkId } = ask;
    const stream = bulkStream(envelope.org, bulkId);
    const state = await withDeadline(commandTimeoutMs, () => this.handling.read(bulkDecider, stream));
    if (!state.known) throw refuse('not_found', { what: 'bulk' });
    const task = findNextTask(state);
    if (!task) return worked(false, this.log.start);

    const { phase: work, round, block } = task;
    const results = await this.resultsOf(task, state, envelope);
    // What is recorded is known by what it records.
    const own = { ...envelope, commandId: deriveId(bulkId, `${work} ${round} ${block}`), correlation: bulkId };
    const record: RecordItems = { type: 'RecordItems', bulkId, task: { phase: work, round, block }, results };
    const { position } = await withDeadline(commandTimeoutMs, () =>
      this.handling.handle(bulkDecider, stream, record, own, () => undefined),
    );
    return worked(true, position);
  }

  private async resultsOf(
    task: BulkTask,
    state: KnownBulk,
    { org, now }: CommandContext,
  ): Promise<readonly BulkResult[]> {
    const { requestedBy: actor, backdated, duplicates: repeats, job } = state;
    const cause: BulkContext = {
      ...{ bulkId: job.id, org, actor, action: job.action, round: task.round },
      ...{ now: backdated ? job.requestedAt : now, backdated },
    };
    const before = (index: number): BulkResult | undefined => findItemResult(state, task.phase, index);
    if (task.phase === 'check') return (await this.items.preview(task.items, cause, repeats, before)).results;
    const { results } = await this.items.execute(task.items, cause, repeats, before, this.log.start);
    return job.mode === 'all_or_nothing' ? results.map(markRefusedAsConflict) : results;
  }
}

/** `changed`: there was something to do, and there may be more. */
const worked = (changed: boolean, position: string): { answer: CommandResponse; replayed: boolean } => ({
  answer: { createdId: null, version: null, position, body: { changed } },
  replayed: false,
});
