import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v4 } from 'uuid';
import type { BulkAction, BulkMode } from '#domain/bulk/bulk.action';
import { bulk, type Bulk, type BulkCommand } from '#domain/bulk/bulk.decide';
import { showJob } from '#domain/bulk/bulk.job';
import { isRefused, repeatsIn, showResult, summaryOf, type BulkResult } from '#domain/bulk/bulk.results';
import { notPast, refuse } from '#domain/refusal';
import { EventStore } from '#event-store/event-store';
import { withPatience } from '#event-store/patience';
import type { Answer } from './answer.js';
import { BulkItems, changedMeanwhile, type BulkCause } from './bulk-items.js';
import { CommandMeter, uncounted } from './command-meter.js';
import type { Envelope } from './envelope.js';
import { Handling, type Outcome } from './handle.js';
import { bulkStream, idMadeBy } from './ids.js';
import { KeptAnswers, patienceMs } from './kept-answers.js';
import { LeadSelection, type AskedFilter } from './lead-selection.js';

/** Up to so many leads that are named are changed while the caller waits; more are a job. */
export const mostAtOnce = 500;
/** No bulk has more items. */
export const mostItems = 100_000;

/** So many items of a job are carried out and recorded together; between two blocks it can be cancelled. */
const blockSize = 200;
/** So many ids are written at once. */
const chunkSize = 1_000;

/** Which leads: named, or found by a filter when the caller has seen how many they are. */
export type BulkTarget =
  { readonly ids: readonly string[] } | { readonly filter: AskedFilter; readonly expectedCount: number };

/** The same to many leads. */
export interface StartBulk {
  readonly type: 'StartBulk';
  readonly action: BulkAction;
  readonly mode: BulkMode;
  readonly target: BulkTarget;
}

export type BulkAsk = StartBulk | { readonly type: 'CancelBulk' | 'RetryBulk'; readonly bulkId: string };

/** The one door to bulks, for callers; what carries jobs out has its own: `WorkOnBulk`. */
export class AskBulk extends Command<{ answer: Answer; replayed: boolean }> {
  constructor(
    readonly ask: BulkAsk,
    readonly envelope: Envelope,
  ) {
    super();
  }
}

@CommandHandler(AskBulk)
export class BulkHandler implements ICommandHandler<AskBulk> {
  constructor(
    private readonly handling: Handling,
    private readonly kept: KeptAnswers,
    private readonly items: BulkItems,
    private readonly selection: LeadSelection,
    private readonly log: EventStore,
    private readonly meter: CommandMeter = uncounted,
  ) {}

  execute({ ask, envelope }: AskBulk): Promise<{ answer: Answer; replayed: boolean }> {
    return this.meter.over(ask.type, () => this.kept.once(envelope, () => this.carryOut(ask, envelope)));
  }

  private async carryOut(ask: BulkAsk, envelope: Envelope): Promise<Answer> {
    if (ask.type !== 'StartBulk') return jobAnswer(ask.bulkId, await this.tell(ask, envelope), null);
    const { action, target } = ask;
    if (action.type === 'create_follow_up') notPast('action.dueAt', action.dueAt, envelope.now);
    const bulkId = idMadeBy(envelope.commandId, 'bulk');
    return 'ids' in target && target.ids.length <= mostAtOnce
      ? this.atOnce(bulkId, ask, target.ids, envelope)
      : this.asJob(bulkId, ask, envelope);
  }

  private async atOnce(bulkId: string, ask: StartBulk, ids: readonly string[], envelope: Envelope): Promise<Answer> {
    const { action, mode } = ask;
    const { org, actor, now, backdated } = envelope;
    const cause: BulkCause = { bulkId, org, actor, action, round: 0, now, backdated };
    const items = ids.map((id, index) => ({ index, id }));
    const repeats = repeatsIn(ids);
    const before = (): undefined => undefined;

    if (mode === 'all_or_nothing') {
      const { results, begun } = await this.items.check(items, cause, repeats, before);
      // Begun before a crash: they had passed then.
      if (!begun && results.some(isRefused))
        throw refuse('bulk_rejected', { bulkId, summary: summaryOf(results), results: results.map(showResult) });
    }
    const done = await this.items.carryOut(items, cause, repeats, before, this.log.start);
    const results: readonly BulkResult[] =
      mode === 'all_or_nothing' ? done.results.map(changedMeanwhile) : done.results;
    const selection = idMadeBy(envelope.commandId, 'selection');
    const { position } = await this.tell(
      { type: 'KeepBulk', bulkId, selection, action, mode, blockSize, backdated, results },
      envelope,
    );
    const body = { bulkId, summary: summaryOf(results), results: results.map(showResult), position };
    return { made: null, version: null, position, body };
  }

  /** The selection is written first, in parts; only when it is whole, it becomes a job. */
  private async asJob(bulkId: string, ask: StartBulk, envelope: Envelope): Promise<Answer> {
    const { action, mode, target } = ask;
    // Asked again after a crash that left its answer unkept: it is a job already, whatever the filter would find now.
    const isJob = (await this.handling.read(bulk, bulkStream(envelope.org, bulkId))).known;
    const ids = isJob ? [] : await this.idsOf(target, envelope);
    const selection = v4();
    for (let from = 0; from < ids.length; from += chunkSize) {
      const leadIds = ids.slice(from, from + chunkSize);
      await this.tell({ type: 'TargetBulk', bulkId, selection, from, leadIds }, envelope, `${selection} ${from}`);
    }
    const filter = 'filter' in target ? target.filter : null;
    const told = { selection, action, mode, blockSize, backdated: envelope.backdated, filter };
    const outcome = await this.tell({ type: 'RequestBulk', bulkId, ...told, total: ids.length }, envelope);
    return jobAnswer(bulkId, outcome, bulkId);
  }

  private async idsOf(target: BulkTarget, { org, now }: Envelope): Promise<readonly string[]> {
    if ('ids' in target) return target.ids;
    const { filter, expectedCount } = target;
    const found = await this.selection.select(org, filter, expectedCount, now);
    if ('ids' in found) return found.ids;
    throw refuse('selection_changed', { expectedCount, count: found.count });
  }

  /** All events of a bulk, its own and its items', have its id as correlation. `part`: of several commands to one bulk. */
  private tell(command: BulkCommand, envelope: Envelope, part?: string): Promise<Outcome<Bulk>> {
    const commandId = part === undefined ? envelope.commandId : idMadeBy(envelope.commandId, part);
    const own = { ...envelope, commandId, correlation: command.bulkId };
    // A large selection is many appends: each has the patience of one.
    return withPatience(patienceMs, () =>
      this.handling.handle(bulk, bulkStream(envelope.org, command.bulkId), command, own, () => undefined),
    );
  }
}

function jobAnswer(bulkId: string, { after, events, position }: Outcome<Bulk>, made: string | null): Answer {
  const job = after.known ? showJob(after.job) : {};
  return { made, version: null, position, body: { bulkId, ...job, changed: events.length > 0, position } };
}
