import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { bulk, nextTask, resultOf, type BulkTask, type KnownBulk, type RecordItems } from '#domain/bulk/bulk.decide';
import type { BulkResult } from '#domain/bulk/bulk.results';
import { refuse } from '#domain/refusal';
import { EventStore } from '#event-store/event-store';
import { withPatience } from '#event-store/patience';
import type { Answer } from './answer.js';
import { BulkItems, changedMeanwhile, type BulkCause } from './bulk-items.js';
import type { Envelope } from './envelope.js';
import { Handling } from './handle.js';
import { bulkStream, idMadeBy } from './ids.js';
import { patienceMs } from './kept-answers.js';

export interface BulkWorkAsk {
  readonly type: 'WorkOnBulk';
  readonly bulkId: string;
}

/** Carries out the next block of a job's items, if it is open. Asked twice at once, each item is still done once. */
export class WorkOnBulk extends Command<{ answer: Answer; replayed: boolean }> {
  constructor(
    readonly ask: BulkWorkAsk,
    readonly envelope: Envelope,
  ) {
    super();
  }
}

@CommandHandler(WorkOnBulk)
export class BulkWorkHandler implements ICommandHandler<WorkOnBulk> {
  constructor(
    private readonly handling: Handling,
    private readonly items: BulkItems,
    private readonly log: EventStore,
  ) {}

  async execute({ ask, envelope }: WorkOnBulk): Promise<{ answer: Answer; replayed: boolean }> {
    const { bulkId } = ask;
    const stream = bulkStream(envelope.org, bulkId);
    const state = await withPatience(patienceMs, () => this.handling.read(bulk, stream));
    if (!state.known) throw refuse('not_found', { what: 'bulk' });
    const task = nextTask(state);
    if (!task) return worked(false, this.log.start);

    const { work, round, block } = task;
    const results = await this.resultsOf(task, state, envelope);
    // What is recorded is known by what it records.
    const own = { ...envelope, commandId: idMadeBy(bulkId, `${work} ${round} ${block}`), correlation: bulkId };
    const record: RecordItems = { type: 'RecordItems', bulkId, task: { work, round, block }, results };
    const { position } = await withPatience(patienceMs, () =>
      this.handling.handle(bulk, stream, record, own, () => undefined),
    );
    return worked(true, position);
  }

  private async resultsOf(task: BulkTask, state: KnownBulk, { org, now }: Envelope): Promise<readonly BulkResult[]> {
    const { by: actor, backdated, repeats, job } = state;
    const cause: BulkCause = {
      ...{ bulkId: job.id, org, actor, action: job.action, round: task.round },
      ...{ now: backdated ? job.requestedAt : now, backdated },
    };
    const before = (index: number): BulkResult | undefined => resultOf(state, task.work, index);
    if (task.work === 'check') return (await this.items.check(task.items, cause, repeats, before)).results;
    const { results } = await this.items.carryOut(task.items, cause, repeats, before, this.log.start);
    return job.mode === 'all_or_nothing' ? results.map(changedMeanwhile) : results;
  }
}

/** `changed`: there was something to do, and there may be more. */
const worked = (changed: boolean, position: string): { answer: Answer; replayed: boolean } => ({
  answer: { made: null, version: null, position, body: { changed } },
  replayed: false,
});
