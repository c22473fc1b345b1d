import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  expectSuccess,
  getAllItems,
  getAllLeads,
  openLead,
  postAgent,
  postAssignment,
  postInteraction,
  postStatus,
  uniqueId,
  waitUntil,
} from '../support/api-steps.js';

const app = setupApp();

describe('registering an agent', () => {
  test('registering an agent returns the whole agent', async () => {
    const id = uniqueId('agent');
    const response = await app.post('/v1/agents', { id, name: 'Ana', email: 'ana@example.org', capacity: 5 });
    expect(response).toMatchObject({ status: 201, body: { changed: true, version: 1 } });
    expect(response.headers.get('location')).toBe(`/v1/agents/${id}`);
    expect(response.headers.get('etag')).toBe('"1"');
    expect(response.body.agent).toEqual({
      id,
      name: 'Ana',
      email: 'ana@example.org',
      capacity: 5,
      active: true,
      activeLeads: 0,
      createdAt: expect.any(String),
    });
    expect(await app.get(`/v1/agents/${id}`, { after: response.body.position })).toMatchObject({
      status: 200,
      body: response.body.agent,
    });
  });

  test('registering an agent without an id generates one', async () => {
    const [first, second] = [
      expectSuccess(await app.post('/v1/agents', { name: 'Ana' })).agent,
      expectSuccess(await app.post('/v1/agents', { name: 'Ana' })).agent,
    ];
    expect(first.id).not.toBe(second.id);
    expect(first).toMatchObject({ email: null, capacity: null });
  });

  test('of concurrent registrations with the same id one succeeds and the others get agent_exists', async () => {
    const id = uniqueId('agent');
    const responses = await Promise.all(
      Array.from({ length: 10 }, (_, index) => app.post('/v1/agents', { id, name: `Ana ${index}` })),
    );
    expect(responses.filter((response) => response.status === 201)).toHaveLength(1);
    for (const response of responses.filter((response) => response.status !== 201))
      expect(response).toMatchObject(refused('agent_exists', { agentId: id }));
  });

  test('the Location of an agent whose id has slashes and umlauts is a working path', async () => {
    const response = await app.post('/v1/agents', { id: `a/ö ${uniqueId('x')}`, name: 'Ana' });
    const path = response.headers.get('location')!;
    expect(await app.patch(path, { name: 'Anna' })).toMatchObject({ status: 200, body: { agent: { name: 'Anna' } } });
  });

  test.each([
    [{}, ['name']],
    [{ name: '' }, ['name']],
    [{ name: '   ' }, ['name']],
    [{ name: 'x'.repeat(257) }, ['name']],
    [{ name: null }, ['name']],
    [{ name: 'Ana', id: '' }, ['id']],
    [{ name: 'Ana', id: 'x'.repeat(129) }, ['id']],
    [{ name: 'Ana', email: 'ana' }, ['email']],
    [{ name: 'Ana', capacity: -1 }, ['capacity']],
    [{ name: 'Ana', capacity: 1.5 }, ['capacity']],
    [{ name: 'Ana', capacity: '5' }, ['capacity']],
    [{ name: 'Ana', active: false }, ['active']],
  ])('registering an agent with %j is rejected, naming the fields', async (body, fields) => {
    expect(await app.post('/v1/agents', body)).toMatchObject(invalid(...fields));
  });
});

