import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from '../support/app.js';
import { postInteraction } from '../support/api-steps.js';

/** The three apps as separate processes on one data folder, with two workers. */
const commands = new App({}, 'command-api');
const shared = await commands.env();
const queries = new App(shared, 'query-api');
const workers = [new App(shared, 'worker'), new App(shared, 'worker')] as const;
const all = [commands, queries, ...workers];

const metricsPage = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'reference', 'metrics.md'), 'utf8');

beforeAll(async () => {
  await commands.start();
  await Promise.all(workers.map((worker) => worker.start()));
  await queries.start();
});
afterAll(async () => {
  for (const app of all) await app.dispose();
});

const leaseOf = async (worker: App): Promise<string> =>
  (await worker.get<{ checks: { worker: { lease: string } } }>('/readyz')).body.checks.worker.lease;
/** Events that the worker has applied to the lead list; undefined if it never held the lease. */
const eventsAppliedBy = async (worker: App): Promise<number | undefined> => {
  const { text } = await worker.get('/metrics');
  const value = /^leadstream_worker_events_applied\{view="lead-list"\} (\d+)$/m.exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
};
async function roles(): Promise<{ readonly holder: App; readonly standby: App }> {
  const leases = await Promise.all(workers.map(leaseOf));
  expect(leases.toSorted()).toEqual(['held', 'standing by']);
  const [first, second] = workers;
  return leases[0] === 'held' ? { holder: first, standby: second } : { holder: second, standby: first };
}
/** Creates a lead and returns the milliseconds until the lead list shows it. */
async function measureLag(): Promise<number> {
  const { leadId, position } = await postInteraction(commands);
  const startedAt = performance.now();
  expect((await queries.get(`/v1/leads/${leadId}`, { after: position, wait: 30_000 })).status).toBe(200);
  return performance.now() - startedAt;
}

test('one of two workers works, and the other stands by and is ready', async () => {
  await measureLag();
  const { holder, standby } = await roles();
  for (const worker of [holder, standby]) expect((await worker.get('/readyz')).status).toBe(200);
  expect(await eventsAppliedBy(holder)).toBeGreaterThan(0);
  expect(await eventsAppliedBy(standby)).toBeUndefined();
  expect((await standby.get('/metrics')).text).toMatch(/^leadstream_worker_lease_held 0$/m);
});

test('a standby worker takes over within seconds when the active worker is killed', async () => {
  const { holder, standby } = await roles();
  await holder.kill();
  expect(await measureLag()).toBeLessThan(20_000);
  expect(await leaseOf(standby)).toBe('held');
  await holder.start();
  expect(await roles()).toEqual({ holder: standby, standby: holder });
});

test('a standby worker takes over immediately when the active worker is stopped', async () => {
  const { holder, standby } = await roles();
  expect((await holder.stop()).code).toBe(0);
  expect(await measureLag()).toBeLessThan(3_900);
  expect(await leaseOf(standby)).toBe('held');
  await holder.start();
});

test('docs/reference/metrics.md lists every metric of the processes, with its type and labels', async () => {
  await measureLag();
  const documented = new Map(
    [...metricsPage.matchAll(/^\| `(leadstream_\w+)` +\| (\w+) +\| (.*?) +\|/gm)].map(([, name, kind, labels]) => [
      name!,
      { kind, labels: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label).toSorted() },
    ]),
  );
  const metrics = (await Promise.all(all.map((app) => app.get('/metrics')))).map(({ text }) => text).join('\n');
  const kinds = new Map(
    [...metrics.matchAll(/^# TYPE (leadstream_\w+) (\w+)$/gm)].map(([, name, kind]) => [name!, kind]),
  );
  expect(Object.fromEntries([...documented].map(([name, { kind }]) => [name, kind]))).toEqual(
    Object.fromEntries(kinds),
  );
  let labelled = 0;
  for (const [, name = '', labels = ''] of metrics.matchAll(/^(leadstream_\w+?)(?:_bucket|_sum|_count)?\{(.*)\} /gm)) {
    const known = documented.get(name);
    const named = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label!).filter((label) => label !== 'le');
    expect([name, named.toSorted()]).toEqual([name, known?.labels]);
    labelled++;
  }
  expect(labelled).toBeGreaterThan(100);
});
