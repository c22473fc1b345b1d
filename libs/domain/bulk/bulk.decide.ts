import { createDecide, createEvolve, type Decider, type Decisions, type Evolutions } from '../decider.js';
import type { Actor, NewEvent } from '../event-envelope.js';
import { refuse } from '../refusal.js';
import type { BulkAction, BulkMode } from './bulk.action.js';
import type { BulkEvent, BulkRequested } from './bulk.events.js';
import { evolveJob, isOpen, toStoredAction, type BulkJob } from './bulk.job.js';
import { findDuplicates, isRefused, mergeResults, summarizeResults, type BulkResult } from './bulk.results.js';

export type BulkCommand = TargetBulk | RequestBulk | RecordBulk | RecordItems | RetryBulk | CancelBulk;

/** Writes one part of the selection. All parts are written before `RequestBulk`. */
export interface TargetBulk {
  readonly type: 'TargetBulk';
  readonly bulkId: string;
  /** The id of this attempt to write the selection. */
  readonly selection: string;
  /** The index of the first of these leads in the selection. */
  readonly from: number;
  readonly leadIds: readonly string[];
}

interface BulkRequest {
  readonly bulkId: string;
  readonly selection: string;
  readonly action: BulkAction;
  readonly mode: BulkMode;
  readonly blockSize: number;
  readonly backdated: boolean;
}

/** Starts a job for the complete selection. */
export interface RequestBulk extends BulkRequest {
  readonly type: 'RequestBulk';
  readonly total: number;
  readonly filter: unknown;
}

/** Records a bulk job that was executed synchronously, before the response to its caller. */
export interface RecordBulk extends BulkRequest {
  readonly type: 'RecordBulk';
  readonly results: readonly BulkResult[];
}

/** Records the results of a task. */
export interface RecordItems {
  readonly type: 'RecordItems';
  readonly bulkId: string;
  readonly task: Omit<BulkTask, 'items'>;
  readonly results: readonly BulkResult[];
}

/** Retries the items that were rejected or had a conflict. */
export interface RetryBulk {
  readonly type: 'RetryBulk';
  readonly bulkId: string;
}

export interface CancelBulk {
  readonly type: 'CancelBulk';
  readonly bulkId: string;
}

/** The work on one block of items. */
export interface BulkTask {
  /** `check`: find out what the results would be, without executing anything. */
  readonly phase: 'check' | 'carry out';
  readonly round: number;
  readonly block: number;
  readonly items: readonly { readonly index: number; readonly id: string }[];
}

export type Bulk = PendingBulk | KnownBulk;

/** A bulk job that has not been requested yet: its selection may be incomplete. */
export interface PendingBulk {
  readonly known: false;
  readonly selection: string | null;
  readonly ids: readonly string[];
}

export interface KnownBulk {
  readonly known: true;
  readonly job: BulkJob;
  readonly requestedBy: Actor;
  readonly backdated: boolean;
  readonly ids: readonly string[];
  /** See `findDuplicates`. */
  readonly duplicates: ReadonlyMap<number, number>;
  readonly blockSize: number;
  readonly round: number;
  /** The results of the blocks checked so far. */
  readonly checked: readonly (readonly BulkResult[])[];
  /** The blocks executed so far, each with its last round and the latest result of every item. */
  readonly done: readonly { readonly round: number; readonly results: readonly BulkResult[] }[];
}

type Events = readonly NewEvent<BulkEvent>[];

