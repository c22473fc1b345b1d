import { afterAll, beforeAll, expect, it } from '@jest/globals';
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
import * as ask from '#test/support/given-when-then';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { bulkJobs } from './bulk-jobs.projection.js';
import { loadJob, listOpenJobs, readResults } from './bulk-jobs.query.js';

const told = (bulkId: string, clock: string, ...steps: readonly BulkCommand[]) =>
  givenBulk(...steps.map((step) => ask.at(clock, { ...step, bulkId })));
const bulk = (...of: Parameters<typeof told>) => told(...of).events;
const selected = targetBulk(0, ['a', 'b', 'c']);

/** 21 blocks of two items, and one of one. */
const blocks = Array.from({ length: 22 }, (_, block) =>
  block < 21 ? [bulkResult(2 * block, 'a'), bulkResult(2 * block + 1, 'b', 'rejected')] : [bulkResult(42, 'z')],
);
const long: readonly BulkCommand[] = [
  targetBulk(
    0,
    Array.from({ length: 43 }, (_, nth) => `lead-${nth}`),
  ),
  requestBulk({ total: 43 }),
  ...blocks.map((results, block) => recordExecuted(block, ...results)),
];
const failing: readonly BulkCommand[] = [
  selected,
  requestBulk({ mode: 'all_or_nothing' }),
  recordChecked(0, bulkResult(0, 'a'), bulkResult(1, 'b', 'rejected')),
  recordChecked(1, bulkResult(2, 'c')),
];
const log = mergeIntoLog(
  bulk('second', '10:00', selected, requestBulk()),
  bulk('first', '09:00', selected, requestBulk(), recordExecuted(0, bulkResult(0, 'a'), bulkResult(1, 'b'))),
  bulk('long', '08:00', ...long),
  bulk('failed', '08:00', ...failing),
  bulk('asking', '12:00', ...failing.slice(0, 3)),
  bulk('elsewhere', '11:00', selected, requestBulk()).map((event) => ({ ...event, org: 'org-2' })),
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(bulkJobs, log);
});
afterAll(() => view.close());

const resultsIn = async (id: string) => {
  const job = (await loadJob(view.reader, ask.org, id))!;
  const all = [];
  for await (const each of readResults(view.reader, ask.org, job)) all.push(each);
  return all;
};

it('A job is told to its own organization', async () => {
  const { state } = told('second', '10:00', selected, requestBulk());
  expect(await loadJob(view.reader, ask.org, 'second')).toEqual(state.known && toBulkJobResource(state.job));
  for (const id of ['elsewhere', 'nothing']) expect(await loadJob(view.reader, ask.org, id)).toBeUndefined();
  expect(await loadJob(view.reader, 'org-2', 'elsewhere')).toMatchObject({ id: 'elsewhere' });
});

it('Jobs that are open are told of all organizations, oldest first', async () => {
  expect(await listOpenJobs(view.reader)).toEqual([
    { org: ask.org, id: 'first' },
    { org: ask.org, id: 'second' },
    { org: 'org-2', id: 'elsewhere' },
    { org: ask.org, id: 'asking' },
  ]);
});

it('Results come in the order of the items, however many, as far as they were carried out', async () => {
  expect(await resultsIn('long')).toEqual(blocks.flat().map(toBulkResultResource));
  expect(await resultsIn('first')).toEqual([bulkResult(0, 'a'), bulkResult(1, 'b')].map(toBulkResultResource));
  for (const id of ['second', 'asking']) expect(await resultsIn(id)).toEqual([]);
});

it('Results of a bulk that failed are what would have become of its items', async () => {
  expect(await resultsIn('failed')).toEqual(
    [bulkResult(0, 'a'), bulkResult(1, 'b', 'rejected'), bulkResult(2, 'c')].map(toBulkResultResource),
  );
});
