import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { FollowUpResource } from '#resources/follow-up.resource';
import { App, setupApp, type StringMap } from '#test/support/app';
import { runCli } from '#test/support/cli';
import {
  getAllItems,
  getAllLeads,
  postAgent,
  getContactHistory,
  inHours,
  waitForReminders,
} from '#test/support/api-steps';

/** Runs the demo and returns its output. @throws Error if it fails */
async function loadDemo(url: string, contacts: number): Promise<string> {
  const { code, out, err } = await runCli(['--url', url, '--contacts', String(contacts)], {}, 'demo');
  if (code !== 0) throw new Error(`The demo failed with code ${code}: ${err}${out}`);
  return out;
}

/** All leads and histories, after the automations have unassigned the deactivated agent and sent overdue reminders. */
async function readSample(app: App): Promise<object> {
  await postAgent(app);
  while ((await getAllLeads(app, { agentId: 'demo-1-ines', active: true })).length > 0);
  for (const { leadId } of await getAllItems<FollowUpResource>(app, '/v1/follow-ups', {
    state: 'open',
    due: 'overdue',
  }))
    await waitForReminders(app, leadId, 1);
  const leads = await getAllLeads(app, { sort: 'createdAt' });
  const contacts = [...new Set(leads.map((lead) => lead.contactId))];
  return { leads, histories: await Promise.all(contacts.map((contact) => getContactHistory(app, contact))) };
}

describe('the demo', () => {
  const app = setupApp();
  let output: string;
  beforeAll(async () => {
    output = await loadDemo(app.url, 40);
  });

  test('the service accepts all commands of the demo', async () => {
    expect(output).toMatch(/^[\d,]+ commands in [\d.]+ s\.$/m);
    const leads = await getAllLeads(app);
    expect(new Set(leads.map((lead) => lead.contactId)).size).toBeGreaterThanOrEqual(38);
    expect(new Set(leads.map((lead) => lead.status)).size).toBeGreaterThan(4);
    expect(leads.some((lead) => lead.ordinal === 3)).toBe(true);
    expect(leads.every((lead) => lead.createdAt < new Date().toISOString())).toBe(true);
  });

  test('the requests that the demo prints work when they are pasted into a shell', async () => {
    const requests = [...output.matchAll(/^ {4}(curl .*)$/gm)].map(([, line = '']) => line);
    expect(requests.length).toBeGreaterThan(8);
    for (const request of requests) {
      const { stdout } = await promisify(execFile)('bash', ['-c', request]);
      const response = JSON.parse(stdout) as { code?: string; items?: unknown[] };
      if (request.includes('/assignment')) expect(response.code).toBe('lead_inactive');
      else expect(response).toHaveProperty('items');
      if (request.includes('q=')) expect(response.items).not.toEqual([]);
    }
  });

  test('the demo changes nothing when it runs again', async () => {
    const before = await readSample(app);
    const again = await loadDemo(app.url, 40);
    expect(again).toContain('exists already');
    expect(again).toContain('so nothing changed');
    expect(await readSample(app)).toEqual(before);
    expect(again.slice(again.indexOf('There are'))).toBe(output.slice(output.indexOf('There are')));
  });

  test('the demo adds contacts when it runs again with a higher number', async () => {
    const before = (await getAllLeads(app)).length;
    expect(await loadDemo(app.url, 55)).toMatch(/^[\d,]+ commands in [\d.]+ s\.$/m);
    expect((await getAllLeads(app)).length).toBeGreaterThan(before + 10);
  });
});

describe('the demo, after its idempotency keys have expired', () => {
  const app = new App();
  beforeAll(() => app.start());
  afterAll(() => app.dispose());

  test('the demo changes nothing when it runs again after its idempotency keys have expired', async () => {
    await loadDemo(app.url, 20);
    const before = await readSample(app);
    await app.stop();
    const log = await app.openLog({ write: true });
    expect(await log.responses.deleteBefore(inHours(1))).toBeGreaterThan(0);
    await log.events.close();
    await app.start();

    expect(await loadDemo(app.url, 20)).not.toMatch(/\d were rejected/);
    expect(await readSample(app)).toEqual(before);
  });
});

describe('the demo, when it cannot run', () => {
  const nothingAt = (url: string): string =>
    `No service responds at ${url}. Start it with: npm start. If it listens elsewhere, set PORT or --url.\n`;

  test.each([
    [['--url', 'http://127.0.0.1:9'], {}, 'http://127.0.0.1:9'],
    [[], { PORT: '9' }, 'http://127.0.0.1:9'],
    [[], { PORT: '9', HOST: '::1' }, 'http://[::1]:9'],
    [[], { PORT: '8', BASE_URL: 'http://127.0.0.1:9/' }, 'http://127.0.0.1:9'],
  ])('the demo with %j and %j reports that nothing answers at %s', async (args, env, url) => {
    expect(await runCli(args, env as StringMap, 'demo')).toEqual({ code: 1, out: '', err: nothingAt(url) });
  });

  test.each([
    [['--contacts', 'few'], {}, 'It must be a whole number from 10'],
    [['now'], {}, 'too many arguments'],
    [['--url', 'leads'], {}, '"leads" is not an http or https URL'],
    [[], { PORT: 'many' }, 'PORT is "many", which no service can listen on. Set --url.'],
  ])('the demo rejects %j and %j with exit code 2: %s', async (args, env, message) => {
    const { code, out, err } = await runCli(args, env, 'demo');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });
});
