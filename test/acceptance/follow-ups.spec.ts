import { describe, expect, test } from '@jest/globals';
import type { FollowUpResource } from '#resources/follow-up.resource';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  expectSuccess,
  getAllItems,
  getLead,
  getLeadHistory,
  inHours,
  inMs,
  occurredAtHeader,
  openLead,
  postAgent,
  postAssignment,
  postFollowUp,
  postFollowUpAction,
  postInteraction,
  postStatus,
} from '../support/api-steps.js';

const app = setupApp();
const getFollowUps = (query: Parameters<typeof getAllItems>[2]) =>
  getAllItems<FollowUpResource>(app, '/v1/follow-ups', query);

describe('creating a follow-up', () => {
  test('creating a follow-up returns it whole, and shows it on the lead', async () => {
    const lead = await openLead(app);
    const dueAt = inHours(24);
    const response = await app.post(`/v1/leads/${lead.id}/follow-ups`, { dueAt, note: 'call back' });
    expect(response).toMatchObject({ status: 201, body: { changed: true, version: 3 } });
    expect(response.headers.get('location')).toBe(`/v1/follow-ups?leadId=${lead.id}`);
    const { followUp: created, position } = response.body;
    expect(created).toEqual({
      id: expect.any(String),
      leadId: lead.id,
      contactId: lead.contactId,
      dueAt,
      assignee: null,
      note: 'call back',
      state: 'open',
      overdue: false,
      createdAt: expect.any(String),
      closedAt: null,
      closedReason: null,
    });
    expect(response.body.lead).toMatchObject({
      status: 'new',
      followUps: { open: 1, nextDueAt: dueAt, nextId: created.id },
    });
    expect(await getLead(app, lead.id, position)).toEqual(response.body.lead);
    expect(await getFollowUps({ leadId: lead.id })).toEqual([created]);
  });

  test('a follow-up’s dueAt with an offset is returned in UTC', async () => {
    const { id } = await openLead(app);
    expect((await postFollowUp(app, id, { dueAt: '2999-06-01T10:00:00.5+02:00' })).followUp.dueAt).toBe(
      '2999-06-01T08:00:00.500Z',
    );
  });

  test('a follow-up is assigned to assigneeId, or to the lead’s agent, or to its creator', async () => {
    const { id } = await openLead(app);
    const [ana, ben] = [await postAgent(app, { name: 'Ana' }), await postAgent(app, { name: 'Ben' })];
    const byBen = { 'x-actor': `agent:${ben.id}` };
    const create = async (body: object) =>
      expectSuccess(await app.post(`/v1/leads/${id}/follow-ups`, { dueAt: inHours(1), ...body }, byBen)).followUp
        .assignee;
    expect(await create({})).toEqual({ id: ben.id, name: 'Ben' });
    await postAssignment(app, id, ana.id);
    expect(await create({})).toEqual({ id: ana.id, name: 'Ana' });
    expect(await create({ assigneeId: ben.id })).toEqual({ id: ben.id, name: 'Ben' });
  });

  test('a follow-up for an unknown agent returns not_found, for a deactivated one agent_inactive', async () => {
    const { id } = await openLead(app);
    const create = (assigneeId: string) => app.post(`/v1/leads/${id}/follow-ups`, { dueAt: inHours(1), assigneeId });
    expect(await create('unknown')).toMatchObject(refused('not_found'));
    const ana = await postAgent(app);
    await app.patch(`/v1/agents/${ana.id}`, { active: false });
    expect(await create(ana.id)).toMatchObject(refused('agent_inactive', { agentId: ana.id }));
  });

  test('creating a follow-up keeps the status unless alsoSetStatus is true', async () => {
    const { id } = await openLead(app);
    expect((await postFollowUp(app, id, { alsoSetStatus: false })).lead.status).toBe('new');
    const withStatus = await postFollowUp(app, id, { alsoSetStatus: true });
    expect(withStatus.lead).toMatchObject({ status: 'follow_up', version: 5 });
    expect((await postFollowUp(app, id, { alsoSetStatus: true })).lead).toMatchObject({
      status: 'follow_up',
      version: 6,
    });
  });

  test('a lead shows its earliest open follow-up as the next one', async () => {
    const { id } = await openLead(app);
    const later = await postFollowUp(app, id, { dueAt: inHours(48) });
    const sooner = await postFollowUp(app, id, { dueAt: inHours(2) });
    expect(sooner.lead.followUps).toEqual({ open: 2, nextDueAt: sooner.followUp.dueAt, nextId: sooner.followUp.id });
    const { lead } = expectSuccess(await postFollowUpAction(app, id, sooner.followUp.id, 'complete'));
    expect(lead.followUps).toEqual({ open: 1, nextDueAt: later.followUp.dueAt, nextId: later.followUp.id });
  });

  test.each([
    [{}, ['dueAt']],
    [{ dueAt: '2999-01-01' }, ['dueAt']],
    [{ dueAt: '2999-01-01T10:00:00' }, ['dueAt']],
    [{ dueAt: '2999-02-29T10:00:00Z' }, ['dueAt']],
    [{ dueAt: '2999-01-01T25:00:00Z' }, ['dueAt']],
    [{ dueAt: 32_503_680_000_000 }, ['dueAt']],
    [{ dueAt: 'tomorrow' }, ['dueAt']],
    [{ dueAt: null }, ['dueAt']],
    [{ dueAt: '1999-01-01T00:00:00Z' }, ['dueAt']],
    [{ dueAt: '2999-01-01T00:00:00Z', assigneeId: 5 }, ['assigneeId']],
    [{ dueAt: '2999-01-01T00:00:00Z', alsoSetStatus: 'true' }, ['alsoSetStatus']],
    [{ dueAt: '2999-01-01T00:00:00Z', note: [] }, ['note']],
    [{ dueAt: '2999-01-01T00:00:00Z', contactId: 'x' }, ['contactId']],
  ])('a follow-up with %j is rejected, naming the fields', async (body, fields) => {
    const { id } = await openLead(app);
    expect(await app.post(`/v1/leads/${id}/follow-ups`, body)).toMatchObject(invalid(...fields));
  });

  test('a follow-up due a second ago is rejected', async () => {
    const { id } = await openLead(app);
    expect(await app.post(`/v1/leads/${id}/follow-ups`, { dueAt: inMs(-1_000) })).toMatchObject(invalid('dueAt'));
  });
});

