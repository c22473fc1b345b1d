import { describe, expect, it } from '@jest/globals';
import type { BulkCommand } from '#domain/bulk/bulk.decide';
import { projectColumns, projectRows } from '#test/support/project-rows';
import {
  cancelBulk,
  recordExecuted,
  recordChecked,
  givenBulk,
  inRound,
  requestBulk,
  bulkResult,
  retryBulk,
  targetBulk,
} from '#test/support/given-bulk';
import { org } from '#test/support/given-when-then';
import { bulkJobsView, bulkKey, type BlockRow, type JobRow } from './bulk-jobs.projection.js';

const key = bulkKey(org, 'bulk-1');
type Steps = readonly BulkCommand[];
const requested: Steps = [targetBulk(0, ['a', 'b', 'c']), requestBulk()];
const jobAfter = (...steps: Steps): JobRow | undefined =>
  projectRows<JobRow>(bulkJobsView, 'jobs', givenBulk(...steps).events).get(key);
const blockAfter = (block: number, ...steps: Steps): BlockRow | undefined =>
  projectRows<BlockRow>(bulkJobsView, 'results', givenBulk(...steps).events).get(`${key}/${block}`);

const firstBlock = recordExecuted(0, bulkResult(0, 'a'), bulkResult(1, 'b', 'rejected'));
const secondBlock = recordExecuted(1, bulkResult(2, 'c'));

describe('Bulk jobs view', () => {
  it('stores no job for a selection that has not been requested', () => {
    expect(jobAfter(targetBulk(0, ['a', 'b', 'c']))).toBeUndefined();
  });

  it('stores a row for each job, equal to the fold of the job', () => {
    const { state } = givenBulk(...requested, firstBlock);
    expect(jobAfter(...requested, firstBlock)).toEqual({ org, job: (state as { job?: unknown }).job });
  });

  it.each<[string, number, Steps]>([
    ['queued', 1, []],
    ['running', 1, [firstBlock]],
    ['completed', 0, [firstBlock, secondBlock]],
    ['cancelled', 0, [firstBlock, cancelBulk]],
    ['queued', 1, [firstBlock, secondBlock, retryBulk]],
  ])('stores for a %s job the value %i in the column "open"', (state, open, steps) => {
    const row = jobAfter(...requested, ...steps)!;
    expect(row.job.state).toBe(state);
    expect(projectColumns(bulkJobsView, 'jobs', row)).toMatchObject({ open });
  });

  it('stores a row with results for each executed block', () => {
    const [first, second] = [0, 1].map((block) => blockAfter(block, ...requested, firstBlock));
    expect(first).toEqual({ bulk: key, block: 0, checked: null, done: firstBlock.results });
    expect(second).toBeUndefined();
  });

  it('replaces the result of a retried item', () => {
    const retried = inRound(1, recordExecuted(0, bulkResult(1, 'b')));
    expect(blockAfter(0, ...requested, firstBlock, secondBlock, retryBulk, retried)).toMatchObject({
      done: [bulkResult(0, 'a'), bulkResult(1, 'b')],
    });
  });

  it('keeps check results until the items have been executed', () => {
    const allOrNothing: Steps = [targetBulk(0, ['a', 'b']), requestBulk({ mode: 'all_or_nothing', total: 2 })];
    const checked = recordChecked(0, bulkResult(0, 'a'), bulkResult(1, 'b'));
    expect(blockAfter(0, ...allOrNothing, checked)).toMatchObject({ checked: checked.results, done: null });
    expect(blockAfter(0, ...allOrNothing, checked, firstBlock)).toMatchObject({
      checked: null,
      done: firstBlock.results,
    });
  });
});
