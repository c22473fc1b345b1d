import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { randomUUID } from 'node:crypto';
import type { BulkAction, BulkMode } from '#domain/bulk/bulk.action';
import { bulkDecider, type Bulk, type BulkCommand } from '#domain/bulk/bulk.decide';
import { toBulkJobResource, toBulkResultResource } from '#resources/bulk.resource';
import { isRefused, findDuplicates, summarizeResults } from '#domain/bulk/bulk.results';
import { requireNotInPast, refuse } from '#domain/refusal';
import { EventStore } from '#event-store/event-store';
import { withDeadline } from '#timing/deadline';
import type { CommandResponse, CommandResult } from './command-response.js';
import { BulkItemExecutor, markRefusedAsConflict, type BulkContext, type BulkItem } from './bulk-item-executor.js';
import { CommandMeter, noopCommandMeter } from './command-meter.js';
import type { CommandContext } from './command-context.js';
import { DeciderService, type DecisionResult, type VersionRange } from './decider-service.js';
import { bulkStream, deriveId } from './ids.js';
import { IdempotencyService, commandTimeoutMs } from './idempotency-service.js';
import { LeadSelector, type LeadFilterParams } from './lead-selector.js';

/** A bulk with at most this many ids runs while the caller waits; a larger one, or one with a filter, becomes a job. */
export const maxSynchronousItems = 500;
export const maxBulkItems = 100_000;

/** How many items of a job are executed and recorded together. A job can be cancelled between two blocks. */
const blockSize = 200;
/** How many ids of a selection are recorded by one append. */
const selectionChunkSize = 1_000;

/** Which leads: by id, or by a filter together with the number of leads that the caller expects it to match. */
export type BulkTarget =
  { readonly ids: readonly string[] } | { readonly filter: LeadFilterParams; readonly expectedCount: number };

/** Runs one action on many leads. */
export interface StartBulk {
  readonly type: 'StartBulk';
  readonly action: BulkAction;
  readonly mode: BulkMode;
  readonly target: BulkTarget;
}

export type BulkCommandInput = StartBulk | { readonly type: 'CancelBulk' | 'RetryBulk'; readonly bulkId: string };