describe('a follow-up', () => {
  test('completing a follow-up closes it with the note; repeating it changes nothing', async () => {
    const { id } = await openLead(app);
    const { followUp: created } = await postFollowUp(app, id);
    const response = await postFollowUpAction(app, id, created.id, 'complete', { note: 'reached her' });
    expect(response).toMatchObject({
      status: 200,
      body: {
        changed: true,
        version: 4,
        followUp: { id: created.id, state: 'completed' },
        lead: { followUps: { open: 0 } },
      },
    });
    expect(response.body.followUp.closedAt).not.toBeNull();
    expect(await postFollowUpAction(app, id, created.id, 'complete')).toMatchObject({
      status: 200,
      body: { changed: false, version: 4 },
    });
    expect((await getLeadHistory(app, id, { after: response.body.position })).at(-1)).toMatchObject({
      type: 'FollowUpCompleted',
      data: { note: 'reached her' },
    });
  });

  test('cancelling a follow-up closes it with the reason; repeating it changes nothing', async () => {
    const { id } = await openLead(app);
    const { followUp: created } = await postFollowUp(app, id);
    expect(await postFollowUpAction(app, id, created.id, 'cancel', { reason: 'on holiday' })).toMatchObject({
      status: 200,
      body: { followUp: { state: 'cancelled', closedReason: 'on holiday' } },
    });
    expect(await postFollowUpAction(app, id, created.id, 'cancel')).toMatchObject({
      status: 200,
      body: { changed: false },
    });
  });

  test('a cancelled follow-up cannot be completed, a completed one cannot be cancelled, and neither can be rescheduled', async () => {
    const { id } = await openLead(app);
    const [cancelled, completed] = [(await postFollowUp(app, id)).followUp, (await postFollowUp(app, id)).followUp];
    expectSuccess(await postFollowUpAction(app, id, cancelled.id, 'cancel'));
    expectSuccess(await postFollowUpAction(app, id, completed.id, 'complete'));
    expect(await postFollowUpAction(app, id, cancelled.id, 'complete')).toMatchObject(
      refused('follow_up_cancelled', { followUpId: cancelled.id }),
    );
    expect(await postFollowUpAction(app, id, cancelled.id, 'reschedule', { dueAt: inHours(5) })).toMatchObject(
      refused('follow_up_cancelled'),
    );
    expect(await postFollowUpAction(app, id, completed.id, 'cancel')).toMatchObject(
      refused('follow_up_completed', { followUpId: completed.id }),
    );
    expect(await postFollowUpAction(app, id, completed.id, 'reschedule', { dueAt: inHours(5) })).toMatchObject(
      refused('follow_up_completed'),
    );
  });

  test('rescheduling keeps the follow-up’s id, and the history shows from, to and reason', async () => {
    const { id } = await openLead(app);
    const { followUp: created } = await postFollowUp(app, id);
    const dueAt = inHours(72);
    const rescheduled = expectSuccess(
      await postFollowUpAction(app, id, created.id, 'reschedule', { dueAt, reason: 'asked for later' }),
    );
    expect(rescheduled).toMatchObject({
      changed: true,
      followUp: { id: created.id, dueAt, state: 'open' },
      lead: { followUps: { nextDueAt: dueAt } },
    });
    expect((await getLeadHistory(app, id, { after: rescheduled.position })).at(-1)).toMatchObject({
      type: 'FollowUpRescheduled',
      data: { from: created.dueAt, to: dueAt, reason: 'asked for later' },
    });
    expect(expectSuccess(await postFollowUpAction(app, id, created.id, 'reschedule', { dueAt }))).toMatchObject({
      changed: false,
    });
    expect(await postFollowUpAction(app, id, created.id, 'reschedule', { dueAt: inHours(-1) })).toMatchObject(
      invalid('dueAt'),
    );
    expect(await postFollowUpAction(app, id, created.id, 'reschedule', {})).toMatchObject(invalid('dueAt'));
  });

  test('closing a lead cancels its follow-up with the reason lead_inactive', async () => {
    const { id } = await openLead(app);
    const { followUp: created } = await postFollowUp(app, id);
    const { position } = await postStatus(app, id, 'lost');
    expect(await postFollowUpAction(app, id, created.id, 'complete')).toMatchObject(refused('follow_up_cancelled'));
    expect(await getFollowUps({ leadId: id, after: position })).toMatchObject([
      { state: 'cancelled', closedReason: 'lead_inactive' },
    ]);
  });

  test.each(['complete', 'cancel', 'reschedule'])('%s of an unknown follow-up returns not_found', async (action) => {
    const [{ id }, otherLead] = [await openLead(app), await openLead(app)];
    const { followUp: created } = await postFollowUp(app, otherLead.id);
    const body = action === 'reschedule' ? { dueAt: inHours(1) } : {};
    expect(await postFollowUpAction(app, id, 'nope', action, body)).toMatchObject(refused('not_found'));
    expect(await postFollowUpAction(app, id, created.id, action, body)).toMatchObject(refused('not_found'));
    expect(await postFollowUpAction(app, 'nope', created.id, action, body)).toMatchObject(refused('not_found'));
  });
});

