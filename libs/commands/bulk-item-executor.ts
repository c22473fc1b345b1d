import { Injectable } from '@nestjs/common';
import type { BulkAction } from '#domain/bulk/bulk.action';
import { isRefused, toDuplicateResult, type BulkResult } from '#domain/bulk/bulk.results';
import type { Actor, Position } from '#domain/event-envelope';
import { isRefusal, type Refusal } from '#domain/refusal';
import { withDeadline } from '#timing/deadline';
import { ContactCommandMessage, ContactHandler, type ContactCommandInput } from './contact.handler.js';
import { causedBy, type CommandContext } from './command-context.js';
import { commandTimeoutMs } from './idempotency-service.js';
import { forEachConcurrently } from './for-each-concurrently.js';

/** A lead of a bulk, by its place among the items. */
export interface BulkItem {
  readonly index: number;
  readonly id: string;
}

/** What all items of a bulk have in common. */
export interface BulkContext {
  readonly bulkId: string;
  readonly org: string;
  readonly actor: Actor;
  readonly action: BulkAction;
  /** 0, and one more with each retry. */
  readonly round: number;
  /** The time of the items' commands. */
  readonly now: string;
  readonly backdated: boolean;
}

/** So many items side by side that their appends share commits. */
const atOnce = 32;

/** The items of a bulk: each is an ordinary command, known again by the bulk's id and its own place. */
@Injectable()
export class BulkItemExecutor {
  constructor(private readonly contacts: ContactHandler) {}

  /**
   * Carries items out. Those in `repeats` name a lead again that a first one named, whose result is among these, or `before`.
   * @throws Unavailable; what was done then is not done again by the next call
   */
  async execute(
    items: readonly BulkItem[],
    cause: BulkContext,
    repeats: ReadonlyMap<number, number>,
    before: (index: number) => BulkResult | undefined,
    start: Position,
  ): Promise<{ readonly results: readonly BulkResult[]; readonly position: Position }> {
    let position = start;
    const results = await this.eachOf(items, repeats, before, async ({ index, id }) => {
      const envelope = envelopeOf(cause, index);
      const { answer } = await this.contacts.execute(new ContactCommandMessage(askOf(cause.action, id), envelope));
      if (answer.position > position) position = answer.position;
      return { changed: answer.body.changed !== false, version: answer.version };
    });
    return { results, position };
  }

  /** What would become of the items now; nothing is done. `begun`: one of them was carried out before. */
  async preview(
    items: readonly BulkItem[],
    cause: BulkContext,
    repeats: ReadonlyMap<number, number>,
    before: (index: number) => BulkResult | undefined,
  ): Promise<{ readonly results: readonly BulkResult[]; readonly begun: boolean }> {
    let begun = false;
    const results = await this.eachOf(items, repeats, before, async ({ index, id }) => {
      const { effect: would, version } = await this.contacts.preview(askOf(cause.action, id), envelopeOf(cause, index));
      begun ||= would === 'be done already';
      return { changed: would !== 'change nothing', version };
    });
    return { results, begun };
  }

  private async eachOf(
    items: readonly BulkItem[],
    repeats: ReadonlyMap<number, number>,
    before: (index: number) => BulkResult | undefined,
    work: (item: BulkItem) => Promise<{ readonly changed: boolean; readonly version: number | null }>,
  ): Promise<readonly BulkResult[]> {
    const results = new Map<number, BulkResult>();
    const firsts = items.filter(({ index }) => !repeats.has(index));
    await forEachConcurrently(firsts.length, atOnce, async (nth) => {
      const item = firsts[nth]!;
      // A store that answers is given the time that a large bulk takes; one that goes away meanwhile is not.
      results.set(item.index, {
        ...item,
        ...(await withDeadline(commandTimeoutMs, () => outcomeOf(() => work(item)))),
      });
    });
    return items.map(({ index }) => {
      const first = repeats.get(index) ?? index;
      const result = results.get(first) ?? before(first)!;
      return first === index ? result : toDuplicateResult(index, result);
    });
  }
}

/** With an id that is made of the bulk's: the same item of the same round is the same command. */
function envelopeOf({ bulkId, org, actor, round, now, backdated }: BulkContext, index: number): CommandContext {
  const what = round === 0 ? `item ${index}` : `item ${index} round ${round}`;
  return { ...causedBy({ org, id: bulkId, correlation: bulkId }, what, actor, now), backdated };
}

function askOf(action: BulkAction, leadId: string): ContactCommandInput {
  switch (action.type) {
    case 'change_status':
      return { ...action, type: 'ChangeStatus', leadId };
    case 'assign':
      return { ...action, type: 'AssignAgent', leadId, mode: 'bulk', onlyIf: null };
    case 'unassign':
      return { type: 'UnassignAgent', leadId, mode: 'bulk', onlyIf: null };
    case 'create_follow_up':
      return { ...action, type: 'CreateFollowUp', leadId };
  }
}

type Outcome = Pick<BulkResult, 'outcome' | 'code' | 'version'>;

async function outcomeOf(
  work: () => Promise<{ readonly changed: boolean; readonly version: number | null }>,
): Promise<Outcome> {
  try {
    const { changed, version } = await work();
    return { outcome: changed ? 'ok' : 'unchanged', code: null, version };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { outcome: refusedAs(error), code: error.code, version: null };
  }
}

/** An agent that is not found is no fault of the lead. */
function refusedAs({ code, details }: Refusal): BulkResult['outcome'] {
  if (code === 'not_found' && 'what' in details && details.what === 'lead') return 'not_found';
  return code === 'conflict' ? 'conflict' : 'rejected';
}

/** Of all or nothing: it had passed the check. */
export const markRefusedAsConflict = (result: BulkResult): BulkResult =>
  isRefused(result) ? { ...result, outcome: 'conflict' } : result;
