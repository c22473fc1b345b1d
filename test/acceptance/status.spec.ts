import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  expectSuccess,
  getLead,
  getLeadHistory,
  openClosedLead,
  openLead,
  postFollowUp,
  postFollowUpAction,
  postInteraction,
  postStatus,
} from '../support/api-steps.js';

const app = setupApp();
const activeStatuses = ['new', 'contacted', 'qualifying', 'qualified', 'follow_up'];
const finalStatuses = ['converted', 'lost', 'archived'];
const changeStatus = (leadId: string, body: object, headers = {}) =>
  app.post(`/v1/leads/${leadId}/status`, body, headers);

describe('an active lead', () => {
  test('an active lead changes from every active status to every other, forwards and backwards', async () => {
    const { id } = await openLead(app);
    let from = 'new';
    let version = 2;
    for (const to of [
      ...activeStatuses,
      ...activeStatuses.toReversed(),
      ...activeStatuses.flatMap((from) => activeStatuses.flatMap((to) => [from, to])),
    ]) {
      const response = await changeStatus(id, { status: to });
      const changed = to !== from;
      if (changed) version++;
      expect(response).toMatchObject({
        status: 200,
        body: { changed, version, cancelledFollowUps: 0, lead: { status: to, active: true, closedAt: null, version } },
      });
      expect(response.headers.get('etag')).toBe(`"${version}"`);
      from = to;
    }
  });

  test.each(activeStatuses.flatMap((from) => finalStatuses.map((to) => [from, to] as const)))(
    'an active lead changes directly from %s to %s',
    async (from, to) => {
      const { id } = await openLead(app);
      await postStatus(app, id, from);
      const { lead, position } = await postStatus(app, id, to);
      expect(lead).toMatchObject({
        status: to,
        active: false,
        closedAt: lead.statusChangedAt,
        actions: { changeStatus: false, assign: false, createFollowUp: false, viewHistory: true, openChat: true },
      });
      expect(await getLead(app, id, position)).toEqual(lead);
    },
  );

  test('setting the current status succeeds without a change or an event', async () => {
    const { id, version, updatedAt } = await openLead(app);
    const first = await postStatus(app, id, 'contacted');
    const again = await changeStatus(id, { status: 'contacted' });
    expect(again).toMatchObject({
      status: 200,
      body: { changed: false, version: version + 1, position: first.position },
    });
    expect(again.body.lead.updatedAt >= updatedAt).toBe(true);
    expect(await getLeadHistory(app, id, { after: again.body.position })).toHaveLength(3);
  });

  test('setting the current status with a new score changes only the score', async () => {
    const { id, statusChangedAt } = await openLead(app);
    const { lead, changed, position } = await postStatus(app, id, 'new', { qualificationScore: 72 });
    expect(changed).toBe(true);
    expect(lead).toMatchObject({
      status: 'new',
      statusChangedAt,
      qualification: { score: 72, source: 'manual', pinned: true },
    });
    const types = (await getLeadHistory(app, id, { after: position })).map((entry) => entry.type);
    expect(types).toEqual(['LeadOpened', 'InteractionRecorded', 'LeadScored']);
  });

  test('setting the current status and the current score changes nothing', async () => {
    const { id } = await openLead(app);
    await postStatus(app, id, 'qualified', { qualificationScore: 72 });
    expect(await postStatus(app, id, 'qualified', { qualificationScore: 72 })).toMatchObject({ changed: false });
  });

  test('setting only a score keeps the status', async () => {
    const { id } = await openLead(app);
    const response = await changeStatus(id, { qualificationScore: 100 });
    expect(response).toMatchObject({
      status: 200,
      body: { changed: true, lead: { status: 'new', qualification: { score: 100 } } },
    });
  });

  test('one request sets a status and a score', async () => {
    const { id } = await openLead(app);
    const { lead } = await postStatus(app, id, 'qualified', { qualificationScore: 0 });
    expect(lead).toMatchObject({ status: 'qualified', qualification: { score: 0, source: 'manual' }, version: 4 });
  });

  test('setting the current status with a reason or a note counts as a change', async () => {
    const { id } = await openLead(app);
    expect(await postStatus(app, id, 'new', { note: 'called twice' })).toMatchObject({ changed: true, version: 3 });
    expect(await postStatus(app, id, 'new', { reason: 'no answer' })).toMatchObject({
      changed: true,
      lead: { reason: 'no answer', version: 4 },
    });
  });

  test('the history shows reason and note of a status change, with from and to', async () => {
    const { id } = await openLead(app);
    const { position, lead } = await postStatus(app, id, 'lost', { reason: 'too expensive', note: 'wanted 10 % off' });
    expect(lead.reason).toBe('too expensive');
    const last = (await getLeadHistory(app, id, { after: position })).at(-1);
    expect(last).toMatchObject({
      type: 'LeadStatusChanged',
      data: { from: 'new', to: 'lost', reason: 'too expensive', note: 'wanted 10 % off' },
      actor: { type: 'service' },
    });
  });

  test('a lead can be lost without a reason by default', async () => {
    const { id } = await openLead(app);
    expect((await postStatus(app, id, 'lost')).lead.reason).toBeNull();
  });
});

