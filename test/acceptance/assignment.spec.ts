import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  postAgent,
  getAllLeads,
  postAssignment,
  expectSuccess,
  postFollowUp,
  inHours,
  getLeadHistory,
  getLead,
  openLead,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp();

describe('assigning', () => {
  test('an active lead to an agent shows who has it, and since when', async () => {
    const [lead, ana] = [await openLead(app), await postAgent(app, { name: 'Ana' })];
    const said = await postAssignment(app, lead.id, ana.id);
    expect(said).toMatchObject({ changed: true, version: 3, lead: { agent: { id: ana.id, name: 'Ana' } } });
    expect(said.lead.assignedAt! >= lead.createdAt).toBe(true);
    expect(await getLead(app, lead.id, said.position)).toEqual(said.lead);
  });

  test('again to others, without limit, each on record with from, to, by whom and how', async () => {
    const { id } = await openLead(app);
    const [ana, ben] = [await postAgent(app), await postAgent(app, { name: 'Ben' })];
    let last = '';
    for (const agent of [ana, ben, ana, ben]) {
      last = expectSuccess(
        await app.post(
          `/v1/leads/${id}/assignment`,
          { agentId: agent.id, note: 'your turn' },
          { 'x-actor': `agent:${ana.id}` },
        ),
      ).position;
    }
    const entries = await getLeadHistory(app, id, { type: 'LeadAssigned', after: last });
    expect(entries.map(({ data }) => data)).toMatchObject([
      { from: null, to: ana.id, mode: 'manual', note: 'your turn' },
      { from: ana.id, to: ben.id, mode: 'manual' },
      { from: ben.id, to: ana.id, mode: 'manual' },
      { from: ana.id, to: ben.id, mode: 'manual' },
    ]);
    expect(entries[0]!.actor).toMatchObject({ type: 'agent', id: ana.id, name: 'Ana' });
  });

  test('to the agent who has it: success, nothing changed', async () => {
    const [lead, ana] = [await openLead(app), await postAgent(app)];
    await postAssignment(app, lead.id, ana.id);
    expect(await postAssignment(app, lead.id, ana.id, { note: 'again' })).toMatchObject({ changed: false, version: 3 });
  });

  test('to an agent nobody knows is not found; to a deactivated one refused', async () => {
    const { id } = await openLead(app);
    expect(await app.post(`/v1/leads/${id}/assignment`, { agentId: uniqueId('nobody') })).toMatchObject(
      refused('not_found'),
    );
    const ana = await postAgent(app);
    expectSuccess(await app.patch(`/v1/agents/${ana.id}`, { active: false }));
    expect(await app.post(`/v1/leads/${id}/assignment`, { agentId: ana.id })).toMatchObject(
      refused('agent_inactive', { agentId: ana.id }),
    );
    expectSuccess(await app.patch(`/v1/agents/${ana.id}`, { active: true }));
    expect(await postAssignment(app, id, ana.id)).toMatchObject({ changed: true });
  });

  test('does not move the status', async () => {
    const [lead, ana] = [await openLead(app), await postAgent(app)];
    expect((await postAssignment(app, lead.id, ana.id)).lead).toMatchObject({
      status: 'new',
      statusChangedAt: lead.statusChangedAt,
    });
  });

  test('moves the open follow-ups of the previous agent along, unless asked otherwise', async () => {
    const { id } = await openLead(app);
    const [ana, ben, cleo] = [await postAgent(app), await postAgent(app), await postAgent(app)];
    await postAssignment(app, id, ana.id);
    const ofAna = (await postFollowUp(app, id)).followUp;
    expect(ofAna.assignee?.id).toBe(ana.id);
    const ofCleo = (await postFollowUp(app, id, { assigneeId: cleo.id })).followUp;
    const moved = await postAssignment(app, id, ben.id);
    const entry = (await getLeadHistory(app, id, { type: 'LeadAssigned', order: 'desc', after: moved.position }))[0];
    expect(entry?.data).toMatchObject({ followUps: [ofAna.id] });
    await postAssignment(app, id, cleo.id, { moveFollowUps: false });
    const assignees = async (fid: string) =>
      expectSuccess(await app.post(`/v1/leads/${id}/follow-ups/${fid}/reschedule`, { dueAt: inHours(48) })).followUp
        .assignee?.id;
    expect([await assignees(ofAna.id), await assignees(ofCleo.id)]).toEqual([ben.id, cleo.id]);
  });

  test.each([
    [{}, ['agentId']],
    [{ agentId: '' }, ['agentId']],
    [{ agentId: 5 }, ['agentId']],
    [{ agentId: 'a', moveFollowUps: 'yes' }, ['moveFollowUps']],
    [{ agentId: 'a', note: {} }, ['note']],
    [{ agentId: 'a', mode: 'bulk' }, ['mode']],
  ])('with %j is refused by name', async (body, fields) => {
    const { id } = await openLead(app);
    expect(await app.post(`/v1/leads/${id}/assignment`, body)).toMatchObject(invalid(...fields));
  });
});

describe('unassigning', () => {
  test('takes the agent away; again changes nothing', async () => {
    const [lead, ana] = [await openLead(app), await postAgent(app)];
    await postAssignment(app, lead.id, ana.id);
    const said = expectSuccess(await app.delete(`/v1/leads/${lead.id}/assignment`));
    expect(said).toMatchObject({ changed: true, version: 4, lead: { agent: null, assignedAt: null } });
    expect(await app.delete(`/v1/leads/${lead.id}/assignment`, {})).toMatchObject({
      status: 200,
      body: { changed: false, version: 4 },
    });
    const last = (await getLeadHistory(app, lead.id, { after: said.position })).at(-1);
    expect(last).toMatchObject({ type: 'LeadUnassigned', data: { from: ana.id } });
  });

  test('takes nothing else', async () => {
    const { id } = await openLead(app);
    expect(await app.delete(`/v1/leads/${id}/assignment`, { agentId: 'x' })).toMatchObject(invalid('agentId'));
  });
});

test('a renamed agent is renamed on every lead', async () => {
  const [one, two, ana] = [await openLead(app), await openLead(app), await postAgent(app)];
  await postAssignment(app, one.id, ana.id);
  await postAssignment(app, two.id, ana.id);
  const { position } = expectSuccess(await app.patch(`/v1/agents/${ana.id}`, { name: 'Ana Maria' }));
  const shown = await getAllLeads(app, { agentId: ana.id, after: position });
  expect(shown.map((lead) => lead.agent)).toEqual([
    { id: ana.id, name: 'Ana Maria' },
    { id: ana.id, name: 'Ana Maria' },
  ]);
  const entry = (await getLeadHistory(app, one.id, { type: 'LeadAssigned', after: position }))[0];
  expect(entry?.summary).toContain('Ana Maria');
});
