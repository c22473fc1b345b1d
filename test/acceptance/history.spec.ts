import { describe, expect, test } from '@jest/globals';
import type { HistoryEntry } from '#projections/lead-history/lead-history.query';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp, type HistoryPage } from '../support/app.js';
import {
  postAgent,
  postAssignment,
  openClosedLead,
  getContactHistory,
  expectSuccess,
  postFollowUp,
  getLeadHistory,
  openLead,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

const app = setupApp({ QUALIFICATION: 'off' });
const day = (index: number, clock = '00:00:00'): string => `2024-03-${String(index).padStart(2, '0')}T${clock}.000Z`;
const at = (index: number) => ({ 'x-occurred-at': day(index) });

/** A contact's two leads in March 2024, with a message of the 2nd that came on the 5th. */
async function aLongStory() {
  const ana = await postAgent(app, { name: 'Ana' });
  const contactId = uniqueId('contact');
  const byAna = (index: number) => ({ ...at(index), 'x-actor': `agent:${ana.id}` });
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
  test('tells all that happened, in the order in which it happened, newest first unless asked otherwise', async () => {
    const { first, after } = await aLongStory();
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

  test('tells of each who, when, when it was recorded, why, and from what to what', async () => {
    const began = new Date().toISOString();
    const { ana, first, after } = await aLongStory();
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
    expect(entry.recordedAt >= began).toBe(true);
  });

  test('names the leads before it', async () => {
    const { first, second, after } = await aLongStory();
    const of = async (id: string) => (await app.get<HistoryPage>(`/v1/leads/${id}/history`, { after })).body.pastLeads;
    expect(await of(second.id)).toEqual([
      { id: first.id, ordinal: 1, status: 'lost', createdAt: day(1), closedAt: day(6) },
    ]);
    expect(await of(first.id)).toEqual([]);
  });

  test('holds that lead alone', async () => {
    const { second, after } = await aLongStory();
    expect((await getLeadHistory(app, second.id, { after })).map((entry) => entry.leadId)).toEqual(Array(3).fill(second.id));
  });

  test('shows an agent’s present name in actors and summaries', async () => {
    const { ana, first } = await aLongStory();
    const { position: after } = expectSuccess(await app.patch(`/v1/agents/${ana.id}`, { name: 'Anna' }));
    const entries = await getLeadHistory(app, first.id, { after });
    expect(entries.find((entry) => entry.type === 'LeadAssigned')?.summary).toContain('Anna');
    expect(entries.at(-1)?.actor.name).toBe('Anna');
  });

  test('of events of one moment keeps the order of the log', async () => {
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

  test('of a lead that is not there is not found', async () => {
    expect(await app.get('/v1/leads/nope/history')).toMatchObject(refused('not_found'));
    const { id } = await openLead(app);
    expect(await app.get(`/v1/leads/${id.replace(/1$/, '2')}/history`)).toMatchObject(refused('not_found'));
  });
});

describe('the history of a contact', () => {
  test('tells of all its leads, and what it said that opened none', async () => {
    const { contactId } = await openClosedLead(app);
    await postInteraction(app, { contactId, text: 'STOP' });
    const { position: after } = await postInteraction(app, { contactId, profile: { phone: '+49151' } });
    expect((await getContactHistory(app, contactId, { after })).map((entry) => [entry.type, entry.leadOrdinal])).toEqual([
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

  test('puts what came late where it happened', async () => {
    const { contactId, late, after } = await aLongStory();
    const entries = await getContactHistory(app, contactId, { after });
    const nth = entries.findIndex((entry) => entry.id === late.interactionId);
    expect(entries[nth]).toMatchObject({ occurredAt: day(2), data: { text: 'late' } });
    expect(entries.map((entry) => entry.occurredAt)).toEqual(entries.map((entry) => entry.occurredAt).toSorted());
  });

  test('of nobody is not found; of somebody with nothing to show is empty', async () => {
    expect(await app.get('/v1/contacts/nobody/history')).toMatchObject(refused('not_found'));
    const { lead, position: after } = await postInteraction(app);
    const { body } = await app.get<HistoryPage>(`/v1/contacts/${lead.contactId}/history`, {
      type: 'LeadScored',
      after,
    });
    expect(body).toMatchObject({ items: [], nextCursor: null });
  });
});

describe('filters', () => {
  test('by type, actor and time give what is left of the whole, and page through it', async () => {
    const { ana, contactId, after } = await aLongStory();
    const whole = await getContactHistory(app, contactId, { after });
    const byAna = (entry: HistoryEntry) => entry.actor.id === ana.id;
    const cases: [Record<string, string>, (entry: HistoryEntry) => boolean][] = [
      [{ type: 'LeadOpened' }, (entry) => entry.type === 'LeadOpened'],
      [{ type: 'LeadOpened,LeadScored' }, (entry) => ['LeadOpened', 'LeadScored'].includes(entry.type)],
      [{ actor: `agent:${ana.id}` }, byAna],
      [{ actor: ana.id }, byAna],
      [{ actor: 'agent:nobody' }, () => false],
      [{ from: day(3) }, (entry) => entry.occurredAt >= day(3)],
      [{ to: day(3) }, (entry) => entry.occurredAt < day(3)],
      [{ from: day(3), to: day(10) }, (entry) => entry.occurredAt >= day(3) && entry.occurredAt < day(10)],
      [{ from: '2024-03-03T02:00:00+02:00' }, (entry) => entry.occurredAt >= day(3)],
      [
        { from: day(3), type: 'LeadStatusChanged', actor: ana.id },
        (entry) => byAna(entry) && entry.type === 'LeadStatusChanged',
      ],
      [{ asOf: day(6) }, (entry) => entry.occurredAt <= day(6)],
      [{ asOf: day(5) }, (entry) => entry.occurredAt <= day(5)],
      [{ asOf: '2000-01-01T00:00:00Z' }, () => false],
    ];
    for (const [query, keeps] of cases)
      for (const limit of [200, 2])
        expect([query, await getContactHistory(app, contactId, { ...query, limit })]).toEqual([
          query,
          whole.filter(keeps),
        ]);
  });

  test('asOf a position tells what had been recorded by then', async () => {
    const { contactId, first, late, after } = await aLongStory();
    const whole = await getContactHistory(app, contactId, { after });
    for (const { position } of whole)
      expect(await getContactHistory(app, contactId, { asOf: position })).toEqual(
        whole.filter((entry) => entry.position <= position),
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
  ])('%s=%s is refused by name', async (name, value) => {
    const { contactId, id } = await openLead(app);
    expect(await app.get(`/v1/leads/${id}/history`, { [name]: value })).toMatchObject(invalid(name));
    expect(await app.get(`/v1/contacts/${contactId}/history`, { [name]: value })).toMatchObject(invalid(name));
  });
});

describe('pages', () => {
  test('go on without gap or repeat, at any limit, in both orders', async () => {
    const { id } = await openLead(app);
    for (let index = 0; index < 12; index++) await postStatus(app, id, index % 2 ? 'new' : 'contacted');
    const { position: after } = await postFollowUp(app, id);
    const whole = await getLeadHistory(app, id, { after });
    expect(whole).toHaveLength(15);
    for (const limit of [1, 2, 7, 15, 16]) {
      expect(await getLeadHistory(app, id, { limit })).toEqual(whole);
      expect(await getLeadHistory(app, id, { limit, order: 'desc' })).toEqual(whole.toReversed());
    }
  });

  test('pin what was asked', async () => {
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

test('what an assignment of another lead says stands not here', async () => {
  const [one, other, ana] = [await openLead(app), await openLead(app), await postAgent(app)];
  const { position: after } = await postAssignment(app, other.id, ana.id);
  expect((await getLeadHistory(app, one.id, { after })).map((entry) => entry.type)).toEqual([
    'LeadOpened',
    'InteractionRecorded',
  ]);
});
