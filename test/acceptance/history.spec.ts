import { describe, expect, test } from '@jest/globals';
import type { HistoryEntry } from '#projections/lead-history/lead-history.query';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp, type HistoryPage } from '../support/app.js';
import {
  expectSuccess,
  getContactHistory,
  getLeadHistory,
  occurredAtHeader,
  openClosedLead,
  openLead,
  postAgent,
  postAssignment,
  postFollowUp,
  postInteraction,
  postStatus,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp();
/** Midnight UTC of a day in March 2024. */
const day = (dayOfMonth: number): string => `2024-03-${String(dayOfMonth).padStart(2, '0')}T00:00:00.000Z`;
const at = (dayOfMonth: number) => occurredAtHeader(day(dayOfMonth));

/** A contact with two leads in March 2024, and a message of the 2nd that was recorded on the 5th. */
async function createTwoLeads() {
  const ana = await postAgent(app, { name: 'Ana' });
  const contactId = uniqueId('contact');
  const byAna = (dayOfMonth: number) => ({ ...at(dayOfMonth), 'x-actor': `agent:${ana.id}` });
  const first = await openLead(app, { contactId, text: 'Hello' }, at(1));
  const path = `/v1/leads/${first.id}`;
  expectSuccess(await app.post(`${path}/assignment`, { agentId: ana.id }, at(3)));
  expectSuccess(await app.post(`${path}/status`, { status: 'contacted' }, byAna(4)));
  const late = await postInteraction(app, { contactId, occurredAt: day(2), text: 'late' }, at(5));
  expectSuccess(await app.post(`${path}/status`, { status: 'lost', reason: 'too far' }, byAna(6)));
  const second = await openLead(app, { contactId }, at(10));
  const last = expectSuccess(await app.post(`/v1/leads/${second.id}/status`, { qualificationScore: 50 }, at(11)));
  return { ana, contactId, first, second, late, after: last.position };
}

describe('the history of a lead', () => {
  test('a lead’s history is sorted by the time of the events, newest first by default', async () => {
    const { first, after } = await createTwoLeads();
    const entries = await getLeadHistory(app, first.id, { after });
    expect(entries.map((entry) => [entry.type, entry.occurredAt])).toEqual([
      ['LeadOpened', day(1)],
      ['InteractionRecorded', day(1)],
      ['InteractionRecorded', day(2)],
      ['LeadAssigned', day(3)],
      ['LeadStatusChanged', day(4)],
      ['LeadStatusChanged', day(6)],
    ]);
    expect(await getLeadHistory(app, first.id, { order: 'desc' })).toEqual(entries.toReversed());
    const { body } = await app.get<HistoryPage>(`/v1/leads/${first.id}/history`);
    expect(body.items).toEqual(entries.toReversed());
  });

  test('a history entry shows actor, event time, recording time, summary and data', async () => {
    const startedAt = new Date().toISOString();
    const { ana, first, after } = await createTwoLeads();
    const entry = (await getLeadHistory(app, first.id, { after })).at(-1)!;
    expect(entry).toEqual({
      id: expect.any(String),
      type: 'LeadStatusChanged',
      leadId: first.id,
      leadOrdinal: 1,
      occurredAt: day(6),
      recordedAt: expect.any(String),
      actor: { type: 'agent', id: ana.id, name: 'Ana' },
      cause: null,
      summary: expect.stringMatching(/contacted.*lost.*too far/),
      data: expect.objectContaining({ from: 'contacted', to: 'lost', reason: 'too far', note: null }),
      position: expect.any(String),
    });
    expect(entry.recordedAt >= startedAt).toBe(true);
  });

  test('a lead’s history lists the contact’s earlier leads', async () => {
    const { first, second, after } = await createTwoLeads();
    const pastLeadsOf = async (id: string) =>
      (await app.get<HistoryPage>(`/v1/leads/${id}/history`, { after })).body.pastLeads;
    expect(await pastLeadsOf(second.id)).toEqual([
      { id: first.id, ordinal: 1, status: 'lost', createdAt: day(1), closedAt: day(6) },
    ]);
    expect(await pastLeadsOf(first.id)).toEqual([]);
  });

  test('a lead’s history has no entries of other leads', async () => {
    const { second, after } = await createTwoLeads();
    expect((await getLeadHistory(app, second.id, { after })).map((entry) => entry.leadId)).toEqual(
      Array(3).fill(second.id),
    );
  });

  test('a history shows an agent’s current name in actors and summaries', async () => {
    const { ana, first } = await createTwoLeads();
    const { position: after } = expectSuccess(await app.patch(`/v1/agents/${ana.id}`, { name: 'Anna' }));
    const entries = await getLeadHistory(app, first.id, { after });
    expect(entries.find((entry) => entry.type === 'LeadAssigned')?.summary).toContain('Anna');
    expect(entries.at(-1)?.actor.name).toBe('Anna');
  });

  test('history entries with the same time keep the order of the log', async () => {
    const { id } = await openLead(app, {}, at(1));
    for (const status of ['contacted', 'qualifying', 'qualified', 'new'])
      expectSuccess(await app.post(`/v1/leads/${id}/status`, { status }, at(1)));
    const { position: after } = await postInteraction(app);
    const entries = await getLeadHistory(app, id, { after });
    expect(entries.map((entry) => entry.position)).toEqual(entries.map((entry) => entry.position).toSorted());
    expect(entries.slice(2).map((entry) => (entry.data as { to: string }).to)).toEqual([
      'contacted',
      'qualifying',
      'qualified',
      'new',
    ]);
  });

  test('the history of an unknown lead returns not_found', async () => {
    expect(await app.get('/v1/leads/nope/history')).toMatchObject(refused('not_found'));
    const { id } = await openLead(app);
    expect(await app.get(`/v1/leads/${id.replace(/1$/, '2')}/history`)).toMatchObject(refused('not_found'));
  });
});

describe('the history of a contact', () => {
  test('a contact’s history covers all its leads and interactions that opened none', async () => {
    const { contactId } = await openClosedLead(app);
    await postInteraction(app, { contactId, text: 'STOP' });
    const { position: after } = await postInteraction(app, { contactId, profile: { phone: '+49151' } });
    expect(
      (await getContactHistory(app, contactId, { after })).map((entry) => [entry.type, entry.leadOrdinal]),
    ).toEqual([
      ['ContactRegistered', null],
      ['LeadOpened', 1],
      ['InteractionRecorded', 1],
      ['LeadStatusChanged', 1],
      ['ContactOptedOut', null],
      ['ContactProfileChanged', null],
      ['LeadOpened', 2],
      ['InteractionRecorded', 2],
    ]);
  });

  test('a contact’s history sorts a late message by the time it happened', async () => {
    const { contactId, late, after } = await createTwoLeads();
    const entries = await getContactHistory(app, contactId, { after });
    expect(entries.find((entry) => entry.id === late.interactionId)).toMatchObject({
      occurredAt: day(2),
      data: { text: 'late' },
    });
    expect(entries.map((entry) => entry.occurredAt)).toEqual(entries.map((entry) => entry.occurredAt).toSorted());
  });

  test('the history of an unknown contact returns not_found; one without matching entries is empty', async () => {
    expect(await app.get('/v1/contacts/unknown/history')).toMatchObject(refused('not_found'));
    const { lead, position: after } = await postInteraction(app);
    const { body } = await app.get<HistoryPage>(`/v1/contacts/${lead.contactId}/history`, {
      type: 'LeadScored',
      after,
    });
    expect(body).toMatchObject({ items: [], nextCursor: null });
  });
});

describe('history filters', () => {
  test('history filters by type, actor and time select the matching entries across pages', async () => {
    const { ana, contactId, after } = await createTwoLeads();
    const entries = await getContactHistory(app, contactId, { after });
    const isByAna = (entry: HistoryEntry) => entry.actor.id === ana.id;
    const cases: [Record<string, string>, (entry: HistoryEntry) => boolean][] = [
      [{ type: 'LeadOpened' }, (entry) => entry.type === 'LeadOpened'],
      [{ type: 'LeadOpened,LeadScored' }, (entry) => ['LeadOpened', 'LeadScored'].includes(entry.type)],
      [{ actor: `agent:${ana.id}` }, isByAna],
      [{ actor: ana.id }, isByAna],
      [{ actor: 'agent:unknown' }, () => false],
      [{ from: day(3) }, (entry) => entry.occurredAt >= day(3)],
      [{ to: day(3) }, (entry) => entry.occurredAt < day(3)],
      [{ from: day(3), to: day(10) }, (entry) => entry.occurredAt >= day(3) && entry.occurredAt < day(10)],
      [{ from: '2024-03-03T02:00:00+02:00' }, (entry) => entry.occurredAt >= day(3)],
      [
        { from: day(3), type: 'LeadStatusChanged', actor: ana.id },
        (entry) => isByAna(entry) && entry.type === 'LeadStatusChanged',
      ],
      [{ asOf: day(6) }, (entry) => entry.occurredAt <= day(6)],
      [{ asOf: day(5) }, (entry) => entry.occurredAt <= day(5)],
      [{ asOf: '2000-01-01T00:00:00Z' }, () => false],
    ];
    for (const [query, matches] of cases)
      for (const limit of [200, 2])
        expect([query, await getContactHistory(app, contactId, { ...query, limit })]).toEqual([
          query,
          entries.filter(matches),
        ]);
  });

  test('a history asOf a position has the entries recorded up to it', async () => {
    const { contactId, first, late, after } = await createTwoLeads();
    const entries = await getContactHistory(app, contactId, { after });
    for (const { position } of entries)
      expect(await getContactHistory(app, contactId, { asOf: position })).toEqual(
        entries.filter((entry) => entry.position <= position),
      );
    const before = await getLeadHistory(app, first.id, { asOf: late.position });
    expect(before.map((entry) => (entry.data as { to?: string }).to)).not.toContain('lost');
    expect(before.some((entry) => entry.id === late.interactionId)).toBe(true);
  });

  test.each([
    ['type', 'LeadLost'],
    ['type', ''],
    ['order', 'up'],
    ['from', 'yesterday'],
    ['to', '2024-01-01'],
    ['asOf', '2024-01-01'],
    ['asOf', 'x'],
    ['limit', '0'],
    ['limit', '201'],
    ['limit', 'many'],
    ['cursor', 'x'],
    ['cursor', ''],
  ])('a history with %s=%s is rejected, naming the parameter', async (name, value) => {
    const { contactId, id } = await openLead(app);
    expect(await app.get(`/v1/leads/${id}/history`, { [name]: value })).toMatchObject(invalid(name));
    expect(await app.get(`/v1/contacts/${contactId}/history`, { [name]: value })).toMatchObject(invalid(name));
  });
});

describe('history pages', () => {
  test('history pages have no gap or repetition, for every limit and both orders', async () => {
    const { id } = await openLead(app);
    for (let index = 0; index < 12; index++) await postStatus(app, id, index % 2 ? 'new' : 'contacted');
    const { position: after } = await postFollowUp(app, id);
    const entries = await getLeadHistory(app, id, { after });
    expect(entries).toHaveLength(15);
    for (const limit of [1, 2, 7, 15, 16]) {
      expect(await getLeadHistory(app, id, { limit })).toEqual(entries);
      expect(await getLeadHistory(app, id, { limit, order: 'desc' })).toEqual(entries.toReversed());
    }
  });

  test('a history cursor rejects a changed order', async () => {
    const { id } = await openLead(app);
    const { nextCursor } = (
      await app.get(`/v1/leads/${id}/history`, { limit: 1, order: 'asc', after: (await postInteraction(app)).position })
    ).body;
    expect(await app.get(`/v1/leads/${id}/history`, { cursor: nextCursor, order: 'desc' })).toMatchObject(
      invalid('order'),
    );
    expect(await app.get(`/v1/leads/${id}/history`, { cursor: nextCursor, order: 'asc' })).toMatchObject({
      status: 200,
    });
  });
});

test('a lead’s history does not show the assignment of another lead', async () => {
  const [unassigned, assigned, ana] = [await openLead(app), await openLead(app), await postAgent(app)];
  const { position: after } = await postAssignment(app, assigned.id, ana.id);
  expect((await getLeadHistory(app, unassigned.id, { after })).map((entry) => entry.type)).toEqual([
    'LeadOpened',
    'InteractionRecorded',
  ]);
});
