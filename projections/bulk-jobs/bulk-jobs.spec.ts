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
import { bulkJobs, bulkKey, type BlockRow, type JobRow } from './bulk-jobs.projection.js';

const key = bulkKey(org, 'bulk-1');
type Steps = readonly BulkCommand[];
const asked: Steps = [targetBulk(0, ['a', 'b', 'c']), requestBulk()];
const job = (...steps: Steps): JobRow | undefined =>
  projectRows<JobRow>(bulkJobs, 'jobs', givenBulk(...steps).events).get(key);
const block = (nth: number, ...steps: Steps): BlockRow | undefined =>
  projectRows<BlockRow>(bulkJobs, 'results', givenBulk(...steps).events).get(`${key}/${nth}`);

const some = recordExecuted(0, bulkResult(0, 'a'), bulkResult(1, 'b', 'rejected'));
const rest = recordExecuted(1, bulkResult(2, 'c'));

describe('The list of jobs', () => {
  it('has no row for a selection that is not requested', () => {
    expect(job(targetBulk(0, ['a', 'b', 'c']))).toBeUndefined();
  });

  it('has a row per bulk, which is the job as the bulk itself folds it', () => {
    const told = givenBulk(...asked, some);
    expect(job(...asked, some)).toEqual({ org, job: (told.state as { job?: unknown }).job });
  });

  it.each<[string, number, Steps]>([
    ['queued', 1, []],
    ['running', 1, [some]],
    ['completed', 0, [some, rest]],
    ['cancelled', 0, [some, cancelBulk]],
    ['queued', 1, [some, rest, retryBulk]],
  ])('tells which are open: %s (%i)', (state, open, steps) => {
    const row = job(...asked, ...steps)!;
    expect(row.job.state).toBe(state);
    expect(projectColumns(bulkJobs, 'jobs', row)).toMatchObject({ open });
  });
});

describe('The results of a bulk', () => {
  it('have a row per block, known from the event alone', () => {
    expect(block(0, ...asked, some)).toEqual({ bulk: key, block: 0, checked: null, done: some.results });
    expect(block(1, ...asked, some)).toBeUndefined();
  });

  it('are, of what was tried again, the last', () => {
    const again = inRound(1, recordExecuted(0, bulkResult(1, 'b')));
    expect(block(0, ...asked, some, rest, retryBulk, again)).toMatchObject({
      done: [bulkResult(0, 'a'), bulkResult(1, 'b')],
    });
  });

  it('are what would have become of them until they are carried out', () => {
    const allOrNothing: Steps = [targetBulk(0, ['a', 'b']), requestBulk({ mode: 'all_or_nothing', total: 2 })];
    const fine = recordChecked(0, bulkResult(0, 'a'), bulkResult(1, 'b'));
    expect(block(0, ...allOrNothing, fine)).toMatchObject({ checked: fine.results, done: null });
    expect(block(0, ...allOrNothing, fine, some)).toMatchObject({ checked: null, done: some.results });
  });
});
