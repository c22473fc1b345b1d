import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  expectSuccess,
  getAllLeads,
  getLead,
  getLeadHistory,
  inHours,
  openLead,
  postAgent,
  postAssignment,
  postFollowUp,
  postFollowUpAction,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp();

describe('assigning', () => {
  test('assigning a lead returns its agent and the time of assignment', async () => {
    const [lead, ana] = [await openLead(app), await postAgent(app, { name: 'Ana' })];
    const assigned = await postAssignment(app, lead.id, ana.id);
    expect(assigned).toMatchObject({ changed: true, version: 3, lead: { agent: { id: ana.id, name: 'Ana' } } });
    expect(assigned.lead.assignedAt! >= lead.createdAt).toBe(true);
    expect(await getLead(app, lead.id, assigned.position)).toEqual(assigned.lead);
  });

  test('a lead can be reassigned any number of times; the history shows from, to, actor and mode of each', async () => {
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

  test('assigning a lead to its current agent changes nothing', async () => {
    const [lead, ana] = [await openLead(app), await postAgent(app)];
    await postAssignment(app, lead.id, ana.id);
    expect(await postAssignment(app, lead.id, ana.id, { note: 'again' })).toMatchObject({ changed: false, version: 3 });
  });

  test('assigning a lead to an unknown agent returns not_found, to a deactivated one agent_inactive', async () => {
    const { id } = await openLead(app);
    expect(await app.post(`/v1/leads/${id}/assignment`, { agentId: uniqueId('unknown') })).toMatchObject(
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

  test('assigning a lead keeps its status', async () => {
    const [lead, ana] = [await openLead(app), await postAgent(app)];
    expect((await postAssignment(app, lead.id, ana.id)).lead).toMatchObject({
      status: 'new',
      statusChangedAt: lead.statusChangedAt,
    });
  });

  test('reassigning a lead moves the previous agent’s open follow-ups unless moveFollowUps is false', async () => {
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
    const assigneeOf = async (followUpId: string) =>
      expectSuccess(await postFollowUpAction(app, id, followUpId, 'reschedule', { dueAt: inHours(48) })).followUp
        .assignee?.id;
    expect([await assigneeOf(ofAna.id), await assigneeOf(ofCleo.id)]).toEqual([ben.id, cleo.id]);
  });

  test.each([
    [{}, ['agentId']],
    [{ agentId: '' }, ['agentId']],
    [{ agentId: 5 }, ['agentId']],
    [{ agentId: 'a', moveFollowUps: 'yes' }, ['moveFollowUps']],
    [{ agentId: 'a', note: {} }, ['note']],
    [{ agentId: 'a', mode: 'bulk' }, ['mode']],
  ])('an assignment with %j is rejected, naming the fields', async (body, fields) => {
    const { id } = await openLead(app);
    expect(await app.post(`/v1/leads/${id}/assignment`, body)).toMatchObject(invalid(...fields));
  });
});

describe('unassigning', () => {
  test('unassigning a lead removes its agent; repeating it changes nothing', async () => {
    const [lead, ana] = [await openLead(app), await postAgent(app)];
    await postAssignment(app, lead.id, ana.id);
    const unassigned = expectSuccess(await app.delete(`/v1/leads/${lead.id}/assignment`));
    expect(unassigned).toMatchObject({ changed: true, version: 4, lead: { agent: null, assignedAt: null } });
    expect(await app.delete(`/v1/leads/${lead.id}/assignment`, {})).toMatchObject({
      status: 200,
      body: { changed: false, version: 4 },
    });
    const last = (await getLeadHistory(app, lead.id, { after: unassigned.position })).at(-1);
    expect(last).toMatchObject({ type: 'LeadUnassigned', data: { from: ana.id } });
  });

  test('unassigning a lead with a body field is rejected, naming the field', async () => {
    const { id } = await openLead(app);
    expect(await app.delete(`/v1/leads/${id}/assignment`, { agentId: 'x' })).toMatchObject(invalid('agentId'));
  });
});

test('renaming an agent shows the new name on every lead of the agent and in the history', async () => {
  const [first, second, ana] = [await openLead(app), await openLead(app), await postAgent(app)];
  await postAssignment(app, first.id, ana.id);
  await postAssignment(app, second.id, ana.id);
  const { position } = expectSuccess(await app.patch(`/v1/agents/${ana.id}`, { name: 'Ana Maria' }));
  const shown = await getAllLeads(app, { agentId: ana.id, after: position });
  expect(shown.map((lead) => lead.agent)).toEqual([
    { id: ana.id, name: 'Ana Maria' },
    { id: ana.id, name: 'Ana Maria' },
  ]);
  const entry = (await getLeadHistory(app, first.id, { type: 'LeadAssigned', after: position }))[0];
  expect(entry?.summary).toContain('Ana Maria');
});
