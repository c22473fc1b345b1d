import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { randomUUID } from 'node:crypto';
import type { BulkAction, BulkMode } from '#domain/bulk/bulk.action';
import { bulkDecider, type Bulk, type BulkCommand } from '#domain/bulk/bulk.decide';
import { toBulkJobResource, toBulkResultResource } from '#resources/bulk.resource';
import { isRefused, findDuplicates, summarizeResults, type BulkResult } from '#domain/bulk/bulk.results';
import { requireNotInPast, refuse } from '#domain/refusal';
import { EventStore } from '#event-store/event-store';
import { withDeadline } from '#timing/deadline';
import type { CommandResponse } from './command-response.js';
import { BulkItemExecutor, markRefusedAsConflict, type BulkContext } from './bulk-item-executor.js';
import { CommandMeter, noopCommandMeter } from './command-meter.js';
import type { CommandContext } from './command-context.js';
import { DeciderService, type DecisionResult } from './decider-service.js';
import { bulkStream, deriveId } from './ids.js';
import { IdempotencyService, commandTimeoutMs } from './idempotency-service.js';
import { LeadSelector, type LeadFilterParams } from './lead-selector.js';

/** Up to so many leads that are named are changed while the caller waits; more are a job. */
export const maxSynchronousItems = 500;
/** No bulk has more items. */
export const maxBulkItems = 100_000;

/** So many items of a job are carried out and recorded together; between two blocks it can be cancelled. */
const blockSize = 200;
/** So many ids are written at once. */
const chunkSize = 1_000;

/** Which leads: named, or found by a filter when the caller has seen how many they are. */
export type BulkTarget =
  { readonly ids: readonly string[] } | { readonly filter: LeadFilterParams; readonly expectedCount: number };

/** The same to many leads. */
export interface StartBulk {
  readonly type: 'StartBulk';
  readonly action: BulkAction;
  readonly mode: BulkMode;
  readonly target: BulkTarget;
}

export type BulkCommandInput = StartBulk | { readonly type: 'CancelBulk' | 'RetryBulk'; readonly bulkId: string };

/** The one door to bulks, for callers; what carries jobs out has its own: `WorkOnBulk`. */
export class BulkCommandMessage extends Command<{ answer: CommandResponse; replayed: boolean }> {
  constructor(
    readonly command: BulkCommandInput,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(BulkCommandMessage)
export class BulkHandler implements ICommandHandler<BulkCommandMessage> {
  constructor(
    private readonly handling: DeciderService,
    private readonly kept: IdempotencyService,
    private readonly items: BulkItemExecutor,
    private readonly selection: LeadSelector,
    private readonly log: EventStore,
    private readonly meter: CommandMeter = noopCommandMeter,
  ) {}

  execute({
    command: ask,
    context: envelope,
  }: BulkCommandMessage): Promise<{ answer: CommandResponse; replayed: boolean }> {
    return this.meter.measure(ask.type, () => this.kept.runOnce(envelope, () => this.carryOut(ask, envelope)));
  }

  private async carryOut(ask: BulkCommandInput, envelope: CommandContext): Promise<CommandResponse> {
    if (ask.type !== 'StartBulk') return jobAnswer(ask.bulkId, await this.tell(ask, envelope), null);
    const { action, target } = ask;
    if (action.type === 'create_follow_up') requireNotInPast('dueAt', action.dueAt, envelope.now);
    const bulkId = deriveId(envelope.commandId, 'bulk');
    return 'ids' in target && target.ids.length <= maxSynchronousItems
      ? this.atOnce(bulkId, ask, target.ids, envelope)
      : this.asJob(bulkId, ask, envelope);
  }

  private async atOnce(
    bulkId: string,
    ask: StartBulk,
    ids: readonly string[],
    envelope: CommandContext,
  ): Promise<CommandResponse> {
    const { action, mode } = ask;
    const { org, actor, now, backdated } = envelope;
    const cause: BulkContext = { bulkId, org, actor, action, round: 0, now, backdated };
    const items = ids.map((id, index) => ({ index, id }));
    const repeats = findDuplicates(ids);
    const before = (): undefined => undefined;

    if (mode === 'all_or_nothing') {
      const { results, begun } = await this.items.preview(items, cause, repeats, before);
      // Begun before a crash: they had passed then.
      if (!begun && results.some(isRefused))
        throw refuse('bulk_rejected', { bulkId, summary: summarizeResults(results), results });
    }
    const done = await this.items.execute(items, cause, repeats, before, this.log.start);
    const results: readonly BulkResult[] =
      mode === 'all_or_nothing' ? done.results.map(markRefusedAsConflict) : done.results;
    const selection = deriveId(envelope.commandId, 'selection');
    const { position } = await this.tell(
      { type: 'RecordBulk', bulkId, selection, action, mode, blockSize, backdated, results },
      envelope,
    );
    const body = { bulkId, summary: summarizeResults(results), results: results.map(toBulkResultResource), position };
    return { createdId: null, version: null, position, body };
  }

  /** The selection is written first, in parts; only when it is whole, it becomes a job. */
  private async asJob(bulkId: string, ask: StartBulk, envelope: CommandContext): Promise<CommandResponse> {
    const { action, mode, target } = ask;
    // Asked again after a crash that left its answer unkept: it is a job already, whatever the filter would find now.
    const isJob = (await this.handling.read(bulkDecider, bulkStream(envelope.org, bulkId))).known;
    const ids = isJob ? [] : await this.idsOf(target, envelope);
    const selection = randomUUID();
    for (let from = 0; from < ids.length; from += chunkSize) {
      const leadIds = ids.slice(from, from + chunkSize);
      await this.tell({ type: 'TargetBulk', bulkId, selection, from, leadIds }, envelope, `${selection} ${from}`);
    }
    const filter = 'filter' in target ? target.filter : null;
    const told = { selection, action, mode, blockSize, backdated: envelope.backdated, filter };
    const outcome = await this.tell({ type: 'RequestBulk', bulkId, ...told, total: ids.length }, envelope);
    return jobAnswer(bulkId, outcome, bulkId);
  }

  private async idsOf(target: BulkTarget, { org, now }: CommandContext): Promise<readonly string[]> {
    if ('ids' in target) return target.ids;
    const { filter, expectedCount } = target;
    const found = await this.selection.select(org, filter, expectedCount, now);
    if ('ids' in found) return found.ids;
    throw refuse('selection_changed', { expectedCount, count: found.count });
  }

  /** All events of a bulk, its own and its items', have its id as correlation. `part`: of several commands to one bulk. */
  private tell(command: BulkCommand, envelope: CommandContext, part?: string): Promise<DecisionResult<Bulk>> {
    const commandId = part === undefined ? envelope.commandId : deriveId(envelope.commandId, part);
    const own = { ...envelope, commandId, correlation: command.bulkId };
    // A large selection is many appends: each has the patience of one.
    return withDeadline(commandTimeoutMs, () =>
      this.handling.handle(bulkDecider, bulkStream(envelope.org, command.bulkId), command, own, () => undefined),
    );
  }
}

function jobAnswer(
  bulkId: string,
  { after, events, position }: DecisionResult<Bulk>,
  made: string | null,
): CommandResponse {
  const job = after.known ? toBulkJobResource(after.job) : {};
  return { createdId: made, version: null, position, body: { bulkId, ...job, changed: events.length > 0, position } };
}
