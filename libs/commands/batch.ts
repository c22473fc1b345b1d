import { randomUUID } from 'node:crypto';
import { isRefusal } from '#domain/refusal';
import type { Position } from '#domain/event-envelope';
import { Unavailable } from '#event-store/event-store';
import { withDeadline } from '#timing/deadline';
import type { CommandResponse, ReplayableResponse } from './command-response.js';
import type { CommandContext } from './command-context.js';
import { retryableConflict } from './decider-service.js';
import { deriveId } from './ids.js';
import { commandTimeoutMs } from './idempotency-service.js';
import { forEachConcurrently } from './for-each-concurrently.js';

/** An item of a batch, or the reason why the input is invalid. */
export type BatchItem<Item> = { readonly item: Item } | { readonly invalid: InvalidReason };

export interface InvalidReason {
  readonly code: string;
  readonly detail: string;
}

export type BatchItemResult = { readonly index: number } & (
  { readonly outcome: 'recorded' | 'duplicate' } | ({ readonly outcome: 'invalid' } & InvalidReason)
);

export interface BatchWorkResult {
  readonly outcome: 'recorded' | 'duplicate';
  /** The position of the item's last event. */
  readonly position: Position;
}

/** More items at once would only wait in the store while their deadlines run. */
const concurrency = 25;

/**
 * Executes the items concurrently and returns a result for each, in input order. An item that a rule refuses is `invalid`.
 * An item that loses its races is valid, so it fails like one that the store cannot take.
 *
 * An item that fails with `Unavailable` is retried as long as other items succeed or are refused meanwhile: the store is slow,
 * but not away. Otherwise the batch fails. The caller may send it again, because no item is recorded twice.
 *
 * `serialize` runs the items that must not overlap one after another, including their retries.
 * @throws Unavailable
 */
export async function runBatch<Item>(
  items: readonly BatchItem<Item>[],
  context: CommandContext,
  start: Position,
  work: (item: Item, context: CommandContext) => Promise<BatchWorkResult>,
  serialize: (item: Item, task: () => Promise<BatchWorkResult>) => Promise<BatchWorkResult> = (_, task) => task(),
): Promise<ReplayableResponse<BatchFacts>> {
  let position = start;
  const results: BatchItemResult[] = [];
  const retry = new RetryWhileOthersSucceed();

  const runItem = async (entry: BatchItem<Item>, index: number): Promise<BatchItemResult> => {
    if ('invalid' in entry) return { index, outcome: 'invalid', ...entry.invalid };
    const { item } = entry;
    const itemContext = contextOfItem(context, index);
    // Each attempt has its own deadline, so a large batch may take longer than one command.
    const attempt = (): Promise<BatchWorkResult> =>
      withDeadline(commandTimeoutMs, () => retryableConflict(() => work(item, itemContext)));
    try {
      const result = await serialize(item, () => retry.run(attempt));
      if (result.position > position) position = result.position;
      return { index, outcome: result.outcome };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return { index, outcome: 'invalid', code: error.code, detail: error.message };
    }
  };

  await forEachConcurrently(items.length, concurrency, async (index) => {
    results[index] = await runItem(items[index]!, index);
  });
  return { response: batchResponse(results, position), facts: factsOf(items, results, position) };
}

/** What `replayBatch` cannot take from the request, in a few bytes per item. */
export interface BatchFacts {
  readonly position: Position;
  /** A letter for each item: recorded, duplicate or invalid. */
  readonly outcomes: string;
  /** By index: the refusals of items whose input is valid. */
  readonly refused: Readonly<Record<number, InvalidReason>>;
}

/** Null if every item is invalid: that is a validation error, which is not stored. */
function factsOf(
  items: readonly BatchItem<unknown>[],
  results: readonly BatchItemResult[],
  position: Position,
): BatchFacts | null {
  if (results.every(({ outcome }) => outcome === 'invalid')) return null;
  const refused: Record<number, InvalidReason> = {};
  for (const result of results)
    if (result.outcome === 'invalid' && 'item' in items[result.index]!)
      refused[result.index] = { code: result.code, detail: result.detail };
  return { position, outcomes: results.map(({ outcome }) => outcome.charAt(0)).join(''), refused };
}

/** The response of `runBatch` to the same items. */
export function replayBatch(
  items: readonly BatchItem<unknown>[],
  { position, outcomes, refused }: BatchFacts,
): CommandResponse {
  const results = items.map((entry, index): BatchItemResult => {
    const outcome = outcomes.charAt(index);
    if (outcome === 'r') return { index, outcome: 'recorded' };
    if (outcome === 'd') return { index, outcome: 'duplicate' };
    const { code, detail } = 'invalid' in entry ? entry.invalid : refused[index]!;
    return { index, outcome: 'invalid', code, detail };
  });
  return batchResponse(results, position);
}

const batchResponse = (results: readonly BatchItemResult[], position: Position): CommandResponse => ({
  createdId: null,
  version: null,
  position,
  body: { results, position },
});

/** Retries what fails with `Unavailable`, as long as the store serves others. */
class RetryWhileOthersSucceed {
  /** Attempts that succeeded or were refused. */
  private served = 0;
  private running = 0;
  private wakeWaiting: (() => void)[] = [];

  async run<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      const servedBefore = this.served;
      try {
        return await this.runOnce(attempt);
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        // The first failure says little: the attempts that are still running show whether the store serves others.
        while (this.served === servedBefore && this.running > 0) await this.nextSettled();
        if (this.served === servedBefore) throw error;
      }
    }
  }

  private async runOnce<T>(attempt: () => Promise<T>): Promise<T> {
    this.running += 1;
    try {
      const result = await attempt();
      this.served += 1;
      return result;
    } catch (error) {
      if (isRefusal(error)) this.served += 1;
      throw error;
    } finally {
      this.running -= 1;
      for (const wake of this.wakeWaiting.splice(0)) wake();
    }
  }

  private nextSettled(): Promise<void> {
    return new Promise((resolve) => this.wakeWaiting.push(resolve));
  }
}

/** Each item is a command of its own. With an Idempotency-Key its id is derived, so that a repeated batch repeats the same commands. */
const contextOfItem = (context: CommandContext, index: number): CommandContext => ({
  ...context,
  commandId: context.requestHash === null ? randomUUID() : deriveId(context.commandId, `item ${index}`),
  requestHash: null,
});
