import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FollowUpResource } from '#resources/follow-up.resource';
import { App, setupApp } from '#test/support/app';
import {
  getAllItems,
  getAllLeads,
  postAgent,
  getContactHistory,
  inHours,
  waitForReminders,
} from '#test/support/api-steps';

const program = join(import.meta.dirname, '..', '..', 'dist', 'apps', 'cli', 'main.js');

/** What the demo says. @throws when it fails */
async function demo(url: string, contacts: number): Promise<string> {
  const { PATH = '' } = process.env;
  const args = [program, 'demo', '--url', url, '--contacts', String(contacts)];
  return (await promisify(execFile)(process.execPath, args, { env: { PATH } })).stdout;
}

/**
 * All that the service shows of the sample: behind another command, and once the leads of the agent who left are free and what is
 * overdue was reminded of.
 */
async function allOf(app: App): Promise<object> {
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
  let first: string;
  beforeAll(async () => {
    first = await demo(app.url, 40);
  });

  test('has all its commands accepted', async () => {
    expect(first).toMatch(/^[\d,]+ commands in [\d.]+ s\.$/m);
    const leads = await getAllLeads(app);
    expect(new Set(leads.map((lead) => lead.contactId)).size).toBeGreaterThanOrEqual(38);
    expect(new Set(leads.map((lead) => lead.status)).size).toBeGreaterThan(4);
    expect(leads.some((lead) => lead.ordinal === 3)).toBe(true);
    expect(leads.every((lead) => lead.createdAt < new Date().toISOString())).toBe(true);
  });

  test('ends with requests that work when pasted', async () => {
    const requests = [...first.matchAll(/^ {4}(curl .*)$/gm)].map(([, line = '']) => line);
    expect(requests.length).toBeGreaterThan(8);
    for (const request of requests) {
      const { stdout } = await promisify(execFile)('bash', ['-c', request]);
      const answer = JSON.parse(stdout) as { code?: string; items?: unknown[] };
      if (request.includes('/assignment')) expect(answer.code).toBe('lead_inactive');
      else expect(answer).toHaveProperty('items');
      if (request.includes('q=')) expect(answer.items).not.toEqual([]);
    }
  });

  test('changes nothing when it is run again', async () => {
    const before = await allOf(app);
    const again = await demo(app.url, 40);
    expect(again).toContain('there already');
    expect(again).toContain('nothing has changed');
    expect(await allOf(app)).toEqual(before);
    expect(again.slice(again.indexOf('There are'))).toBe(first.slice(first.indexOf('There are')));
  });

  test('grows when it is run again with more', async () => {
    const before = (await getAllLeads(app)).length;
    expect(await demo(app.url, 55)).toMatch(/^[\d,]+ commands in [\d.]+ s\.$/m);
    expect((await getAllLeads(app)).length).toBeGreaterThan(before + 10);
  });
});

describe('the demo, run again when the answers to its keys are long forgotten', () => {
  const app = new App();
  beforeAll(() => app.start());
  afterAll(() => app.dispose());

  test('changes nothing', async () => {
    await demo(app.url, 20);
    const before = await allOf(app);
    await app.stop();
    const log = await app.openLog({ write: true });
    expect(await log.responses.deleteBefore(inHours(1))).toBeGreaterThan(0);
    await log.events.close();
    await app.start();

    expect(await demo(app.url, 20)).not.toMatch(/\d were refused/);
    expect(await allOf(app)).toEqual(before);
  });
});

test('the demo says so when no service is running', async () => {
  await expect(demo('http://127.0.0.1:9', 40)).rejects.toMatchObject({
    code: 1,
    stderr: 'Nothing answers at http://127.0.0.1:9. Is the service running? Start it with: npm start\n',
  });
});