describe('an inactive lead', () => {
  test.each(finalStatuses)(
    'a lead that is %s rejects every status, including its own, and stays unchanged',
    async (ownStatus) => {
      const { id, closedAt, contactId } = await openClosedLead(app, ownStatus);
      for (const to of [...activeStatuses, ...finalStatuses]) {
        expect(await changeStatus(id, { status: to })).toMatchObject(
          refused('lead_inactive', { leadId: id, leadStatus: ownStatus, inactiveSince: closedAt, activeLeadId: null }),
        );
      }
      const { position } = await postInteraction(app, { contactId });
      expect(await getLeadHistory(app, id, { after: position })).toHaveLength(3);
    },
  );

  test('the rejection of an inactive lead names the contact’s active lead', async () => {
    const { id, contactId } = await openClosedLead(app);
    const { leadId: activeLeadId } = await postInteraction(app, { contactId });
    expect(await changeStatus(id, { status: 'new' })).toMatchObject(
      refused('lead_inactive', { leadId: id, leadStatus: 'lost', activeLeadId }),
    );
  });

  test.each([
    ['setting a score', 'POST', 'status', { qualificationScore: 50 }],
    ['adding a note', 'POST', 'status', { status: 'lost', note: 'confirmed' }],
    ['assigning an agent', 'POST', 'assignment', { agentId: 'unknown' }],
    ['unassigning the agent', 'DELETE', 'assignment', undefined],
    ['unpinning the score', 'DELETE', 'qualification/pin', undefined],
    ['creating a follow-up', 'POST', 'follow-ups', { dueAt: '2999-01-01T00:00:00Z' }],
    ['creating a follow-up in the past', 'POST', 'follow-ups', { dueAt: '1999-01-01T00:00:00Z' }],
  ])('an inactive lead rejects %s', async (_, method, path, body) => {
    const { id } = await openClosedLead(app);
    const response = await app.call(method, `/v1/leads/${id}/${path}`, body);
    expect(response).toMatchObject(refused('lead_inactive', { leadId: id, leadStatus: 'lost', activeLeadId: null }));
  });

  test('an inactive lead can be read, and still accepts outbound messages', async () => {
    const { id, version, contactId } = await openClosedLead(app, 'archived');
    const sent = await app.post(`/v1/leads/${id}/messages`, { messageId: 'm-1', text: 'Bye' });
    expect(sent).toMatchObject({ status: 201, body: { lead: { status: 'archived', version: version + 1 } } });
    expect(await getLead(app, id, sent.body.position)).toMatchObject({ contactId, status: 'archived' });
  });
});

describe('closing a lead', () => {
  test('closing a lead cancels its open follow-ups in the same write, and returns their number', async () => {
    const { id } = await openLead(app);
    const firstOpen = (await postFollowUp(app, id)).followUp;
    const completed = (await postFollowUp(app, id)).followUp;
    const secondOpen = (await postFollowUp(app, id)).followUp;
    await postFollowUpAction(app, id, completed.id, 'complete');
    const closing = await postStatus(app, id, 'converted');
    expect(closing).toMatchObject({
      cancelledFollowUps: 2,
      lead: { followUps: { open: 0, nextDueAt: null, nextId: null } },
    });
    const entries = await getLeadHistory(app, id, { after: closing.position });
    const closingEntries = entries.slice(-3);
    expect(closingEntries.map((entry) => entry.type).toSorted()).toEqual([
      'FollowUpCancelled',
      'FollowUpCancelled',
      'LeadStatusChanged',
    ]);
    expect(closingEntries.at(-1)?.position).toBe(closing.position);
    const cancelled = closingEntries.filter((entry) => entry.type === 'FollowUpCancelled');
    expect(cancelled.map((entry) => entry.data)).toMatchObject([{ why: 'lead_inactive' }, { why: 'lead_inactive' }]);
    expect(new Set(cancelled.map((entry) => (entry.data as { followUpId: string }).followUpId))).toEqual(
      new Set([firstOpen.id, secondOpen.id]),
    );
  });

  test('closing a lead keeps its last agent, and its score can no longer change', async () => {
    const { id } = await openLead(app);
    await app.post('/v1/agents', { id: 'ben', name: 'Ben' });
    await app.post(`/v1/leads/${id}/assignment`, { agentId: 'ben' });
    await postStatus(app, id, 'qualified', { qualificationScore: 80 });
    const { lead } = await postStatus(app, id, 'converted');
    expect(lead).toMatchObject({ agent: { id: 'ben', name: 'Ben' }, qualification: { score: 80 } });
    const aiResult = await app.post(`/v1/leads/${id}/qualification`, { score: 10, model: 'm' });
    expect(aiResult).toMatchObject({
      status: 200,
      body: { accepted: false, changed: false, lead: { qualification: { score: 80 } } },
    });
  });

  test('of twenty concurrent requests to close a lead one succeeds and the others get lead_inactive', async () => {
    const { id } = await openLead(app);
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, index) => changeStatus(id, { status: finalStatuses[index % 3] })),
    );
    expect(responses.filter((response) => response.status === 200)).toHaveLength(1);
    expect(responses.filter((response) => response.body.code === 'lead_inactive')).toHaveLength(19);
  });
});

