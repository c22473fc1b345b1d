import type { Decider } from '../decider.js';
import type { NewEvent, Actor } from '../event.js';
import { refuse } from '../refusal.js';
import type { BulkAction, BulkMode } from './bulk.action.js';
import type { BulkEvent } from './bulk.events.js';
import { toStoredAction, evolveJob, isOpen, type BulkJob } from './bulk.job.js';
import { isRefused, findDuplicates, summarizeResults, type BulkResult } from './bulk.results.js';

export type BulkCommand = TargetBulk | RequestBulk | RecordBulk | RecordItems | RetryBulk | CancelBulk;

/** A part of the selection: those from the place `from` on. */
export interface TargetBulk {
  readonly type: 'TargetBulk';
  readonly bulkId: string;
  readonly selection: string;
  readonly from: number;
  readonly leadIds: readonly string[];
}

/** What is to be done, and to how many. */
interface Requested {
  readonly bulkId: string;
  readonly selection: string;
  readonly action: BulkAction;
  readonly mode: BulkMode;
  readonly blockSize: number;
  /** The caller dated it back. */
  readonly backdated: boolean;
}

/** The selection is whole: from now on it is a job. */
export interface RequestBulk extends Requested {
  readonly type: 'RequestBulk';
  readonly total: number;
  readonly filter: unknown;
}

/** A bulk that was carried out while its caller waited: on record with its results. */
export interface RecordBulk extends Requested {
  readonly type: 'KeepBulk';
  readonly results: readonly BulkResult[];
}

/** What became of the items of a task. */
export interface RecordItems {
  readonly type: 'RecordItems';
  readonly bulkId: string;
  readonly task: Omit<BulkTask, 'items'>;
  readonly results: readonly BulkResult[];
}

/** What was refused is tried again. */
export interface RetryBulk {
  readonly type: 'RetryBulk';
  readonly bulkId: string;
}

export interface CancelBulk {
  readonly type: 'CancelBulk';
  readonly bulkId: string;
}

/** A piece of a job's work. */
export interface BulkTask {
  /** `check`: what would become of them. */
  readonly phase: 'check' | 'carry out';
  readonly round: number;
  readonly block: number;
  readonly items: readonly { readonly index: number; readonly id: string }[];
}

export type Bulk = PendingBulk | KnownBulk;

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
  /** Items that name a lead again, and the item that named it first. */
  readonly duplicates: ReadonlyMap<number, number>;
  readonly blockSize: number;
  readonly round: number;
  /** Block by block, as far as they have been asked for. */
  readonly checked: readonly (readonly BulkResult[])[];
  /** Block by block, as far as they have been carried out: in which round last, and what became of each item. */
  readonly done: readonly { readonly round: number; readonly results: readonly BulkResult[] }[];
}

type Events = readonly NewEvent<BulkEvent>[];

/** THE RULES of a bulk: what is selected is fixed, each block is recorded once in a round, what is closed stays closed. */
export const bulkDecider: Decider<Bulk, BulkCommand, BulkEvent> = {
  initialState: { known: false, selection: null, ids: [] },
  evolve: evolveBulk,
  decide(command, state): Events {
    const { bulkId } = command;
    switch (command.type) {
      case 'TargetBulk': {
        const { selection, from, leadIds } = command;
        if (state.known) return [];
        if (from > 0) mustGoOn(state, selection, from);
        return [{ type: 'BulkTargeted', data: { bulkId, selection, from, leadIds } }];
      }

      case 'RequestBulk': {
        if (state.known) return [];
        if (command.total > 0) mustGoOn(state, command.selection, command.total);
        return [requested(command), ...(command.total === 0 ? [completed(bulkId)] : [])];
      }

      case 'KeepBulk': {
        if (state.known) return [];
        const { selection, results, blockSize } = command;
        const leadIds = results.map(({ id }) => id);
        const blocks = blocksOf(results, blockSize).map((block, nth): NewEvent<BulkEvent> => ({
          type: 'BulkItemsDone',
          data: { bulkId, round: 0, block: nth, results: block },
        }));
        return [
          { type: 'BulkTargeted', data: { bulkId, selection, from: 0, leadIds } },
          requested({ ...command, total: results.length, filter: null }),
          ...blocks,
          completed(bulkId),
        ];
      }

      case 'RecordItems':
        return recordItems(command, known(state));

      case 'RetryBulk': {
        const before = known(state);
        const { state: now } = before.job;
        if (isOpen(before.job)) throw refuse('bulk_running', { bulkId });
        if (now === 'cancelled') throw refuse('bulk_closed', { bulkId, state: now });
        const after = retried(before, before.round + 1);
        return taskLeft(after) ? [{ type: 'BulkRetried', data: { bulkId, round: after.round } }] : [];
      }

      case 'CancelBulk': {
        const { job } = known(state);
        if (job.state === 'cancelled') return [];
        if (!isOpen(job)) throw refuse('bulk_closed', { bulkId, state: job.state });
        return [{ type: 'BulkCancelled', data: { bulkId } }];
      }
    }
  },
};

function known(state: Bulk): KnownBulk {
  if (!state.known) throw refuse('not_found', { what: 'bulk' });
  return state;
}

/** Nobody else selects for the same bulk meanwhile, and nothing is missing. */
function mustGoOn(state: PendingBulk, selection: string, from: number): void {
  if (state.selection !== selection || state.ids.length !== from) throw refuse('conflict', {});
}

