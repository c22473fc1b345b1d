import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { BulkCommand } from '#domain/bulk/bulk.decide';
import { showJob } from '#domain/bulk/bulk.job';
import { showResult } from '#domain/bulk/bulk.results';
import { carriedOut, checked, givenBulk, requestBulk, result, target } from '#test/support/given-bulk';
import * as ask from '#test/support/given-when-then';
import { logOf, viewed } from '#test/support/viewed';
import { bulkJobs } from './bulk-jobs.projection.js';
import { oneJob, openJobs, resultsOf } from './bulk-jobs.query.js';

const told = (bulkId: string, clock: string, ...steps: readonly BulkCommand[]) =>
  givenBulk(...steps.map((step) => ask.at(clock, { ...step, bulkId })));
const bulk = (...of: Parameters<typeof told>) => told(...of).events;
const selected = target(0, ['a', 'b', 'c']);

/** 21 blocks of two items, and one of one. */
const blocks = Array.from({ length: 22 }, (_, block) =>
  block < 21 ? [result(2 * block, 'a'), result(2 * block + 1, 'b', 'rejected')] : [result(42, 'z')],
);
const long: readonly BulkCommand[] = [
  target(
    0,
    Array.from({ length: 43 }, (_, nth) => `lead-${nth}`),
  ),
  requestBulk({ total: 43 }),
  ...blocks.map((results, block) => carriedOut(block, ...results)),
];
const failing: readonly BulkCommand[] = [
  selected,
  requestBulk({ mode: 'all_or_nothing' }),
  checked(0, result(0, 'a'), result(1, 'b', 'rejected')),
  checked(1, result(2, 'c')),
];
const log = logOf(
  bulk('second', '10:00', selected, requestBulk()),
  bulk('first', '09:00', selected, requestBulk(), carriedOut(0, result(0, 'a'), result(1, 'b'))),
  bulk('long', '08:00', ...long),
  bulk('failed', '08:00', ...failing),
  bulk('asking', '12:00', ...failing.slice(0, 3)),
  bulk('elsewhere', '11:00', selected, requestBulk()).map((event) => ({ ...event, org: 'org-2' })),
);

let view: Awaited<ReturnType<typeof viewed>>;
beforeAll(async () => {
  view = await viewed(bulkJobs, log);
});
afterAll(() => view.close());

const resultsIn = async (id: string) => {
  const job = (await oneJob(view.reader, ask.org, id))!;
  const all = [];
  for await (const each of resultsOf(view.reader, ask.org, job)) all.push(each);
  return all;
};

it('A job is told to its own organization', async () => {
  const { state } = told('second', '10:00', selected, requestBulk());
  expect(await oneJob(view.reader, ask.org, 'second')).toEqual(state.known && showJob(state.job));
  for (const id of ['elsewhere', 'nothing']) expect(await oneJob(view.reader, ask.org, id)).toBeUndefined();
  expect(await oneJob(view.reader, 'org-2', 'elsewhere')).toMatchObject({ id: 'elsewhere' });
});

it('Jobs that are open are told of all organizations, oldest first', async () => {
  expect(await openJobs(view.reader)).toEqual([
    { org: ask.org, id: 'first' },
    { org: ask.org, id: 'second' },
    { org: 'org-2', id: 'elsewhere' },
    { org: ask.org, id: 'asking' },
  ]);
});

it('Results come in the order of the items, however many, as far as they were carried out', async () => {
  expect(await resultsIn('long')).toEqual(blocks.flat().map(showResult));
  expect(await resultsIn('first')).toEqual([result(0, 'a'), result(1, 'b')].map(showResult));
  for (const id of ['second', 'asking']) expect(await resultsIn(id)).toEqual([]);
});

it('Results of a bulk that failed are what would have become of its items', async () => {
  expect(await resultsIn('failed')).toEqual(
    [result(0, 'a'), result(1, 'b', 'rejected'), result(2, 'c')].map(showResult),
  );
});
