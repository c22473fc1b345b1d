import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp, type ApiResponse } from '../support/app.js';
import {
  openClosedLead,
  expectSuccess,
  getLeadHistory,
  getLead,
  openLead,
  postStatus,
  postInteraction,
} from '../support/api-steps.js';

// The app's own scorer would answer in between.
const app = setupApp({ QUALIFICATION: 'off' });
const byHand = (leadId: string, qualificationScore: unknown) =>
  app.post(`/v1/leads/${leadId}/status`, { qualificationScore });
const byAi = (leadId: string, score: unknown, more: object = {}): Promise<ApiResponse> =>
  app.post(`/v1/leads/${leadId}/qualification`, { score, model: 'm-1', ...more });
const unpin = async (leadId: string) => expectSuccess(await app.delete(`/v1/leads/${leadId}/qualification/pin`));

describe('a score', () => {
  const none = [
    '-1',
    '101',
    '73.5',
    '"80"',
    'null',
    'NaN',
    '1e400',
    'true',
    '[80]',
    '{}',
    '"NaN"',
    '-0.1',
    '100.0000001',
  ];

  test.each(none)('of %s by hand is refused, nothing is rounded or clamped', async (score) => {
    const { id, version } = await openLead(app);
    const response = await app.post(`/v1/leads/${id}/status`, `{"qualificationScore":${score}}`);
    expect(response).toMatchObject(score === 'NaN' ? refused('malformed_json') : invalid('qualificationScore'));
    expect((await postStatus(app, id, 'new')).lead).toMatchObject({ version, qualification: { score: null } });
  });

  test.each(none)('of %s by an AI is refused as well', async (score) => {
    const { id } = await openLead(app);
    const response = await app.post(`/v1/leads/${id}/qualification`, `{"model":"m","score":${score}}`);
    expect(response).toMatchObject(score === 'NaN' ? refused('malformed_json') : invalid('score'));
  });

  test.each([0, 1, 72, 99, 100])('of %d is taken as it is, both ways', async (score) => {
    const { id } = await openLead(app);
    expect(expectSuccess(await byAi(id, score)).lead.qualification.score).toBe(score);
    expect(expectSuccess(await byHand(id, score)).lead.qualification.score).toBe(score);
  });

  test('written 80.0 or 8e1 is the integer it is', async () => {
    const { id } = await openLead(app);
    expect(
      expectSuccess(await app.post(`/v1/leads/${id}/status`, '{"qualificationScore":8e1}')).lead.qualification.score,
    ).toBe(80);
  });

  test('moves no status', async () => {
    const { id } = await openLead(app);
    expect(expectSuccess(await byAi(id, 100)).lead.status).toBe('new');
    expect(expectSuccess(await byHand(id, 0)).lead.status).toBe('new');
  });
});

