import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from '../support/app.js';
import { postInteraction } from '../support/api-steps.js';

/** The three apps as processes of their own on one data folder, the worker twice. */
const commands = new App({}, 'command-api');
const shared = await commands.env();
const queries = new App(shared, 'query-api');
const workers = [new App(shared, 'worker'), new App(shared, 'worker')] as const;
const all = [commands, queries, ...workers];

const operations = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'operations.md'), 'utf8');

beforeAll(async () => {
  await commands.start();
  await Promise.all(workers.map((it) => it.start()));
  await queries.start();
});
afterAll(async () => {
  for (const app of all) await app.dispose();
});

const leaseOf = async (worker: App): Promise<string> =>
  (await worker.get<{ checks: { worker: { lease: string } } }>('/readyz')).body.checks.worker.lease;
/** How many events it has applied to the list of leads; undefined when it never had a turn. */
const appliedBy = async (worker: App): Promise<number | undefined> => {
  const { text } = await worker.get('/metrics');
  const figure = /^leadstream_worker_events_applied\{view="lead-list"\} (\d+)$/m.exec(text)?.[1];
  return figure === undefined ? undefined : Number(figure);
};
/** Which of them works, and which stands by. */
async function roles(): Promise<{ readonly holder: App; readonly other: App }> {
  const leases = await Promise.all(workers.map(leaseOf));
  expect(leases.toSorted()).toEqual(['held', 'standing by']);
  const [one, two] = workers;
  return leases[0] === 'held' ? { holder: one, other: two } : { holder: two, other: one };
}
/** How long a view takes to show what has just been written. */
async function shownAfter(): Promise<number> {
  const { leadId, position } = await postInteraction(commands);
  const since = performance.now();
  expect((await queries.get(`/v1/leads/${leadId}`, { after: position, wait: 30_000 })).status).toBe(200);
  return performance.now() - since;
}

test('of two workers one works, and the other is ready to', async () => {
  await shownAfter();
  const { holder, other } = await roles();
  for (const worker of [holder, other]) expect((await worker.get('/readyz')).status).toBe(200);
  expect(await appliedBy(holder)).toBeGreaterThan(0);
  expect(await appliedBy(other)).toBeUndefined();
  expect((await other.get('/metrics')).text).toMatch(/^leadstream_worker_lease_held 0$/m);
});

test('when it is killed, the other one works within seconds', async () => {
  const { holder, other } = await roles();
  await holder.kill();
  expect(await shownAfter()).toBeLessThan(20_000);
  expect(await leaseOf(other)).toBe('held');
  await holder.start();
  expect(await roles()).toEqual({ holder: other, other: holder });
});

test('when it is stopped, the other one works at once', async () => {
  const { holder, other } = await roles();
  expect((await holder.stop()).code).toBe(0);
  expect(await shownAfter()).toBeLessThan(3_900);
  expect(await leaseOf(other)).toBe('held');
  await holder.start();
});

test('every figure of ours that a process tells stands in docs/operations.md, with its kind and labels', async () => {
  await shownAfter();
  const documented = new Map(
    [...operations.matchAll(/^\| `(leadstream_\w+)` +\| (\w+) +\| (.*?) +\|/gm)].map(([, name, kind, labels]) => [
      name!,
      { kind, labels: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label).toSorted() },
    ]),
  );
  const told = (await Promise.all(all.map((app) => app.get('/metrics')))).map(({ text }) => text).join('\n');
  const kinds = new Map([...told.matchAll(/^# TYPE (leadstream_\w+) (\w+)$/gm)].map(([, name, kind]) => [name!, kind]));
  expect(Object.fromEntries([...documented].map(([name, { kind }]) => [name, kind]))).toEqual(
    Object.fromEntries(kinds),
  );
  let labelled = 0;
  for (const [, name = '', labels = ''] of told.matchAll(/^(leadstream_\w+?)(?:_bucket|_sum|_count)?\{(.*)\} /gm)) {
    const known = documented.get(name);
    const named = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label!).filter((label) => label !== 'le');
    expect([name, named.toSorted()]).toEqual([name, known?.labels]);
    labelled++;
  }
  expect(labelled).toBeGreaterThan(100);
});
