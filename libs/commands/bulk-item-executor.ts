import { Injectable } from '@nestjs/common';
import type { BulkAction } from '#domain/bulk/bulk.action';
import { isRefused, toDuplicateResult, type BulkResult } from '#domain/bulk/bulk.results';
import type { Actor, Position } from '#domain/event-envelope';
import { isRefusal, type Refusal } from '#domain/refusal';
import { withDeadline } from '#timing/deadline';
import { ContactCommandMessage, ContactHandler, type ContactCommandInput } from './contact.handler.js';
import { causedBy, type CommandContext } from './command-context.js';
import { retryableConflict } from './decider-service.js';
import { commandTimeoutMs } from './idempotency-service.js';
import { forEachConcurrently } from './for-each-concurrently.js';

export interface BulkItem {
  /** Index among all items of the bulk, from 0. */
  readonly index: number;
  /** The lead's id. */
  readonly id: string;
}

/** What all items of a bulk share. */
export interface BulkContext {
  readonly bulkId: string;
  readonly org: string;
  readonly actor: Actor;
  readonly action: BulkAction;
  /** 0 at first, then one more for each retry. */
  readonly round: number;
  /** The time of the items' commands. */
  readonly now: string;
  readonly backdated: boolean;
}

/** Items that name the lead of an earlier item, with the index of that item. */
type Duplicates = ReadonlyMap<number, number>;

/** The result of an item that is not among those to execute, if it has one. */
type FindEarlierResult = (index: number) => BulkResult | undefined;

interface ItemEffect {
  readonly changed: boolean;
  readonly version: number | null;
}

/** Enough items at once for their appends to share commits. */
const concurrency = 32;

/** Executes the items of a bulk. Each is an ordinary command with an id derived from the bulk, the index and the round. */
@Injectable()
export class BulkItemExecutor {
  constructor(private readonly contacts: ContactHandler) {}

  /**
   * Executes the items. A duplicate gets its result from the first item with the same lead, among these or from
   * `findEarlierResult`.
   * @throws Unavailable when a store cannot be reached or an item loses its races; a repeated call does not repeat what was done
   */
  async execute(
    items: readonly BulkItem[],
    bulk: BulkContext,
    duplicates: Duplicates,
    findEarlierResult: FindEarlierResult,
    start: Position,
  ): Promise<{ readonly results: readonly BulkResult[]; readonly position: Position }> {
    let position = start;
    const results = await this.runEach(items, duplicates, findEarlierResult, async ({ index, id }) => {
      const message = new ContactCommandMessage(commandFor(bulk.action, id), contextOfItem(bulk, index));
      const { response } = await this.contacts.execute(message);
      if (response.position > position) position = response.position;
      return { changed: response.body.changed !== false, version: response.version };
    });
    return { results, position };
  }

  /**
   * The results that the items would have now, without executing them. `alreadyStarted`: at least one of them has been
   * executed before.
   */
  async preview(
    items: readonly BulkItem[],
    bulk: BulkContext,
    duplicates: Duplicates,
    findEarlierResult: FindEarlierResult,
  ): Promise<{ readonly results: readonly BulkResult[]; readonly alreadyStarted: boolean }> {
    let alreadyStarted = false;
    const results = await this.runEach(items, duplicates, findEarlierResult, async ({ index, id }) => {
      const { effect, version } = await this.contacts.preview(commandFor(bulk.action, id), contextOfItem(bulk, index));
      alreadyStarted ||= effect === 'already_done';
      return { changed: effect !== 'none', version };
    });
    return { results, alreadyStarted };
  }

  private async runEach(
    items: readonly BulkItem[],
    duplicates: Duplicates,
    findEarlierResult: FindEarlierResult,
    work: (item: BulkItem) => Promise<ItemEffect>,
  ): Promise<readonly BulkResult[]> {
    const results = new Map<number, BulkResult>();
    const firsts = items.filter(({ index }) => !duplicates.has(index));
    await forEachConcurrently(firsts.length, concurrency, async (position) => {
      const item = firsts[position]!;
      // Each item has its own deadline, so a large bulk may take longer than one command.
      const outcome = await withDeadline(commandTimeoutMs, () => outcomeOf(() => retryableConflict(() => work(item))));
      results.set(item.index, { ...item, ...outcome });
    });
    return items.map(({ index }) => {
      const first = duplicates.get(index) ?? index;
      const result = results.get(first) ?? findEarlierResult(first)!;
      return first === index ? result : toDuplicateResult(index, result);
    });
  }
}

/** The same item of the same round always has the same command id. */
function contextOfItem({ bulkId, org, actor, round, now, backdated }: BulkContext, index: number): CommandContext {
  const purpose = round === 0 ? `item ${index}` : `item ${index} round ${round}`;
  return { ...causedBy({ org, id: bulkId, correlation: bulkId }, purpose, actor, now), backdated };
}

function commandFor(action: BulkAction, leadId: string): ContactCommandInput {
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

type ItemOutcome = Pick<BulkResult, 'outcome' | 'code' | 'version'>;

async function outcomeOf(work: () => Promise<ItemEffect>): Promise<ItemOutcome> {
  try {
    const { changed, version } = await work();
    return { outcome: changed ? 'ok' : 'unchanged', code: null, version };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { outcome: refusalOutcome(error), code: error.code, version: null };
  }
}

/** `not_found` means that the lead does not exist. If another object does not, such as the agent, the item is `rejected`. */
function refusalOutcome({ code, details }: Refusal): BulkResult['outcome'] {
  if (code === 'not_found' && 'what' in details && details.what === 'lead') return 'not_found';
  return 'rejected';
}

/** For `all_or_nothing`: an item that passed the check and was then refused has changed in between. */
export const markRefusedAsConflict = (result: BulkResult): BulkResult =>
  isRefused(result) ? { ...result, outcome: 'conflict' } : result;
