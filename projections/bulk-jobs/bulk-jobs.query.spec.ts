import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BulkCommand } from '#domain/bulk/bulk.decide';
import { toBulkJobResource, toBulkResultResource } from '#resources/bulk.resource';
import {
  recordExecuted,
  recordChecked,
  givenBulk,
  requestBulk,
  bulkResult,
  targetBulk,
} from '#test/support/given-bulk';
import * as commands from '#test/support/given-when-then';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { bulkJobsView } from './bulk-jobs.projection.js';
import { loadJob, listOpenJobs, readResults } from './bulk-jobs.query.js';

const givenJob = (bulkId: string, clock: string, ...steps: readonly BulkCommand[]) =>
  givenBulk(...steps.map((step) => commands.at(clock, { ...step, bulkId })));
const eventsOf = (...job: Parameters<typeof givenJob>) => givenJob(...job).events;
const selection = targetBulk(0, ['a', 'b', 'c']);

/** 21 blocks of two items and one block of one item, which do not fit on one page. */
const blocks = Array.from({ length: 22 }, (_, block) =>
  block < 21 ? [bulkResult(2 * block, 'a'), bulkResult(2 * block + 1, 'b', 'rejected')] : [bulkResult(42, 'z')],
);
const long: readonly BulkCommand[] = [
  targetBulk(
    0,
    Array.from({ length: 43 }, (_, index) => `lead-${index}`),
  ),
  requestBulk({ total: 43 }),
  ...blocks.map((results, block) => recordExecuted(block, ...results)),
];
const failing: readonly BulkCommand[] = [
  selection,
  requestBulk({ mode: 'all_or_nothing' }),
  recordChecked(0, bulkResult(0, 'a'), bulkResult(1, 'b', 'rejected')),
  recordChecked(1, bulkResult(2, 'c')),
];
const log = mergeIntoLog(
  eventsOf('second', '10:00', selection, requestBulk()),
  eventsOf('first', '09:00', selection, requestBulk(), recordExecuted(0, bulkResult(0, 'a'), bulkResult(1, 'b'))),
  eventsOf('long', '08:00', ...long),
  eventsOf('failed', '08:00', ...failing),
  eventsOf('checking', '12:00', ...failing.slice(0, 3)),
  eventsOf('elsewhere', '11:00', selection, requestBulk()).map((event) => ({ ...event, org: 'org-2' })),
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(bulkJobsView, log);
});
afterAll(() => view.close());

const resultsOf = async (id: string) => {
  const job = (await loadJob(view.reader, commands.org, id))!;
  const results = [];
  for await (const result of readResults(view.reader, commands.org, job)) results.push(result);
  return results;
};

describe('Bulk jobs query', () => {
  it('loads a bulk job only for its own organization', async () => {
    const { state } = givenJob('second', '10:00', selection, requestBulk());
    expect(await loadJob(view.reader, commands.org, 'second')).toEqual(state.known && toBulkJobResource(state.job));
    for (const id of ['elsewhere', 'nothing']) expect(await loadJob(view.reader, commands.org, id)).toBeUndefined();
    expect(await loadJob(view.reader, 'org-2', 'elsewhere')).toMatchObject({ id: 'elsewhere' });
  });

  it('lists the open bulk jobs of all organizations, oldest first', async () => {
    expect(await listOpenJobs(view.reader)).toEqual([
      { org: commands.org, id: 'first' },
      { org: commands.org, id: 'second' },
      { org: 'org-2', id: 'elsewhere' },
      { org: commands.org, id: 'checking' },
    ]);
  });

  it('reads the results of executed items in item order, across pages', async () => {
    expect(await resultsOf('long')).toEqual(blocks.flat().map(toBulkResultResource));
    expect(await resultsOf('first')).toEqual([bulkResult(0, 'a'), bulkResult(1, 'b')].map(toBulkResultResource));
    for (const id of ['second', 'checking']) expect(await resultsOf(id)).toEqual([]);
  });

  it('reads the check results of a failed all_or_nothing job', async () => {
    expect(await resultsOf('failed')).toEqual(
      [bulkResult(0, 'a'), bulkResult(1, 'b', 'rejected'), bulkResult(2, 'c')].map(toBulkResultResource),
    );
  });
});
