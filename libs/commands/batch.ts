import { randomUUID } from 'node:crypto';
import { isRefusal } from '#domain/refusal';
import type { Position } from '#domain/event-envelope';
import { Unavailable } from '#event-store/event-store';
import { withDeadline } from '#timing/deadline';
import type { CommandResponse } from './command-response.js';
import type { CommandContext } from './command-context.js';
import { deriveId } from './ids.js';
import { commandTimeoutMs } from './idempotency-service.js';
import { forEachConcurrently } from './for-each-concurrently.js';

/** An item of a batch as it was given, or why it can't be taken. */
export type BatchItem<Item> = { readonly item: Item } | { readonly invalid: InvalidReason };

/** Why an item is invalid. */
export interface InvalidReason {
  readonly code: string;
  readonly detail: string;
}

export type BatchItemResult = { readonly index: number } & (
  { readonly outcome: 'recorded' | 'duplicate' } | ({ readonly outcome: 'invalid' } & InvalidReason)
);

/** What was done for one item, and where the log stands for it. */
export interface BatchWorkResult {
  readonly outcome: 'recorded' | 'duplicate';
  readonly position: Position;
}

/** Items side by side. More would only wait in the store, with the time that it gives a call running. */
const atOnce = 25;

/**
 * Carries the items out side by side and tells what became of each, in input order. An item that a rule refuses is `invalid`;
 * a store that can't be reached fails the batch, which may then be sent again: what was recorded comes back as it was. One that
 * is only slow does not: an item that it had no time for is tried again while it carries out others.
 *
 * `inTurn`: what must go one after another waits there, also for one that is tried again.
 */
export async function runBatch<Item>(
  items: readonly BatchItem<Item>[],
  envelope: CommandContext,
  start: Position,
  work: (item: Item, envelope: CommandContext) => Promise<BatchWorkResult>,
  inTurn: (item: Item, work: () => Promise<BatchWorkResult>) => Promise<BatchWorkResult> = (_, work) => work(),
): Promise<CommandResponse> {
  let position = start;
  const results: BatchItemResult[] = [];
  let answered = 0;
  const persistently = async (attempt: () => Promise<BatchWorkResult>): Promise<BatchWorkResult> => {
    for (;;) {
      const before = answered;
      try {
        // A store that answers is given the time that a large batch takes; one that goes away meanwhile is not.
        return await withDeadline(commandTimeoutMs, attempt);
      } catch (error) {
        if (!(error instanceof Unavailable) || answered === before) throw error;
      }
    }
  };
  const resultOf = async (given: BatchItem<Item>, index: number): Promise<BatchItemResult> => {
    if ('invalid' in given) return { index, outcome: 'invalid', ...given.invalid };
    const { item } = given;
    const own = ofItem(envelope, index);
    try {
      const done = await inTurn(item, () => persistently(() => work(item, own)));
      answered += 1;
      if (done.position > position) position = done.position;
      return { index, outcome: done.outcome };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      answered += 1;
      return { index, outcome: 'invalid', code: error.code, detail: error.message };
    }
  };
  await forEachConcurrently(items.length, atOnce, async (index) => {
    results[index] = await resultOf(items[index]!, index);
  });
  return { createdId: null, version: null, position, body: { results, position } };
}

/** Each item is a command of its own; with a caller's key, one that is known again. */
const ofItem = (envelope: CommandContext, index: number): CommandContext => ({
  ...envelope,
  commandId: envelope.requestHash === null ? randomUUID() : deriveId(envelope.commandId, `item ${index}`),
  requestHash: null,
});
