import { describe, expect, test } from '@jest/globals';
import type { FollowUpResource } from '#domain/lead/lead.shown';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  getAllItems,
  postAgent,
  postAssignment,
  expectSuccess,
  postFollowUp,
  inHours,
  inMs,
  getLeadHistory,
  getLead,
  openLead,
  postStatus,
  postInteraction,
} from '../support/api-steps.js';

const app = setupApp();
const on = (leadId: string, followUpId: string, what: string, body?: object) =>
  app.post(`/v1/leads/${leadId}/follow-ups/${followUpId}/${what}`, body);
const listed = (query: Parameters<typeof getAllItems>[2]) =>
  getAllItems<FollowUpResource>(app, '/v1/follow-ups', query);

describe('creating a follow-up', () => {
  test('shows it whole, and on the lead', async () => {
    const lead = await openLead(app);
    const dueAt = inHours(24);
    const response = await app.post(`/v1/leads/${lead.id}/follow-ups`, { dueAt, note: 'call back' });
    expect(response).toMatchObject({ status: 201, body: { changed: true, version: 3 } });
    expect(response.headers.get('location')).toBe(`/v1/follow-ups?leadId=${lead.id}`);
    const { followUp: made, position } = response.body;
    expect(made).toEqual({
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
      followUps: { open: 1, nextDueAt: dueAt, nextId: made.id },
    });
    expect(await getLead(app, lead.id, position)).toEqual(response.body.lead);
    expect(await listed({ leadId: lead.id })).toEqual([made]);
  });

  test('with an offset keeps the moment, in UTC', async () => {
    const { id } = await openLead(app);
    expect((await postFollowUp(app, id, { dueAt: '2999-06-01T10:00:00.5+02:00' })).followUp.dueAt).toBe(
      '2999-06-01T08:00:00.500Z',
    );
  });

  test('gives it to the lead’s agent, else to its creator, else to whom was asked', async () => {
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

  test('for an agent nobody knows, or a deactivated one, is refused', async () => {
    const { id } = await openLead(app);
    const create = (assigneeId: string) => app.post(`/v1/leads/${id}/follow-ups`, { dueAt: inHours(1), assigneeId });
    expect(await create('nobody')).toMatchObject(refused('not_found'));
    const ana = await postAgent(app);
    await app.patch(`/v1/agents/${ana.id}`, { active: false });
    expect(await create(ana.id)).toMatchObject(refused('agent_inactive', { agentId: ana.id }));
  });

  test('leaves the status alone, unless asked', async () => {
    const { id } = await openLead(app);
    expect((await postFollowUp(app, id, { alsoSetStatus: false })).lead.status).toBe('new');
    const also = await postFollowUp(app, id, { alsoSetStatus: true });
    expect(also.lead).toMatchObject({ status: 'follow_up', version: 5 });
    expect((await postFollowUp(app, id, { alsoSetStatus: true })).lead).toMatchObject({
      status: 'follow_up',
      version: 6,
    });
  });

  test('shows the one due first as the next', async () => {
    const { id } = await openLead(app);
    const later = await postFollowUp(app, id, { dueAt: inHours(48) });
    const sooner = await postFollowUp(app, id, { dueAt: inHours(2) });
    expect(sooner.lead.followUps).toEqual({ open: 2, nextDueAt: sooner.followUp.dueAt, nextId: sooner.followUp.id });
    const { lead } = expectSuccess(await on(id, sooner.followUp.id, 'complete'));
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
  ])('with %j is refused by name', async (body, fields) => {
    const { id } = await openLead(app);
    expect(await app.post(`/v1/leads/${id}/follow-ups`, body)).toMatchObject(invalid(...fields));
  });

  test('a second ago is the past', async () => {
    const { id } = await openLead(app);
    expect(await app.post(`/v1/leads/${id}/follow-ups`, { dueAt: inMs(-1_000) })).toMatchObject(invalid('dueAt'));
  });
});

describe('a follow-up', () => {
  test('completed is completed, and again changes nothing', async () => {
    const { id } = await openLead(app);
    const { followUp: made } = await postFollowUp(app, id);
    const response = await on(id, made.id, 'complete', { note: 'reached her' });
    expect(response).toMatchObject({
      status: 200,
      body: {
        changed: true,
        version: 4,
        followUp: { id: made.id, state: 'completed' },
        lead: { followUps: { open: 0 } },
      },
    });
    expect(response.body.followUp.closedAt).not.toBeNull();
    expect(await on(id, made.id, 'complete')).toMatchObject({ status: 200, body: { changed: false, version: 4 } });
    expect((await getLeadHistory(app, id, { after: response.body.position })).at(-1)).toMatchObject({
      type: 'FollowUpCompleted',
      data: { note: 'reached her' },
    });
  });

  test('cancelled is cancelled with its reason, and again changes nothing', async () => {
    const { id } = await openLead(app);
    const { followUp: made } = await postFollowUp(app, id);
    expect(await on(id, made.id, 'cancel', { reason: 'on holiday' })).toMatchObject({
      status: 200,
      body: { followUp: { state: 'cancelled', closedReason: 'on holiday' } },
    });
    expect(await on(id, made.id, 'cancel')).toMatchObject({ status: 200, body: { changed: false } });
  });

  test('once cancelled can’t be completed or moved; once completed not cancelled or moved', async () => {
    const { id } = await openLead(app);
    const [one, two] = [(await postFollowUp(app, id)).followUp, (await postFollowUp(app, id)).followUp];
    expectSuccess(await on(id, one.id, 'cancel'));
    expectSuccess(await on(id, two.id, 'complete'));
    expect(await on(id, one.id, 'complete')).toMatchObject(refused('follow_up_cancelled', { followUpId: one.id }));
    expect(await on(id, one.id, 'reschedule', { dueAt: inHours(5) })).toMatchObject(refused('follow_up_cancelled'));
    expect(await on(id, two.id, 'cancel')).toMatchObject(refused('follow_up_completed', { followUpId: two.id }));
    expect(await on(id, two.id, 'reschedule', { dueAt: inHours(5) })).toMatchObject(refused('follow_up_completed'));
  });

  test('rescheduled keeps its id, with from, to and why on record', async () => {
    const { id } = await openLead(app);
    const { followUp: made } = await postFollowUp(app, id);
    const dueAt = inHours(72);
    const said = expectSuccess(await on(id, made.id, 'reschedule', { dueAt, reason: 'asked for later' }));
    expect(said).toMatchObject({
      changed: true,
      followUp: { id: made.id, dueAt, state: 'open' },
      lead: { followUps: { nextDueAt: dueAt } },
    });
    expect((await getLeadHistory(app, id, { after: said.position })).at(-1)).toMatchObject({
      type: 'FollowUpRescheduled',
      data: { from: made.dueAt, to: dueAt, reason: 'asked for later' },
    });
    expect(expectSuccess(await on(id, made.id, 'reschedule', { dueAt }))).toMatchObject({ changed: false });
    expect(await on(id, made.id, 'reschedule', { dueAt: inHours(-1) })).toMatchObject(invalid('dueAt'));
    expect(await on(id, made.id, 'reschedule', {})).toMatchObject(invalid('dueAt'));
  });

  test('of a closed lead is cancelled because of that', async () => {
    const { id } = await openLead(app);
    const { followUp: made } = await postFollowUp(app, id);
    const { position } = await postStatus(app, id, 'lost');
    expect(await on(id, made.id, 'complete')).toMatchObject(refused('follow_up_cancelled'));
    expect(await listed({ leadId: id, after: position })).toMatchObject([
      { state: 'cancelled', closedReason: 'lead_inactive' },
    ]);
  });

  test.each(['complete', 'cancel', 'reschedule'])('that is not there: %s is not found', async (what) => {
    const [{ id }, other] = [await openLead(app), await openLead(app)];
    const { followUp: made } = await postFollowUp(app, other.id);
    const body = what === 'reschedule' ? { dueAt: inHours(1) } : {};
    expect(await on(id, 'nope', what, body)).toMatchObject(refused('not_found'));
    expect(await on(id, made.id, what, body)).toMatchObject(refused('not_found'));
    expect(await on('nope', made.id, what, body)).toMatchObject(refused('not_found'));
  });
});

describe('the list of follow-ups', () => {
  test('filters by lead, assignee, state and due', async () => {
    const [{ id }, ana] = [await openLead(app), await postAgent(app)];
    const late = '2001-01-01T00:00:00Z';
    const old = await openLead(app, {}, { 'x-occurred-at': late });
    const due = { dueAt: '2001-01-02T00:00:00Z' };
    const made = await app.post(`/v1/leads/${old.id}/follow-ups`, due, { 'x-occurred-at': late });
    expect(expectSuccess(made).followUp).toMatchObject({ state: 'open', overdue: true });
    const own = (await postFollowUp(app, id, { assigneeId: ana.id })).followUp;
    const closed = (await postFollowUp(app, id)).followUp;
    expectSuccess(await on(id, closed.id, 'complete'));
    const { position: after } = await postInteraction(app);
    const ids = async (query: object) => (await listed({ after, ...query })).map((followUp) => followUp.id);
    expect(await ids({ leadId: id, state: 'open' })).toEqual([own.id]);
    expect(await ids({ leadId: id, state: 'completed' })).toEqual([closed.id]);
    expect(await ids({ assigneeId: ana.id })).toEqual([own.id]);
    expect(await listed({ leadId: old.id, due: 'overdue' })).toMatchObject([{ overdue: true, state: 'open' }]);
    expect(await ids({ leadId: id, due: 'overdue' })).toEqual([]);
    expect(await ids({ leadId: id, due: 'upcoming' })).toEqual([own.id]);
    expect(await app.get('/v1/follow-ups', { due: 'never' })).toMatchObject(invalid('due'));
  });
});
