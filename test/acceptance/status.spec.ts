import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  openClosedLead,
  expectSuccess,
  postFollowUp,
  getLeadHistory,
  getLead,
  openLead,
  postStatus,
  postInteraction,
} from '../support/api-steps.js';

const app = setupApp();
const active = ['new', 'contacted', 'qualifying', 'qualified', 'follow_up'];
const final = ['converted', 'lost', 'archived'];
const status = (leadId: string, body: object, headers = {}) => app.post(`/v1/leads/${leadId}/status`, body, headers);

describe('an active lead', () => {
  test('moves from any active status to any other, forwards and backwards', async () => {
    const { id } = await openLead(app);
    let from = 'new';
    let version = 2;
    for (const to of [
      ...active,
      ...active.toReversed(),
      ...active.flatMap((one) => active.flatMap((two) => [one, two])),
    ]) {
      const response = await status(id, { status: to });
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

  test.each(active.flatMap((from) => final.map((to) => [from, to] as const)))(
    'goes straight from %s to %s',
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

  test('told the status it has: success, nothing changed, no event', async () => {
    const { id, version, updatedAt } = await openLead(app);
    const first = await postStatus(app, id, 'contacted');
    const again = await status(id, { status: 'contacted' });
    expect(again).toMatchObject({
      status: 200,
      body: { changed: false, version: version + 1, position: first.position },
    });
    expect(again.body.lead.updatedAt >= updatedAt).toBe(true);
    expect(await getLeadHistory(app, id, { after: again.body.position })).toHaveLength(3);
  });

  test('told the status it has, with a new score: only the score changes', async () => {
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

  test('told the status and the score it has: nothing changed', async () => {
    const { id } = await openLead(app);
    await postStatus(app, id, 'qualified', { qualificationScore: 72 });
    expect(await postStatus(app, id, 'qualified', { qualificationScore: 72 })).toMatchObject({ changed: false });
  });

  test('gets a score alone, and stays where it is', async () => {
    const { id } = await openLead(app);
    const response = await status(id, { qualificationScore: 100 });
    expect(response).toMatchObject({
      status: 200,
      body: { changed: true, lead: { status: 'new', qualification: { score: 100 } } },
    });
  });

  test('gets a status and a score in one go', async () => {
    const { id } = await openLead(app);
    const { lead } = await postStatus(app, id, 'qualified', { qualificationScore: 0 });
    expect(lead).toMatchObject({ status: 'qualified', qualification: { score: 0, source: 'manual' }, version: 4 });
  });

  test('told the status it has, with a reason or a note: that counts as a change', async () => {
    const { id } = await openLead(app);
    expect(await postStatus(app, id, 'new', { note: 'called twice' })).toMatchObject({ changed: true, version: 3 });
    expect(await postStatus(app, id, 'new', { reason: 'no answer' })).toMatchObject({
      changed: true,
      lead: { reason: 'no answer', version: 4 },
    });
  });

  test('reason and note stand in the history, with from and to', async () => {
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

  test('lost needs no reason, unless the organization says so', async () => {
    const { id } = await openLead(app);
    expect((await postStatus(app, id, 'lost')).lead.reason).toBeNull();
  });
});

describe('an inactive lead', () => {
  test.each(final)('that is %s is refused every status, its own too, and nothing happens', async (own) => {
    const { id, closedAt, contactId } = await openClosedLead(app, own);
    for (const to of [...active, ...final]) {
      expect(await status(id, { status: to })).toMatchObject(
        refused('lead_inactive', { leadId: id, leadStatus: own, inactiveSince: closedAt, activeLeadId: null }),
      );
    }
    const { position } = await postInteraction(app, { contactId });
    expect(await getLeadHistory(app, id, { after: position })).toHaveLength(3);
  });

  test('tells the active lead that the contact has by now', async () => {
    const { id, contactId } = await openClosedLead(app);
    const { leadId: activeLeadId } = await postInteraction(app, { contactId });
    expect(await status(id, { status: 'new' })).toMatchObject(
      refused('lead_inactive', { leadId: id, leadStatus: 'lost', activeLeadId }),
    );
  });

  test.each([
    ['a score', 'POST', 'status', { qualificationScore: 50 }],
    ['a note', 'POST', 'status', { status: 'lost', note: 'so it is' }],
    ['an agent', 'POST', 'assignment', { agentId: 'nobody' }],
    ['no agent', 'DELETE', 'assignment', undefined],
    ['an unpinned score', 'DELETE', 'qualification/pin', undefined],
    ['a follow-up', 'POST', 'follow-ups', { dueAt: '2999-01-01T00:00:00Z' }],
    ['a follow-up long due', 'POST', 'follow-ups', { dueAt: '1999-01-01T00:00:00Z' }],
  ])('is refused %s', async (_, method, path, body) => {
    const { id } = await openClosedLead(app);
    const response = await app.call(method, `/v1/leads/${id}/${path}`, body);
    expect(response).toMatchObject(refused('lead_inactive', { leadId: id, leadStatus: 'lost', activeLeadId: null }));
  });

  test('is seen as before, and its chat goes on', async () => {
    const { id, version, contactId } = await openClosedLead(app, 'archived');
    const sent = await app.post(`/v1/leads/${id}/messages`, { messageId: 'm-1', text: 'Bye' });
    expect(sent).toMatchObject({ status: 201, body: { lead: { status: 'archived', version: version + 1 } } });
    expect(await getLead(app, id, sent.body.position)).toMatchObject({ contactId, status: 'archived' });
  });
});

describe('closing a lead', () => {
  test('cancels its open follow-ups in the same breath, and says how many', async () => {
    const { id } = await openLead(app);
    const first = (await postFollowUp(app, id)).followUp;
    const second = (await postFollowUp(app, id)).followUp;
    const third = (await postFollowUp(app, id)).followUp;
    await app.post(`/v1/leads/${id}/follow-ups/${second.id}/complete`);
    const closing = await postStatus(app, id, 'converted');
    expect(closing).toMatchObject({
      cancelledFollowUps: 2,
      lead: { followUps: { open: 0, nextDueAt: null, nextId: null } },
    });
    const entries = await getLeadHistory(app, id, { after: closing.position });
    const closed = entries.slice(-3);
    expect(closed.map((entry) => entry.type).toSorted()).toEqual([
      'FollowUpCancelled',
      'FollowUpCancelled',
      'LeadStatusChanged',
    ]);
    expect(closed.at(-1)?.position).toBe(closing.position);
    const cancelled = closed.filter((entry) => entry.type === 'FollowUpCancelled');
    expect(cancelled.map((entry) => entry.data)).toMatchObject([{ why: 'lead_inactive' }, { why: 'lead_inactive' }]);
    expect(new Set(cancelled.map((entry) => (entry.data as { followUpId: string }).followUpId))).toEqual(
      new Set([first.id, third.id]),
    );
  });

  test('keeps the last agent on record and freezes the score', async () => {
    const { id } = await openLead(app);
    await app.post('/v1/agents', { id: 'ben', name: 'Ben' });
    await app.post(`/v1/leads/${id}/assignment`, { agentId: 'ben' });
    await postStatus(app, id, 'qualified', { qualificationScore: 80 });
    const { lead } = await postStatus(app, id, 'converted');
    expect(lead).toMatchObject({ agent: { id: 'ben', name: 'Ben' }, qualification: { score: 80 } });
    const ai = await app.post(`/v1/leads/${id}/qualification`, { score: 10, model: 'm' });
    expect(ai).toMatchObject({
      status: 200,
      body: { accepted: false, changed: false, lead: { qualification: { score: 80 } } },
    });
  });

  test('twenty times at once: one does it, the others are told that it is inactive', async () => {
    const { id } = await openLead(app);
    const responses = await Promise.all(Array.from({ length: 20 }, (_, index) => status(id, { status: final[index % 3] })));
    expect(responses.filter((response) => response.status === 200)).toHaveLength(1);
    expect(responses.filter((response) => response.body.code === 'lead_inactive')).toHaveLength(19);
  });
});

describe('If-Match', () => {
  test('with the version it has: done; with another: refused with the version it has', async () => {
    const { id, contactId } = await openLead(app);
    expect(await status(id, { status: 'contacted' }, { 'if-match': '"2"' })).toMatchObject({ status: 200 });
    const late = await status(id, { status: 'qualified' }, { 'if-match': '"2"' });
    expect(late).toMatchObject(refused('version_mismatch', { version: 3 }));
    await postInteraction(app, { contactId });
    expect(await status(id, { status: 'qualified' }, { 'if-match': '"3"' })).toMatchObject(
      refused('version_mismatch', { version: 4 }),
    );
    expect(await status(id, { status: 'qualified' }, { 'if-match': '"4"' })).toMatchObject({
      status: 200,
      body: { version: 5 },
    });
  });

  test('also guards what would change nothing', async () => {
    const { id } = await openLead(app);
    expect(await status(id, { status: 'new' }, { 'if-match': '"1"' })).toMatchObject(
      refused('version_mismatch', { version: 2 }),
    );
  });

  test('of many at once lets one through', async () => {
    const { id } = await openLead(app);
    const responses = await Promise.all(active.slice(1).map((to) => status(id, { status: to }, { 'if-match': '"2"' })));
    expect(responses.filter((response) => response.status === 200)).toHaveLength(1);
    expect(responses.filter((response) => response.body.code === 'version_mismatch')).toHaveLength(3);
  });

  test('can be the ETag of the lead as it was read', async () => {
    const { id } = await openLead(app);
    const { position } = await postStatus(app, id, 'contacted');
    const etag = (await app.get(`/v1/leads/${id}`, { after: position })).headers.get('etag')!;
    expect(etag).toBe('"3"');
    expect(await status(id, { status: 'qualified' }, { 'if-match': etag })).toMatchObject({ status: 200 });
  });

  test('on a lead that is not there is not found', async () => {
    expect(await status('nope', { status: 'new' }, { 'if-match': '"2"' })).toMatchObject(refused('not_found'));
  });
});

describe('a status that makes no sense', () => {
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
  ])('%j is refused by name', async (body, fields) => {
    const { id, version } = await openLead(app);
    const response = await status(id, body);
    expect(response).toMatchObject(invalid(...fields));
    expect(expectSuccess(await status(id, { status: 'new' }))).toMatchObject({ version });
  });

  test('is told the ones there are', async () => {
    const { id } = await openLead(app);
    const { body } = await status(id, { status: 'won' });
    expect(body.errors[0]?.message).toContain([...active, ...final].join(', '));
  });

  test.each(['nope', 'abcdefghijklmnopqrstuvwxyz-1', '%00', '1', '__proto__'])(
    'of lead %s is not found',
    async (id) => {
      expect(await status(id, { status: 'lost' })).toMatchObject(refused('not_found'));
    },
  );

  test('of a lead that the contact never had is not found', async () => {
    const { id } = await openLead(app);
    for (const other of [id.replace(/1$/, '2'), id.replace(/1$/, '0'), id.replace(/1$/, '01'), `${id}0`])
      expect(await status(other, { status: 'lost' })).toMatchObject(refused('not_found'));
  });
});