/** A caller's command on a bulk. Jobs are executed by `WorkOnBulk`. */
export class BulkCommandMessage extends Command<CommandResult> {
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
    private readonly deciders: DeciderService,
    private readonly idempotency: IdempotencyService,
    private readonly items: BulkItemExecutor,
    private readonly leadSelector: LeadSelector,
    private readonly log: EventStore,
    private readonly meter: CommandMeter = noopCommandMeter,
  ) {}

  execute({ command, context }: BulkCommandMessage): Promise<CommandResult> {
    return this.meter.measure(command.type, () =>
      this.idempotency.runOnce<VersionRange>(context, {
        run: async () => {
          const result = await this.handle(command, context);
          return { response: respond(command, context, result), facts: result.versions };
        },
        replay: async (versions) => {
          const stream = bulkStream(context.org, bulkIdOf(command, context));
          return respond(command, context, await this.deciders.readResult(bulkDecider, stream, versions));
        },
      }),
    );
  }

  private async handle(command: BulkCommandInput, context: CommandContext): Promise<DecisionResult<Bulk>> {
    if (command.type !== 'StartBulk') return this.decide(command, context);
    const { action, target } = command;
    if (action.type === 'create_follow_up') requireNotInPast('dueAt', action.dueAt, context.now);
    const bulkId = bulkIdOf(command, context);
    return isSynchronous(target)
      ? this.runNow(bulkId, command, target.ids, context)
      : this.createJob(bulkId, command, context);
  }

  private async runNow(
    bulkId: string,
    { action, mode }: StartBulk,
    ids: readonly string[],
    context: CommandContext,
  ): Promise<DecisionResult<Bulk>> {
    const { org, actor, now, backdated } = context;
    const bulk: BulkContext = { bulkId, org, actor, action, round: 0, now, backdated };
    const items = ids.map((id, index) => ({ index, id }));
    const duplicates = findDuplicates(ids);

    if (mode === 'all_or_nothing') await this.requireAllAccepted(items, bulk, duplicates);
    const executed = await this.items.execute(items, bulk, duplicates, noEarlierResult, this.log.start);
    const results = mode === 'all_or_nothing' ? executed.results.map(markRefusedAsConflict) : executed.results;
    const selection = deriveId(context.commandId, 'selection');
    return this.decide({ type: 'RecordBulk', bulkId, selection, action, mode, blockSize, backdated, results }, context);
  }

  /** @throws Refusal `bulk_rejected` if an item would be refused */
  private async requireAllAccepted(
    items: readonly BulkItem[],
    bulk: BulkContext,
    duplicates: ReadonlyMap<number, number>,
  ): Promise<void> {
    const { results, alreadyStarted } = await this.items.preview(items, bulk, duplicates, noEarlierResult);
    // If a crash interrupted the bulk, its items had passed this check before.
    if (alreadyStarted || !results.some(isRefused)) return;
    throw refuse('bulk_rejected', { bulkId: bulk.bulkId, summary: summarizeResults(results), results });
  }

  /** Records the selection in chunks first. Only a complete selection becomes a job. */
  private async createJob(
    bulkId: string,
    { action, mode, target }: StartBulk,
    context: CommandContext,
  ): Promise<DecisionResult<Bulk>> {
    // A request repeated after a crash before its response was stored: keep the job's leads, whatever the filter finds now.
    const exists = (await this.deciders.read(bulkDecider, bulkStream(context.org, bulkId))).known;
    const ids = exists ? [] : await this.selectLeads(target, context);
    const selection = randomUUID();
    for (let from = 0; from < ids.length; from += selectionChunkSize) {
      const leadIds = ids.slice(from, from + selectionChunkSize);
      const commandId = deriveId(context.commandId, `${selection} ${from}`);
      await this.decide({ type: 'TargetBulk', bulkId, selection, from, leadIds }, { ...context, commandId });
    }
    return this.decide(
      {
        type: 'RequestBulk',
        bulkId,
        selection,
        action,
        mode,
        blockSize,
        backdated: context.backdated,
        filter: 'filter' in target ? target.filter : null,
        total: ids.length,
      },
      context,
    );
  }

  private async selectLeads(target: BulkTarget, { org, now }: CommandContext): Promise<readonly string[]> {
    if ('ids' in target) return target.ids;
    const { filter, expectedCount } = target;
    const selected = await this.leadSelector.select(org, filter, expectedCount, now);
    if ('ids' in selected) return selected.ids;
    throw refuse('selection_changed', { expectedCount, count: selected.count });
  }

  /** All events of a bulk and of its items have the bulk's id as correlation. */
  private decide(command: BulkCommand, context: CommandContext): Promise<DecisionResult<Bulk>> {
    const { bulkId } = command;
    const stream = bulkStream(context.org, bulkId);
    const bulkContext = { ...context, correlation: bulkId };
    // A large selection takes many appends: each has its own deadline.
    return withDeadline(commandTimeoutMs, () =>
      this.deciders.handle(bulkDecider, stream, command, bulkContext, () => undefined),
    );
  }
}

/** A bulk that runs while the caller waits has no earlier blocks. */
const noEarlierResult = (): undefined => undefined;

const isSynchronous = (target: BulkTarget): target is { readonly ids: readonly string[] } =>
  'ids' in target && target.ids.length <= maxSynchronousItems;

const bulkIdOf = (command: BulkCommandInput, { commandId }: CommandContext): string =>
  command.type === 'StartBulk' ? deriveId(commandId, 'bulk') : command.bulkId;

function respond(command: BulkCommandInput, context: CommandContext, result: DecisionResult<Bulk>): CommandResponse {
  const bulkId = bulkIdOf(command, context);
  if (command.type !== 'StartBulk') return jobResponse(bulkId, result, null);
  return isSynchronous(command.target) ? resultsResponse(bulkId, result) : jobResponse(bulkId, result, bulkId);
}

/** The results as the log has them: when a crash came before the response, the items may have been executed twice. */
function resultsResponse(bulkId: string, { after, position }: DecisionResult<Bulk>): CommandResponse {
  const results = after.known ? after.done.flatMap((block) => block.results) : [];
  const body = { bulkId, summary: summarizeResults(results), results: results.map(toBulkResultResource), position };
  return { createdId: null, version: null, position, body };
}

function jobResponse(
  bulkId: string,
  { after, events, position }: DecisionResult<Bulk>,
  createdId: string | null,
): CommandResponse {
  const job = after.known ? toBulkJobResource(after.job) : {};
  return { createdId, version: null, position, body: { bulkId, ...job, changed: events.length > 0, position } };
}
