import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { BulkAction, BulkMode } from '#domain/bulk/bulk.action';
import { isRefused, repeatsIn, showResult, summaryOf, type BulkResult } from '#domain/bulk/bulk.results';
import { notPast, refuse } from '#domain/refusal';
import { EventStore } from '#event-store/event-store';
import type { Answer } from './answer.js';
import { BulkItems, type BulkCause } from './bulk-items.js';
import { CommandMeter, uncounted } from './command-meter.js';
import type { Envelope } from './envelope.js';
import { idMadeBy } from './ids.js';
import { KeptAnswers } from './kept-answers.js';

/** Up to so many leads that are named are changed while the caller waits. */
export const mostAtOnce = 500;

/** One action on many leads. */
export interface StartBulk {
  readonly type: 'StartBulk';
  readonly action: BulkAction;
  readonly mode: BulkMode;
  readonly ids: readonly string[];
}
export type BulkAsk = StartBulk;

/** The one door to bulks. */
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
    private readonly kept: KeptAnswers,
    private readonly items: BulkItems,
    private readonly log: EventStore,
    private readonly meter: CommandMeter = uncounted,
  ) {}

  execute({ ask, envelope }: AskBulk): Promise<{ answer: Answer; replayed: boolean }> {
    return this.meter.over(ask.type, () => this.kept.once(envelope, () => this.carryOut(ask, envelope)));
  }

  private async carryOut({ action, mode, ids }: StartBulk, envelope: Envelope): Promise<Answer> {
    const { org, actor, now, backdated } = envelope;
    if (action.type === 'create_follow_up') notPast('action.dueAt', action.dueAt, now);
    const bulkId = idMadeBy(envelope.commandId, 'bulk');
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
    const { position } = done;
    const results = mode === 'all_or_nothing' ? done.results.map(changedMeanwhile) : done.results;
    const body = { bulkId, summary: summaryOf(results), results: results.map(showResult), position };
    return { made: null, version: null, position, body };
  }
}

/** It had passed the check. */
const changedMeanwhile = (result: BulkResult): BulkResult =>
  isRefused(result) ? { ...result, outcome: 'conflict' } : result;