describe('an AI result', () => {
  test('is kept with model, version, rationale and factors', async () => {
    const { id, origin } = await openLead(app);
    const result = {
      modelVersion: '2',
      rationale: 'asked for a price',
      factors: [
        { label: 'price', weight: 0.5 },
        { label: 'spelling', weight: -1 },
      ],
    };
    const response = await byAi(id, 72, result);
    expect(response).toMatchObject({ status: 200, body: { changed: true, accepted: true, version: 3 } });
    const { lead, position } = response.body;
    expect(lead.qualification).toMatchObject({
      score: 72,
      source: 'ai',
      pinned: false,
      model: 'm-1',
      rationale: 'asked for a price',
      factors: result.factors,
      suggestion: null,
    });
    expect(lead.qualification.scoredAt).toBe(lead.updatedAt);
    expect((await getLeadHistory(app, id, { after: position })).at(-1)).toMatchObject({
      type: 'LeadScored',
      data: {
        from: null,
        to: 72,
        source: 'ai',
        ai: { model: 'm-1', modelVersion: '2', readUpTo: origin.interactionId, read: 1 },
        rationale: 'asked for a price',
      },
    });
  });

  test('the very same again changes nothing', async () => {
    const { id } = await openLead(app);
    expectSuccess(await byAi(id, 50));
    expect(await byAi(id, 50)).toMatchObject({ body: { changed: false, accepted: true, version: 3 } });
  });

  test('that has read more replaces the score', async () => {
    const { id, contactId } = await openLead(app);
    expectSuccess(await byAi(id, 50));
    await postInteraction(app, { contactId });
    expect(expectSuccess(await byAi(id, 60))).toMatchObject({ accepted: true, lead: { qualification: { score: 60 } } });
  });

  test('that had read less than the newest accepted one never wins, and leaves a trace', async () => {
    const { id, contactId, origin } = await openLead(app);
    await postInteraction(app, { contactId });
    expectSuccess(await byAi(id, 60));
    const stale = expectSuccess(await byAi(id, 10, { readUpTo: origin.interactionId }));
    expect(stale).toMatchObject({ accepted: false, changed: false, lead: { qualification: { score: 60 } } });
    expect((await getLeadHistory(app, id, { after: stale.position })).at(-1)).toMatchObject({
      type: 'AiResultDropped',
      data: { why: 'stale', score: 10 },
    });
  });

  test('that read what the lead never had is refused', async () => {
    const [one, other] = [await openLead(app), await openLead(app)];
    expect(await byAi(one.id, 10, { readUpTo: other.origin.interactionId })).toMatchObject(refused('not_found'));
    expect(await byAi(one.id, 10, { readUpTo: 'nope' })).toMatchObject(refused('not_found'));
  });

  test('on an inactive lead is answered, not accepted, and leaves one trace', async () => {
    const { id } = await openClosedLead(app);
    const first = expectSuccess(await byAi(id, 90));
    expect(first).toMatchObject({
      accepted: false,
      changed: false,
      lead: { status: 'lost', qualification: { score: null } },
    });
    const again = expectSuccess(await byAi(id, 90));
    expect(again).toMatchObject({ accepted: false });
    const dropped = await getLeadHistory(app, id, { type: 'AiResultDropped', after: again.position });
    expect(dropped).toMatchObject([{ data: { why: 'lead_inactive', score: 90, model: 'm-1' } }]);
  });

  test.each([
    [{ model: undefined }, ['model']],
    [{ model: '' }, ['model']],
    [{ modelVersion: 2 }, ['modelVersion']],
    [{ rationale: 'x'.repeat(65_537) }, ['rationale']],
    [{ readUpTo: null }, ['readUpTo']],
    [{ factors: {} }, ['factors']],
    [{ factors: 'price' }, ['factors']],
    [{ factors: ['price'] }, ['factors[0]']],
    [{ factors: [null] }, ['factors[0]']],
    [{ factors: [[]] }, ['factors[0]']],
    [
      {
        factors: [
          { label: 'price', weight: 1 },
          { label: '', weight: '1' },
        ],
      },
      ['factors[1].label', 'factors[1].weight'],
    ],
    [{ factors: [{ label: 'price', weight: 1, sum: 2 }] }, ['factors[0].sum']],
    [{ factors: Array.from({ length: 101 }, () => ({ label: 'x', weight: 1 })) }, ['factors']],
    [{ pinned: true }, ['pinned']],
  ])('with %j is refused by name', async (more, fields) => {
    const { id } = await openLead(app);
    expect(await byAi(id, 50, more)).toMatchObject(invalid(...fields));
  });
});

describe('a score by hand', () => {
  test('pins: later AI results are kept as suggestions', async () => {
    const { id } = await openLead(app);
    expectSuccess(await byAi(id, 30));
    const pinned = expectSuccess(await byHand(id, 80)).lead.qualification;
    expect(pinned).toMatchObject({
      score: 80,
      source: 'manual',
      pinned: true,
      model: null,
      rationale: null,
      factors: [],
    });
    const said = expectSuccess(await byAi(id, 40, { rationale: 'slow' }));
    expect(said).toMatchObject({ accepted: false, changed: true });
    expect(said.lead.qualification).toMatchObject({
      score: 80,
      source: 'manual',
      pinned: true,
      suggestion: { score: 40, model: 'm-1', rationale: 'slow' },
    });
    expect(await getLead(app, id, said.position)).toEqual(said.lead);
  });

  test('unpinned leaves score and suggestion as they are; the next AI result counts', async () => {
    const { id } = await openLead(app);
    expectSuccess(await byHand(id, 80));
    expectSuccess(await byAi(id, 40));
    const free = await unpin(id);
    expect(free).toMatchObject({
      changed: true,
      lead: { qualification: { score: 80, source: 'manual', pinned: false, suggestion: { score: 40 } } },
    });
    expect(await unpin(id)).toMatchObject({ changed: false });
    expect(expectSuccess(await byAi(id, 55))).toMatchObject({
      accepted: true,
      lead: { qualification: { score: 55, source: 'ai', suggestion: null } },
    });
  });

  test('the same as the AI’s own pins it too', async () => {
    const { id } = await openLead(app);
    expectSuccess(await byAi(id, 50));
    expect(expectSuccess(await byHand(id, 50))).toMatchObject({
      changed: true,
      lead: { qualification: { score: 50, source: 'manual', pinned: true } },
    });
    expect(expectSuccess(await byHand(id, 50))).toMatchObject({ changed: false });
  });

  test('on a lead without a pin, unpinning changes nothing', async () => {
    const { id } = await openLead(app);
    expect(await unpin(id)).toMatchObject({ changed: false, version: 2 });
  });

  test('is on record with who, from and to', async () => {
    const { id } = await openLead(app);
    expectSuccess(await byAi(id, 30));
    const { position } = expectSuccess(
      await app.post(
        `/v1/leads/${id}/status`,
        { qualificationScore: 90, note: 'very keen' },
        { 'x-actor': 'agent:ben' },
      ),
    );
    expect((await getLeadHistory(app, id, { after: position })).at(-1)).toMatchObject({
      type: 'LeadScored',
      actor: { type: 'agent', id: 'ben', name: null },
      data: { from: 30, to: 90, source: 'manual', ai: null, note: 'very keen' },
    });
  });
});
