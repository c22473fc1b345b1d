import { describe, expect, test } from '@jest/globals';
import type { LeadResource } from '#domain/lead/lead.shown';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  getAllItems,
  postAgent,
  expectSuccess,
  interactionBody,
  getLead,
  openLead,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

interface Replayed {
  readonly event: {
    readonly id: string;
    readonly type: string;
    readonly leadId: string | null;
    readonly contactId: string;
    readonly position: string;
    readonly data: object;
  };
  readonly lead: LeadResource;
}

const app = setupApp();
const day = (index: number): string => `2024-03-${String(index).padStart(2, '0')}T00:00:00.000Z`;
const on = (index: number) => ({ 'x-occurred-at': day(index) });
const replay = (leadId: string, query = {}) => getAllItems<Replayed>(app, `/v1/leads/${leadId}/replay`, query);
const asOf = (leadId: string, moment: string) => app.get<LeadResource>(`/v1/leads/${leadId}`, { asOf: moment });

/** A lead day by day, with what each command answered. */
async function aLife() {
  const contactId = uniqueId('contact');
  const ana = await postAgent(app);
  const opened = await postInteraction(app, { contactId, text: 'Hi', profile: { name: 'Ana' } }, on(1));
  const lead = `/v1/leads/${opened.leadId}`;
  const responses = [opened];
  for (const [index, path, body] of [
    [2, `${lead}/assignment`, { agentId: ana.id }],
    [3, `${lead}/status`, { status: 'qualified', qualificationScore: 80 }],
    [4, `${lead}/follow-ups`, { dueAt: day(20) }],
    [5, '/v1/interactions', interactionBody({ contactId, profile: { name: 'Ana Sample' } })],
    [6, `${lead}/status`, { status: 'lost', reason: 'No answer' }],
  ] as const)
    responses.push(expectSuccess(await app.post(path, body, on(index))));
  const late = expectSuccess(
    await app.post('/v1/interactions', interactionBody({ contactId, occurredAt: day(2) }), on(7)),
  );
  expect(late.leadCreated).toBe(false);
  const next = await postInteraction(app, { contactId }, on(8));
  expect(next.leadCreated).toBe(true);
  return { id: opened.leadId, contactId, answers: responses, late, next, after: next.position };
}

describe('a lead as it was', () => {
  test('at a position is what the command answered that made it so', async () => {
    const { id, answers: responses, after } = await aLife();
    await getLead(app, id, after);
    for (const { lead, position } of responses) {
      const then = await asOf(id, position);
      expect(then).toMatchObject({ status: 200, body: lead });
      expect(then.headers.get('etag')).toBe(`"${lead.version}"`);
    }
  });

  test('at a time goes by when things happened, with what came late', async () => {
    const { id, late, answers: responses, after } = await aLife();
    const now = await getLead(app, id, after);
    expect((await asOf(id, day(28))).body).toEqual(now);
    expect((await asOf(id, day(5))).body).toMatchObject({ status: 'qualified', contact: { name: 'Ana Sample' } });
    expect((await asOf(id, day(4))).body).toMatchObject({ followUps: { open: 1 }, contact: { name: 'Ana' } });
    const opened = responses[0]!.lead;
    expect((await asOf(id, day(1))).body).toEqual(opened);
    expect((await asOf(id, day(2))).body).toMatchObject({ lastInteractionAt: day(2) });
    expect((await asOf(id, late.position)).body).toMatchObject({ status: 'lost', lastInteractionAt: day(5) });
  });

  test('before it was opened, or of nobody, is not found', async () => {
    const { id, answers: responses, next } = await aLife();
    expect(await asOf(id, '2024-02-29T23:59:59.999Z')).toMatchObject(refused('not_found'));
    expect(await asOf(next.leadId, responses[0]!.position)).toMatchObject(refused('not_found'));
    expect(await asOf('nope', day(1))).toMatchObject(refused('not_found'));
  });

  test.each(['yesterday', '2024-01-01', 'x', ''])('asOf=%s is refused by name', async (moment) => {
    const { id } = await openLead(app);
    expect(await asOf(id, moment)).toMatchObject(invalid('asOf'));
  });
});

describe('the replay of a lead', () => {
  test('tells each event, and the lead as it was after it', async () => {
    const { id, contactId, answers: responses, late, after } = await aLife();
    const steps = await replay(id, { after });
    expect(steps.map(({ event }) => event.type)).toEqual([
      'LeadOpened',
      'InteractionRecorded',
      'LeadAssigned',
      'LeadScored',
      'LeadStatusChanged',
      'FollowUpCreated',
      'ContactProfileChanged',
      'InteractionRecorded',
      'LeadStatusChanged',
      'FollowUpCancelled',
      'InteractionRecorded',
    ]);
    for (const { lead, position } of responses)
      expect(steps.find(({ event }) => event.position === position)?.lead).toEqual(lead);
    for (const { event, lead } of steps) {
      expect((await asOf(id, event.position)).body).toEqual(lead);
      expect(event).toMatchObject({ contactId, leadId: event.type === 'ContactProfileChanged' ? null : id });
    }
    expect(steps.at(-1)).toMatchObject({ event: { id: late.interactionId }, lead: await getLead(app, id, after) });
  });

  test('goes on page by page without gap or repeat, and tells the total', async () => {
    const { id } = await openLead(app);
    for (let index = 0; index < 12; index++) await postStatus(app, id, index % 2 ? 'new' : 'contacted');
    const { position: after } = await postInteraction(app);
    const whole = await replay(id, { after });
    expect(whole).toHaveLength(14);
    for (const limit of [1, 3, 7, 13, 14]) expect(await replay(id, { limit })).toEqual(whole);
    const { body } = await app.get(`/v1/leads/${id}/replay`, { limit: 3, count: true });
    expect(body).toMatchObject({ total: 14 });
  });

  test('of a lead that is not there is not found', async () => {
    expect(await app.get('/v1/leads/nope/replay')).toMatchObject(refused('not_found'));
    const { id } = await openLead(app);
    expect(await app.get(`/v1/leads/${id.replace(/1$/, '2')}/replay`)).toMatchObject(refused('not_found'));
  });

  test('refuses what it does not know', async () => {
    const { id } = await openLead(app);
    expect(await app.get(`/v1/leads/${id}/replay`, { asOf: day(1) })).toMatchObject(invalid('asOf'));
    expect(await app.get(`/v1/leads/${id}/replay`, { cursor: 'x' })).toMatchObject(invalid('cursor'));
  });
});