const decisions: Decisions<Bulk, BulkCommand, BulkEvent> = {
  TargetBulk({ bulkId, selection, from, leadIds }, bulk) {
    if (bulk.known) return [];
    if (from > 0) requireSelected(bulk, selection, from);
    return [{ type: 'BulkTargeted', data: { bulkId, selection, from, leadIds } }];
  },

  RequestBulk(command, bulk) {
    if (bulk.known) return [];
    const { bulkId, selection, total, filter } = command;
    if (total > 0) requireSelected(bulk, selection, total);
    const requested = bulkRequested(command, total, filter);
    return total === 0 ? [requested, completed(bulkId)] : [requested];
  },

  RecordBulk(command, bulk) {
    if (bulk.known) return [];
    const { bulkId, selection, results, blockSize } = command;
    const blocks = splitIntoBlocks(results, blockSize).map((block, index): NewEvent<BulkEvent> => ({
      type: 'BulkItemsDone',
      data: { bulkId, round: 0, block: index, results: block },
    }));
    return [
      { type: 'BulkTargeted', data: { bulkId, selection, from: 0, leadIds: results.map(({ id }) => id) } },
      bulkRequested(command, results.length, null),
      ...blocks,
      completed(bulkId),
    ];
  },

  RecordItems: (command, bulk) =>
    command.task.phase === 'check'
      ? recordChecked(command, requireKnown(bulk))
      : recordExecuted(command, requireKnown(bulk)),

  RetryBulk({ bulkId }, state) {
    const bulk = requireKnown(state);
    if (isOpen(bulk.job)) throw refuse('bulk_running', { bulkId });
    if (bulk.job.state === 'cancelled') throw refuse('bulk_closed', { bulkId, state: bulk.job.state });
    const retried = withRetry(bulk, bulk.round + 1);
    return findRemainingTask(retried) ? [{ type: 'BulkRetried', data: { bulkId, round: retried.round } }] : [];
  },

  CancelBulk({ bulkId }, bulk) {
    const { job } = requireKnown(bulk);
    if (job.state === 'cancelled') return [];
    if (!isOpen(job)) throw refuse('bulk_closed', { bulkId, state: job.state });
    return [{ type: 'BulkCancelled', data: { bulkId } }];
  },
};

const evolutions: Evolutions<KnownBulk, BulkEvent> = {
  BulkTargeted: (bulk) => bulk,
  BulkRequested: (bulk) => bulk,
  BulkItemsChecked: (bulk, event) => ({ ...withChecked(bulk, event.data.results), job: evolveJob(bulk.job, event) }),
  BulkItemsDone(bulk, event) {
    const { round, block, results } = event.data;
    return { ...withExecuted(bulk, round, block, results), job: evolveJob(bulk.job, event) };
  },
  BulkRetried: (bulk, event) => ({ ...withRetry(bulk, event.data.round), job: evolveJob(bulk.job, event) }),
  BulkCancelled: (bulk, event) => ({ ...bulk, job: evolveJob(bulk.job, event) }),
  BulkCompleted: (bulk, event) => ({ ...bulk, job: evolveJob(bulk.job, event) }),
  BulkFailed: (bulk, event) => ({ ...bulk, job: evolveJob(bulk.job, event) }),
};
const evolveKnownBulk = createEvolve(evolutions);

/**
 * THE RULES of a bulk job: a requested selection never changes, each block is recorded once per round, and a cancelled job stays
 * cancelled.
 */
export const bulkDecider: Decider<Bulk, BulkCommand, BulkEvent> = {
  initialState: { known: false, selection: null, ids: [] },
  decide: createDecide(decisions),
  evolve: (bulk, event) => (bulk.known ? evolveKnownBulk(bulk, event) : evolvePendingBulk(bulk, event)),
};

function evolvePendingBulk(bulk: PendingBulk, event: BulkEvent): Bulk {
  if (event.type === 'BulkTargeted') {
    const { selection, from, leadIds } = event.data;
    return { known: false, selection, ids: [...bulk.ids.slice(0, from), ...leadIds] };
  }
  return event.type === 'BulkRequested' ? requestedBulk(bulk, event) : bulk;
}

const requestedBulk = ({ ids }: PendingBulk, event: BulkRequested): KnownBulk => ({
  known: true,
  job: evolveJob(undefined, event),
  requestedBy: event.meta.actor,
  backdated: event.data.backdated,
  ids,
  duplicates: findDuplicates(ids),
  blockSize: event.data.blockSize,
  round: 0,
  checked: [],
  done: [],
});

function requireKnown(bulk: Bulk): KnownBulk {
  if (!bulk.known) throw refuse('not_found', { what: 'bulk' });
  return bulk;
}

/** Requires that no newer attempt has started, and that exactly the first `count` leads are written. */
function requireSelected(bulk: PendingBulk, selection: string, count: number): void {
  if (bulk.selection !== selection || bulk.ids.length !== count) throw refuse('conflict', {});
}

function bulkRequested(request: BulkRequest, total: number, filter: unknown): NewEvent<BulkEvent> {
  const { bulkId, selection, mode, blockSize, backdated } = request;
  const { action, text } = toStoredAction(request.action);
  return {
    type: 'BulkRequested',
    data: { bulkId, selection, total, blockSize, mode, backdated, action },
    personal: { reason: text.reason, note: text.note, filter },
  };
}