describe('the list of follow-ups', () => {
  test('the list of follow-ups can be filtered by lead, assignee, state and due', async () => {
    const [{ id }, ana] = [await openLead(app), await postAgent(app)];
    const past = occurredAtHeader('2001-01-01T00:00:00Z');
    const old = await openLead(app, {}, past);
    const due = { dueAt: '2001-01-02T00:00:00Z' };
    const imported = await app.post(`/v1/leads/${old.id}/follow-ups`, due, past);
    expect(expectSuccess(imported).followUp).toMatchObject({ state: 'open', overdue: true });
    const assigned = (await postFollowUp(app, id, { assigneeId: ana.id })).followUp;
    const closed = (await postFollowUp(app, id)).followUp;
    expectSuccess(await postFollowUpAction(app, id, closed.id, 'complete'));
    const { position: after } = await postInteraction(app);
    const ids = async (query: object) => (await getFollowUps({ after, ...query })).map((followUp) => followUp.id);
    expect(await ids({ leadId: id, state: 'open' })).toEqual([assigned.id]);
    expect(await ids({ leadId: id, state: 'completed' })).toEqual([closed.id]);
    expect(await ids({ assigneeId: ana.id })).toEqual([assigned.id]);
    expect(await getFollowUps({ leadId: old.id, due: 'overdue' })).toMatchObject([{ overdue: true, state: 'open' }]);
    expect(await ids({ leadId: id, due: 'overdue' })).toEqual([]);
    expect(await ids({ leadId: id, due: 'upcoming' })).toEqual([assigned.id]);
    expect(await app.get('/v1/follow-ups', { due: 'never' })).toMatchObject(invalid('due'));
  });
});
