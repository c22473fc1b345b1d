import {
  bulk,
  type Bulk,
  type BulkCommand,
  type KeepBulk,
  type RecordItems,
  type RequestBulk,
  type TargetBulk,
} from '#domain/bulk/bulk.decide';
import type { BulkEvent } from '#domain/bulk/bulk.events';
import type { BulkOutcome, BulkResult } from '#domain/bulk/bulk.results';
import { tell } from './given-when-then.js';

/* Sentences about bulks; what does not matter to one is filled in. Blocks have two items. */

/** A bulk as these steps left it. */
export const givenBulk = tell<Bulk, BulkCommand, BulkEvent>(bulk);

const requested = {
  bulkId: 'bulk-1',
  selection: 's-1',
  action: { type: 'unassign' },
  mode: 'best_effort',
  blockSize: 2,
  backdated: false,
} as const;

export const target = (from: number, leadIds: readonly string[], selection = 's-1'): TargetBulk => ({
  type: 'TargetBulk',
  bulkId: 'bulk-1',
  selection,
  from,
  leadIds,
});

export const requestBulk = (of: Partial<RequestBulk> = {}): RequestBulk => ({
  type: 'RequestBulk',
  ...requested,
  total: 3,
  filter: null,
  ...of,
});

export const keepBulk = (results: readonly BulkResult[]): KeepBulk => ({ type: 'KeepBulk', ...requested, results });

export const result = (index: number, id: string, outcome: BulkOutcome = 'ok'): BulkResult => {
  const isFine = outcome === 'ok' || outcome === 'unchanged';
  const code = outcome === 'rejected' ? 'lead_inactive' : outcome;
  return { index, id, outcome, code: isFine ? null : code, version: isFine ? 3 : null };
};

const record = (
  work: 'check' | 'carry out',
  block: number,
  results: readonly BulkResult[],
  round = 0,
): RecordItems => ({
  type: 'RecordItems',
  bulkId: 'bulk-1',
  task: { work, round, block },
  results,
});
export const checked = (block: number, ...results: readonly BulkResult[]): RecordItems =>
  record('check', block, results);
export const carriedOut = (block: number, ...results: readonly BulkResult[]): RecordItems =>
  record('carry out', block, results);
/** The same in a later round. */
export const inRound = (round: number, { task, ...step }: RecordItems): RecordItems => ({
  ...step,
  task: { ...task, round },
});

export const cancelBulk: BulkCommand = { type: 'CancelBulk', bulkId: 'bulk-1' };
export const retryBulk: BulkCommand = { type: 'RetryBulk', bulkId: 'bulk-1' };
