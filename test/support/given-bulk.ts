import {
  bulkDecider,
  type Bulk,
  type BulkCommand,
  type RecordBulk,
  type RecordItems,
  type RequestBulk,
  type TargetBulk,
} from '#domain/bulk/bulk.decide';
import type { BulkEvent } from '#domain/bulk/bulk.events';
import type { BulkOutcome, BulkResult } from '#domain/bulk/bulk.results';
import { createGiven } from './given-when-then.js';

/* Tests of bulk jobs. Fields that do not matter to a test have defaults. Blocks have two items. */

/** A bulk job after these steps. */
export const givenBulk = createGiven<Bulk, BulkCommand, BulkEvent>(bulkDecider);

const requested = {
  bulkId: 'bulk-1',
  selection: 's-1',
  action: { type: 'unassign' },
  mode: 'best_effort',
  blockSize: 2,
  backdated: false,
} as const;

export const targetBulk = (from: number, leadIds: readonly string[], selection = 's-1'): TargetBulk => ({
  type: 'TargetBulk',
  bulkId: 'bulk-1',
  selection,
  from,
  leadIds,
});

export const requestBulk = (fields: Partial<RequestBulk> = {}): RequestBulk => ({
  type: 'RequestBulk',
  ...requested,
  total: 3,
  filter: null,
  ...fields,
});

export const recordBulk = (results: readonly BulkResult[]): RecordBulk => ({
  type: 'RecordBulk',
  ...requested,
  results,
});

export const bulkResult = (index: number, id: string, outcome: BulkOutcome = 'ok'): BulkResult => {
  const isAccepted = outcome === 'ok' || outcome === 'unchanged';
  const code = outcome === 'rejected' ? 'lead_inactive' : outcome;
  return { index, id, outcome, code: isAccepted ? null : code, version: isAccepted ? 3 : null };
};

const record = (
  phase: 'check' | 'carry out',
  block: number,
  results: readonly BulkResult[],
  round = 0,
): RecordItems => ({
  type: 'RecordItems',
  bulkId: 'bulk-1',
  task: { phase, round, block },
  results,
});
export const recordChecked = (block: number, ...results: readonly BulkResult[]): RecordItems =>
  record('check', block, results);
export const recordExecuted = (block: number, ...results: readonly BulkResult[]): RecordItems =>
  record('carry out', block, results);
/** The same results in a later round. */
export const inRound = (round: number, { task, ...step }: RecordItems): RecordItems => ({
  ...step,
  task: { ...task, round },
});

export const cancelBulk: BulkCommand = { type: 'CancelBulk', bulkId: 'bulk-1' };
export const retryBulk: BulkCommand = { type: 'RetryBulk', bulkId: 'bulk-1' };