describe('If-Match', () => {
  test('If-Match is accepted with the current version, and otherwise rejected with the current version in the response', async () => {
    const { id, contactId } = await openLead(app);
    expect(await changeStatus(id, { status: 'contacted' }, { 'if-match': '"2"' })).toMatchObject({ status: 200 });
    const late = await changeStatus(id, { status: 'qualified' }, { 'if-match': '"2"' });
    expect(late).toMatchObject(refused('version_mismatch', { version: 3 }));
    await postInteraction(app, { contactId });
    expect(await changeStatus(id, { status: 'qualified' }, { 'if-match': '"3"' })).toMatchObject(
      refused('version_mismatch', { version: 4 }),
    );
    expect(await changeStatus(id, { status: 'qualified' }, { 'if-match': '"4"' })).toMatchObject({
      status: 200,
      body: { version: 5 },
    });
  });

  test('If-Match with an old version is rejected even if nothing would change', async () => {
    const { id } = await openLead(app);
    expect(await changeStatus(id, { status: 'new' }, { 'if-match': '"1"' })).toMatchObject(
      refused('version_mismatch', { version: 2 }),
    );
  });

  test('of several concurrent requests with the same If-Match one succeeds', async () => {
    const { id } = await openLead(app);
    const responses = await Promise.all(
      activeStatuses.slice(1).map((to) => changeStatus(id, { status: to }, { 'if-match': '"2"' })),
    );
    expect(responses.filter((response) => response.status === 200)).toHaveLength(1);
    expect(responses.filter((response) => response.body.code === 'version_mismatch')).toHaveLength(3);
  });

  test('If-Match accepts the ETag of a lead read from the view', async () => {
    const { id } = await openLead(app);
    const { position } = await postStatus(app, id, 'contacted');
    const etag = (await app.get(`/v1/leads/${id}`, { after: position })).headers.get('etag')!;
    expect(etag).toBe('"3"');
    expect(await changeStatus(id, { status: 'qualified' }, { 'if-match': etag })).toMatchObject({ status: 200 });
  });

  test('If-Match on an unknown lead returns not_found', async () => {
    expect(await changeStatus('nope', { status: 'new' }, { 'if-match': '"2"' })).toMatchObject(refused('not_found'));
  });
});

describe('an invalid status change', () => {
  test.each([
    [{}, ['status']],
    [{ reason: 'why', note: 'what' }, ['status']],
    [{ status: 'won' }, ['status']],
    [{ status: 'New' }, ['status']],
    [{ status: ['new'] }, ['status']],
    [{ status: null }, ['status']],
    [{ status: 'lost', reason: 5 }, ['reason']],
    [{ status: 'lost', note: null }, ['note']],
    [{ status: 'lost', note: 'x'.repeat(65_537) }, ['note']],
    [{ status: 'lost', colour: 'red' }, ['colour']],
    [{ status: 'won', qualificationScore: 101 }, ['status', 'qualificationScore']],
  ])('a status change with %j is rejected, naming the fields', async (body, fields) => {
    const { id, version } = await openLead(app);
    const response = await changeStatus(id, body);
    expect(response).toMatchObject(invalid(...fields));
    expect(expectSuccess(await changeStatus(id, { status: 'new' }))).toMatchObject({ version });
  });

  test('the rejection of an unknown status lists the allowed statuses', async () => {
    const { id } = await openLead(app);
    const { body } = await changeStatus(id, { status: 'won' });
    expect(body.errors[0]?.message).toContain([...activeStatuses, ...finalStatuses].join(', '));
  });

  test.each(['nope', 'abcdefghijklmnopqrstuvwxyz-1', '%00', '1', '__proto__'])(
    'a status change of the unknown lead %s returns not_found',
    async (id) => {
      expect(await changeStatus(id, { status: 'lost' })).toMatchObject(refused('not_found'));
    },
  );

  test('a status change of a lead number that the contact never had returns not_found', async () => {
    const { id } = await openLead(app);
    for (const unknownId of [id.replace(/1$/, '2'), id.replace(/1$/, '0'), id.replace(/1$/, '01'), `${id}0`])
      expect(await changeStatus(unknownId, { status: 'lost' })).toMatchObject(refused('not_found'));
  });
});
