import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  getAllItems,
  getAllLeads,
  postAgent,
  postAssignment,
  expectSuccess,
  openLead,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

const app = setupApp();

describe('registering an agent', () => {
  test('shows the agent whole', async () => {
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

  test('without an id makes one up', async () => {
    const [one, two] = [
      expectSuccess(await app.post('/v1/agents', { name: 'Ana' })).agent,
      expectSuccess(await app.post('/v1/agents', { name: 'Ana' })).agent,
    ];
    expect(one.id).not.toBe(two.id);
    expect(one).toMatchObject({ email: null, capacity: null });
  });

  test('twice with one id is refused, also at once', async () => {
    const id = uniqueId('agent');
    const responses = await Promise.all(
      Array.from({ length: 10 }, (_, index) => app.post('/v1/agents', { id, name: `Ana ${index}` })),
    );
    expect(responses.filter((response) => response.status === 201)).toHaveLength(1);
    for (const response of responses.filter((response) => response.status !== 201))
      expect(response).toMatchObject(refused('agent_exists', { agentId: id }));
  });

  test('with an id of slashes and umlauts points to a path that works', async () => {
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
  ])('with %j is refused by name', async (body, fields) => {
    expect(await app.post('/v1/agents', body)).toMatchObject(invalid(...fields));
  });
});

describe('changing an agent', () => {
  test('renames, gives room, deactivates and reactivates; what is so already is no change', async () => {
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

  test('of another version is refused', async () => {
    const { id } = await postAgent(app);
    expectSuccess(await app.patch(`/v1/agents/${id}`, { name: 'Anna' }, { 'if-match': '"1"' }));
    expect(await app.patch(`/v1/agents/${id}`, { name: 'Ana' }, { 'if-match': '"1"' })).toMatchObject(
      refused('version_mismatch', { version: 2 }),
    );
  });

  test('who is not there is not found', async () => {
    expect(await app.patch('/v1/agents/nobody', { name: 'X' })).toMatchObject(refused('not_found'));
    expect(await app.get('/v1/agents/nobody')).toMatchObject(refused('not_found'));
  });

  test.each([
    [{ name: null }, ['name']],
    [{ active: 'no' }, ['active']],
    [{ active: null }, ['active']],
    [{ capacity: -1 }, ['capacity']],
    [{ email: 'new@example.org' }, ['email']],
    [{ id: 'other' }, ['id']],
  ])('with %j is refused by name', async (body, fields) => {
    const { id } = await postAgent(app);
    expect(await app.patch(`/v1/agents/${id}`, body)).toMatchObject(invalid(...fields));
  });
});

describe('the list of agents', () => {
  test('tells how many active leads each has', async () => {
    const { id } = await postAgent(app);
    const leads = [await openLead(app), await openLead(app), await openLead(app)];
    for (const lead of leads) await postAssignment(app, lead.id, id);
    await postStatus(app, leads[0]!.id, 'lost');
    const { position } = expectSuccess(await app.delete(`/v1/leads/${leads[1]!.id}/assignment`));
    expect((await app.get(`/v1/agents/${id}`, { after: position })).body).toMatchObject({ activeLeads: 1 });
    const all = await getAllItems<{ id: string; activeLeads: number }>(app, '/v1/agents', {});
    expect(all.find((agent) => agent.id === id)).toMatchObject({ activeLeads: 1 });
  });

  test('can be asked for the active ones', async () => {
    const [here, gone] = [await postAgent(app), await postAgent(app)];
    const { position: after } = expectSuccess(await app.patch(`/v1/agents/${gone.id}`, { active: false }));
    const ids = async (active: boolean) =>
      (await getAllItems<{ id: string }>(app, '/v1/agents', { active, after, limit: 3 })).map((agent) => agent.id);
    expect(await ids(true)).toContain(here.id);
    expect(await ids(true)).not.toContain(gone.id);
    expect(await ids(false)).toContain(gone.id);
  });
});

test('an agent who is deactivated keeps no active lead', async () => {
  const { id } = await postAgent(app);
  const [one, two] = [await openLead(app), await openLead(app)];
  for (const lead of [one, two]) await postAssignment(app, lead.id, id);
  await postStatus(app, two.id, 'converted');
  expectSuccess(await app.patch(`/v1/agents/${id}`, { active: false }));
  // The leads are freed by the worker, each with a command of its own.
  for (;;) {
    const { position: after } = await postInteraction(app);
    const [mine] = await getAllLeads(app, { contactId: one.contactId, after });
    if (mine!.agent === null) break;
  }
  const [kept] = await getAllLeads(app, { contactId: two.contactId });
  expect(kept!.agent?.id).toBe(id);
});
