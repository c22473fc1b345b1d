import { describe, expect, test } from '@jest/globals';
import type { LeadResource } from '#resources/lead.resource';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  expectSuccess,
  getAllItems,
  getLead,
  interactionBody,
  occurredAtHeader,
  openLead,
  postAgent,
  postInteraction,
  postStatus,
  uniqueId,
} from '../support/api-steps.js';

interface ReplayStep {
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
const day = (dayOfMonth: number): string => `2024-03-${String(dayOfMonth).padStart(2, '0')}T00:00:00.000Z`;
const on = (dayOfMonth: number) => occurredAtHeader(day(dayOfMonth));
const getReplay = (leadId: string, query = {}) => getAllItems<ReplayStep>(app, `/v1/leads/${leadId}/replay`, query);
const getLeadAsOf = (leadId: string, asOf: string) => app.get<LeadResource>(`/v1/leads/${leadId}`, { asOf });

/** Runs one command a day on a lead and returns their responses. */
async function createLeadDayByDay() {
  const contactId = uniqueId('contact');
  const ana = await postAgent(app);
  const opened = await postInteraction(app, { contactId, text: 'Hi', profile: { name: 'Ana' } }, on(1));
  const lead = `/v1/leads/${opened.leadId}`;
  const responses = [opened];
  for (const [dayOfMonth, path, body] of [
    [2, `${lead}/assignment`, { agentId: ana.id }],
    [3, `${lead}/status`, { status: 'qualified', qualificationScore: 80 }],
    [4, `${lead}/follow-ups`, { dueAt: day(20) }],
    [5, '/v1/interactions', interactionBody({ contactId, profile: { name: 'Ana Sample' } })],
    [6, `${lead}/status`, { status: 'lost', reason: 'No answer' }],
  ] as const)
    responses.push(expectSuccess(await app.post(path, body, on(dayOfMonth))));
  const late = expectSuccess(
    await app.post('/v1/interactions', interactionBody({ contactId, occurredAt: day(2) }), on(7)),
  );
  expect(late.leadCreated).toBe(false);
  const next = await postInteraction(app, { contactId }, on(8));
  expect(next.leadCreated).toBe(true);
  return { id: opened.leadId, contactId, answers: responses, late, next, after: next.position };
}

describe('a lead with asOf', () => {
  test('a lead asOf a command’s position equals the lead in the command’s response', async () => {
    const { id, answers: responses, after } = await createLeadDayByDay();
    await getLead(app, id, after);
    for (const { lead, position } of responses) {
      const response = await getLeadAsOf(id, position);
      expect(response).toMatchObject({ status: 200, body: lead });
      expect(response.headers.get('etag')).toBe(`"${lead.version}"`);
    }
  });

  test('a lead asOf a time includes late events by their time', async () => {
    const { id, late, answers: responses, after } = await createLeadDayByDay();
    const current = await getLead(app, id, after);
    expect((await getLeadAsOf(id, day(28))).body).toEqual(current);
    expect((await getLeadAsOf(id, day(5))).body).toMatchObject({
      status: 'qualified',
      contact: { name: 'Ana Sample' },
    });
    expect((await getLeadAsOf(id, day(4))).body).toMatchObject({ followUps: { open: 1 }, contact: { name: 'Ana' } });
    const opened = responses[0]!.lead;
    expect((await getLeadAsOf(id, day(1))).body).toEqual(opened);
    expect((await getLeadAsOf(id, day(2))).body).toMatchObject({ lastInteractionAt: day(2) });
    expect((await getLeadAsOf(id, late.position)).body).toMatchObject({ status: 'lost', lastInteractionAt: day(5) });
  });

  test('a lead asOf a time before it was opened, or an unknown lead, returns not_found', async () => {
    const { id, answers: responses, next } = await createLeadDayByDay();
    expect(await getLeadAsOf(id, '2024-02-29T23:59:59.999Z')).toMatchObject(refused('not_found'));
    expect(await getLeadAsOf(next.leadId, responses[0]!.position)).toMatchObject(refused('not_found'));
    expect(await getLeadAsOf('nope', day(1))).toMatchObject(refused('not_found'));
  });

  test.each(['yesterday', '2024-01-01', 'x', ''])(
    'a lead with asOf=%s is rejected, naming the parameter',
    async (asOf) => {
      const { id } = await openLead(app);
      expect(await getLeadAsOf(id, asOf)).toMatchObject(invalid('asOf'));
    },
  );
});

describe('the replay of a lead', () => {
  test('a replay returns each event with the lead after it', async () => {
    const { id, contactId, answers: responses, late, after } = await createLeadDayByDay();
    const steps = await getReplay(id, { after });
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
      expect((await getLeadAsOf(id, event.position)).body).toEqual(lead);
      expect(event).toMatchObject({ contactId, leadId: event.type === 'ContactProfileChanged' ? null : id });
    }
    expect(steps.at(-1)).toMatchObject({ event: { id: late.interactionId }, lead: await getLead(app, id, after) });
  });

  test('replay pages have no gap or repetition, and count the total', async () => {
    const { id } = await openLead(app);
    for (let index = 0; index < 12; index++) await postStatus(app, id, index % 2 ? 'new' : 'contacted');
    const { position: after } = await postInteraction(app);
    const steps = await getReplay(id, { after });
    expect(steps).toHaveLength(14);
    for (const limit of [1, 3, 7, 13, 14]) expect(await getReplay(id, { limit })).toEqual(steps);
    const { body } = await app.get(`/v1/leads/${id}/replay`, { limit: 3, count: true });
    expect(body).toMatchObject({ total: 14 });
  });

  test('the replay of an unknown lead returns not_found', async () => {
    expect(await app.get('/v1/leads/nope/replay')).toMatchObject(refused('not_found'));
    const { id } = await openLead(app);
    expect(await app.get(`/v1/leads/${id.replace(/1$/, '2')}/replay`)).toMatchObject(refused('not_found'));
  });

  test('a replay rejects unknown parameters and cursors', async () => {
    const { id } = await openLead(app);
    expect(await app.get(`/v1/leads/${id}/replay`, { asOf: day(1) })).toMatchObject(invalid('asOf'));
    expect(await app.get(`/v1/leads/${id}/replay`, { cursor: 'x' })).toMatchObject(invalid('cursor'));
  });
});
