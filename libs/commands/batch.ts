import { v4 } from 'uuid';
import { isRefusal } from '#domain/refusal';
import type { Position } from '#domain/event';
import { Unavailable } from '#event-store/event-store';
import { withPatience } from '#event-store/patience';
import type { Answer } from './answer.js';
import type { Envelope } from './envelope.js';
import { idMadeBy } from './ids.js';
import { patienceMs } from './kept-answers.js';
import { sideBySide } from './side-by-side.js';

/** An item of a batch as it was given, or why it can't be taken. */
export type BatchItem<Item> = { readonly item: Item } | { readonly invalid: Said };

/** Why an item is invalid. */
export interface Said {
  readonly code: string;
  readonly detail: string;
}

export type ItemResult = { readonly index: number } & (
  { readonly outcome: 'recorded' | 'duplicate' } | ({ readonly outcome: 'invalid' } & Said)
);

/** What was done for one item, and where the log stands for it. */
export interface Done {
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
export async function carryOut<Item>(
  items: readonly BatchItem<Item>[],
  envelope: Envelope,
  start: Position,
  work: (item: Item, envelope: Envelope) => Promise<Done>,
  inTurn: (item: Item, work: () => Promise<Done>) => Promise<Done> = (_, work) => work(),
): Promise<Answer> {
  let position = start;
  const results: ItemResult[] = [];
  let answered = 0;
  const persistently = async (attempt: () => Promise<Done>): Promise<Done> => {
    for (;;) {
      const before = answered;
      try {
        // A store that answers is given the time that a large batch takes; one that goes away meanwhile is not.
        return await withPatience(patienceMs, attempt);
      } catch (error) {
        if (!(error instanceof Unavailable) || answered === before) throw error;
      }
    }
  };
  const resultOf = async (given: BatchItem<Item>, index: number): Promise<ItemResult> => {
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
  await sideBySide(items.length, atOnce, async (index) => {
    results[index] = await resultOf(items[index]!, index);
  });
  return { made: null, version: null, position, body: { results, position } };
}

/** Each item is a command of its own; with a caller's key, one that is known again. */
const ofItem = (envelope: Envelope, index: number): Envelope => ({
  ...envelope,
  commandId: envelope.request === null ? v4() : idMadeBy(envelope.commandId, `item ${index}`),
  request: null,
});