describe('changing an agent', () => {
  test('an agent can be renamed, given a capacity, deactivated and reactivated; repeating a value changes nothing', async () => {
    const { id } = await postAgent(app, { name: 'Ana', capacity: 2 });
    const change = async (body: object) => expectSuccess(await app.patch(`/v1/agents/${id}`, body));
    expect(await change({ name: 'Anna' })).toMatchObject({
      changed: true,
      version: 2,
      agent: { name: 'Anna', capacity: 2, active: true },
    });
    expect(await change({ capacity: null })).toMatchObject({ changed: true, version: 3, agent: { capacity: null } });
    expect(await change({ capacity: 0 })).toMatchObject({ version: 4, agent: { capacity: 0 } });
    expect(await change({ active: false })).toMatchObject({ version: 5, agent: { active: false } });
    expect(await change({ active: false, name: 'Anna', capacity: 0 })).toMatchObject({ changed: false, version: 5 });
    expect(await change({ active: true, name: 'Ana' })).toMatchObject({
      changed: true,
      version: 7,
      agent: { active: true, name: 'Ana' },
    });
    expect(await change({})).toMatchObject({ changed: false, version: 7 });
  });

  test('changing an agent with an outdated If-Match is rejected', async () => {
    const { id } = await postAgent(app);
    expectSuccess(await app.patch(`/v1/agents/${id}`, { name: 'Anna' }, { 'if-match': '"1"' }));
    const stale = await app.patch(`/v1/agents/${id}`, { name: 'Ana' }, { 'if-match': '"1"' });
    expect(stale).toMatchObject(refused('version_mismatch', { version: 2 }));
    expect(stale.body).toMatchObject({ detail: 'Version mismatch: the current version is 2.' });
  });

  test('changing or reading an unknown agent returns not_found', async () => {
    expect(await app.patch('/v1/agents/unknown', { name: 'X' })).toMatchObject(refused('not_found'));
    expect(await app.get('/v1/agents/unknown')).toMatchObject(refused('not_found'));
  });

  test.each([
    [{ name: null }, ['name']],
    [{ active: 'no' }, ['active']],
    [{ active: null }, ['active']],
    [{ capacity: -1 }, ['capacity']],
    [{ email: 'new@example.org' }, ['email']],
    [{ id: 'other' }, ['id']],
  ])('changing an agent with %j is rejected, naming the fields', async (body, fields) => {
    const { id } = await postAgent(app);
    expect(await app.patch(`/v1/agents/${id}`, body)).toMatchObject(invalid(...fields));
  });
});

describe('the list of agents', () => {
  test('the list of agents shows the number of active leads of each agent', async () => {
    const { id } = await postAgent(app);
    const leads = [await openLead(app), await openLead(app), await openLead(app)];
    for (const lead of leads) await postAssignment(app, lead.id, id);
    await postStatus(app, leads[0]!.id, 'lost');
    const { position } = expectSuccess(await app.delete(`/v1/leads/${leads[1]!.id}/assignment`));
    expect((await app.get(`/v1/agents/${id}`, { after: position })).body).toMatchObject({ activeLeads: 1 });
    const all = await getAllItems<{ id: string; activeLeads: number }>(app, '/v1/agents', {});
    expect(all.find((agent) => agent.id === id)).toMatchObject({ activeLeads: 1 });
  });

  test('the list of agents can be filtered by active', async () => {
    const [activeAgent, inactiveAgent] = [await postAgent(app), await postAgent(app)];
    const { position: after } = expectSuccess(await app.patch(`/v1/agents/${inactiveAgent.id}`, { active: false }));
    const ids = async (active: boolean) =>
      (await getAllItems<{ id: string }>(app, '/v1/agents', { active, after, limit: 3 })).map((agent) => agent.id);
    expect(await ids(true)).toContain(activeAgent.id);
    expect(await ids(true)).not.toContain(inactiveAgent.id);
    expect(await ids(false)).toContain(inactiveAgent.id);
  });
});

test('deactivating an agent unassigns its active leads and keeps its closed ones', async () => {
  const { id } = await postAgent(app);
  const [active, closed] = [await openLead(app), await openLead(app)];
  for (const lead of [active, closed]) await postAssignment(app, lead.id, id);
  await postStatus(app, closed.id, 'converted');
  expectSuccess(await app.patch(`/v1/agents/${id}`, { active: false }));
  // The worker unassigns the leads asynchronously, with one command each.
  await waitUntil(async () => {
    const { position: after } = await postInteraction(app);
    const [lead] = await getAllLeads(app, { contactId: active.contactId, after });
    return lead!.agent === null;
  });
  const [lead] = await getAllLeads(app, { contactId: closed.contactId });
  expect(lead!.agent?.id).toBe(id);
});