const completed = (bulkId: string): NewEvent<BulkEvent> => ({ type: 'BulkCompleted', data: { bulkId } });

function recordChecked({ bulkId, task, results }: RecordItems, bulk: KnownBulk): Events {
  const { round, block } = task;
  if (round !== bulk.round || !isOpen(bulk.job) || bulk.checked.length !== block) return [];
  const checked: NewEvent<BulkEvent> = { type: 'BulkItemsChecked', data: { bulkId, block, results } };
  const allResults = withChecked(bulk, results).checked.flat();
  const isLast = allResults.length === bulk.ids.length;
  if (!isLast || !allResults.some(isRefused)) return [checked];
  const { ok, unchanged, rejected } = summarizeResults(allResults);
  return [checked, { type: 'BulkFailed', data: { bulkId, ok, unchanged, rejected } }];
}

/** Results are recorded even if the job was cancelled while the items were executed. */
function recordExecuted({ bulkId, task, results }: RecordItems, bulk: KnownBulk): Events {
  const { round, block } = task;
  if (round !== bulk.round || bulk.done[block]?.round === round) return [];
  const executed: NewEvent<BulkEvent> = { type: 'BulkItemsDone', data: { bulkId, round, block, results } };
  const isLast = isOpen(bulk.job) && !findRemainingTask(withExecuted(bulk, round, block, results));
  return isLast ? [executed, completed(bulkId)] : [executed];
}

/** The next task of an open job. */
export const findNextTask = (bulk: Bulk): BulkTask | undefined =>
  bulk.known && isOpen(bulk.job) ? findRemainingTask(bulk) : undefined;

function findRemainingTask(bulk: KnownBulk): BulkTask | undefined {
  const { round, blockSize } = bulk;
  const blockCount = Math.ceil(bulk.ids.length / blockSize);
  if (bulk.job.mode === 'all_or_nothing' && bulk.checked.length < blockCount) {
    const block = bulk.checked.length;
    return { phase: 'check', round, block, items: itemsOf(bulk, block) };
  }
  for (let block = 0; block < blockCount; block++) {
    const done = bulk.done[block];
    if (done?.round === round) continue;
    const items = done
      ? itemsOf(bulk, block).filter(({ index }) => isRetriable(done.results[index - block * blockSize]))
      : itemsOf(bulk, block);
    if (items.length > 0) return { phase: 'carry out', round, block, items };
  }
  return undefined;
}

function itemsOf({ ids, blockSize }: KnownBulk, block: number): BulkTask['items'] {
  const from = block * blockSize;
  return ids.slice(from, from + blockSize).map((id, offset) => ({ index: from + offset, id }));
}

/** Items with the outcome `not_found` are not retried: a retry would not find their leads either. */
const isRetriable = (result: BulkResult | undefined): boolean =>
  result?.outcome === 'rejected' || result?.outcome === 'conflict';

const splitIntoBlocks = (results: readonly BulkResult[], size: number): readonly (readonly BulkResult[])[] =>
  Array.from({ length: Math.ceil(results.length / size) }, (_, block) =>
    results.slice(block * size, (block + 1) * size),
  );

/** An item's result in this phase; undefined if there is none yet. */
export function findItemResult(bulk: KnownBulk, phase: BulkTask['phase'], index: number): BulkResult | undefined {
  const block = Math.floor(index / bulk.blockSize);
  const offset = index % bulk.blockSize;
  return phase === 'check' ? bulk.checked[block]?.[offset] : bulk.done[block]?.results[offset];
}

const withChecked = (bulk: KnownBulk, results: readonly BulkResult[]): KnownBulk => ({
  ...bulk,
  checked: [...bulk.checked, results],
});

function withExecuted(bulk: KnownBulk, round: number, block: number, results: readonly BulkResult[]): KnownBulk {
  const done = [...bulk.done];
  done[block] = { round, results: mergeResults(done[block]?.results, results) };
  return { ...bulk, done };
}

/** A retried job whose check failed is checked again. */
const withRetry = (bulk: KnownBulk, round: number): KnownBulk => ({
  ...bulk,
  round,
  checked: bulk.job.state === 'failed' ? [] : bulk.checked,
});