function requested(command: Requested & { readonly total: number; readonly filter: unknown }): NewEvent<BulkEvent> {
  const { bulkId, selection, total, mode, blockSize, filter } = command;
  const { action, words } = toStoredAction(command.action);
  return {
    type: 'BulkRequested',
    data: { bulkId, selection, total, blockSize, mode, backdated: command.backdated, action },
    personal: { ...words, filter },
  };
}

const completed = (bulkId: string): NewEvent<BulkEvent> => ({ type: 'BulkCompleted', data: { bulkId } });

/** The items of a task are recorded once. What was carried out is recorded also when the job was cancelled meanwhile. */
function recordItems({ bulkId, task, results }: RecordItems, state: KnownBulk): Events {
  const { phase: work, round, block } = task;
  if (round !== state.round) return [];
  if (work === 'check') {
    if (!isOpen(state.job) || state.checked.length !== block) return [];
    const event: NewEvent<BulkEvent> = { type: 'BulkItemsChecked', data: { bulkId, block, results } };
    const all = checked(state, results).checked.flat();
    const isLast = all.length === state.ids.length;
    if (!isLast || !all.some(isRefused)) return [event];
    const { ok, unchanged, rejected } = summarizeResults(all);
    return [event, { type: 'BulkFailed', data: { bulkId, ok, unchanged, rejected } }];
  }
  if (state.done[block]?.round === round) return [];
  const event: NewEvent<BulkEvent> = { type: 'BulkItemsDone', data: { bulkId, round, block, results } };
  const isLast = isOpen(state.job) && !taskLeft(carriedOut(state, round, block, results));
  return [event, ...(isLast ? [completed(bulkId)] : [])];
}

/** The next piece of an open job's work. */
export const findNextTask = (state: Bulk): BulkTask | undefined =>
  state.known && isOpen(state.job) ? taskLeft(state) : undefined;

function taskLeft(state: KnownBulk): BulkTask | undefined {
  const { round, ids, blockSize } = state;
  const blocks = Math.ceil(ids.length / blockSize);
  if (state.job.mode === 'all_or_nothing' && state.checked.length < blocks)
    return { phase: 'check', round, block: state.checked.length, items: itemsOf(state, state.checked.length) };
  for (let block = 0; block < blocks; block++) {
    const before = state.done[block];
    if (before?.round === round) continue;
    const again = (index: number): boolean => !before || isRetriable(before.results[index - block * blockSize]);
    const items = itemsOf(state, block).filter(({ index }) => again(index));
    if (items.length > 0) return { phase: 'carry out', round, block, items };
  }
  return undefined;
}

function itemsOf({ ids, blockSize }: KnownBulk, block: number): BulkTask['items'] {
  const from = block * blockSize;
  return ids.slice(from, from + blockSize).map((id, nth) => ({ index: from + nth, id }));
}

/** A lead that is not there will not be there the next time either. */
const isRetriable = (result: BulkResult | undefined): boolean =>
  result?.outcome === 'rejected' || result?.outcome === 'conflict';

const blocksOf = (results: readonly BulkResult[], size: number): readonly (readonly BulkResult[])[] =>
  Array.from({ length: Math.ceil(results.length / size) }, (_, nth) => results.slice(nth * size, (nth + 1) * size));

/** What became of an item that was carried out, or of one that was only asked for. */
export function findItemResult(state: KnownBulk, work: BulkTask['phase'], index: number): BulkResult | undefined {
  const [block, nth] = [Math.floor(index / state.blockSize), index % state.blockSize];
  return work === 'check' ? state.checked[block]?.[nth] : state.done[block]?.results[nth];
}

const checked = (state: KnownBulk, results: readonly BulkResult[]): KnownBulk => ({
  ...state,
  checked: [...state.checked, results],
});

/** What was tried again takes the place of what it was before. */
function carriedOut(state: KnownBulk, round: number, block: number, results: readonly BulkResult[]): KnownBulk {
  const again = new Map(results.map((it) => [it.index, it]));
  const before = state.done[block]?.results ?? results;
  const done = [...state.done];
  done[block] = { round, results: before.map((it) => again.get(it.index) ?? it) };
  return { ...state, done };
}

/** All or nothing that came to nothing asks again before it begins. */
const retried = (state: KnownBulk, round: number): KnownBulk => ({
  ...state,
  round,
  checked: state.job.state === 'failed' ? [] : state.checked,
});

function evolveBulk(state: Bulk, event: BulkEvent): Bulk {
  if (!state.known) {
    if (event.type === 'BulkTargeted') {
      const { selection, from, leadIds } = event.data;
      return { known: false, selection, ids: [...state.ids.slice(0, from), ...leadIds] };
    }
    if (event.type !== 'BulkRequested') return state;
    const job = evolveJob(undefined, event);
    const { blockSize, backdated } = event.data;
    const { ids } = state;
    const begin = { round: 0, checked: [], done: [] };
    return {
      known: true,
      job,
      requestedBy: event.meta.actor,
      backdated,
      ids,
      duplicates: findDuplicates(ids),
      blockSize,
      ...begin,
    };
  }
  const job = evolveJob(state.job, event);
  switch (event.type) {
    case 'BulkItemsChecked':
      return { ...checked(state, event.data.results), job };
    case 'BulkItemsDone': {
      const { round, block, results } = event.data;
      return { ...carriedOut(state, round, block, results), job };
    }
    case 'BulkRetried':
      return { ...retried(state, event.data.round), job };
    case 'BulkCancelled':
    case 'BulkCompleted':
    case 'BulkFailed':
      return { ...state, job };
    case 'BulkTargeted':
    case 'BulkRequested':
    default:
      return state;
  }
}
