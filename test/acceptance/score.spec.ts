import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp, type ApiResponse } from '../support/app.js';
import {
  expectSuccess,
  getLead,
  getLeadHistory,
  openClosedLead,
  openLead,
  postInteraction,
  postStatus,
} from '../support/api-steps.js';

const app = setupApp();
const postManualScore = (leadId: string, qualificationScore: unknown) =>
  app.post(`/v1/leads/${leadId}/status`, { qualificationScore });
const postAiResult = (leadId: string, score: unknown, overrides: object = {}): Promise<ApiResponse> =>
  app.post(`/v1/leads/${leadId}/qualification`, { score, model: 'm-1', ...overrides });
const unpin = async (leadId: string) => expectSuccess(await app.delete(`/v1/leads/${leadId}/qualification/pin`));

describe('a score', () => {
  const invalidScores = [
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

  test.each(invalidScores)('a manual score of %s is rejected, not rounded or clamped', async (score) => {
    const { id, version } = await openLead(app);
    const response = await app.post(`/v1/leads/${id}/status`, `{"qualificationScore":${score}}`);
    expect(response).toMatchObject(score === 'NaN' ? refused('malformed_json') : invalid('qualificationScore'));
    expect((await postStatus(app, id, 'new')).lead).toMatchObject({ version, qualification: { score: null } });
  });

  test.each(invalidScores)('an AI score of %s is rejected', async (score) => {
    const { id } = await openLead(app);
    const response = await app.post(`/v1/leads/${id}/qualification`, `{"model":"m","score":${score}}`);
    expect(response).toMatchObject(score === 'NaN' ? refused('malformed_json') : invalid('score'));
  });

  test.each([0, 1, 72, 99, 100])('a score of %d is accepted unchanged, manual and by AI', async (score) => {
    const { id } = await openLead(app);
    expect(expectSuccess(await postAiResult(id, score)).lead.qualification.score).toBe(score);
    expect(expectSuccess(await postManualScore(id, score)).lead.qualification.score).toBe(score);
  });

  test('a score written as 8e1 is accepted as 80', async () => {
    const { id } = await openLead(app);
    expect(
      expectSuccess(await app.post(`/v1/leads/${id}/status`, '{"qualificationScore":8e1}')).lead.qualification.score,
    ).toBe(80);
  });

  test('setting a score keeps the status', async () => {
    const { id } = await openLead(app);
    expect(expectSuccess(await postAiResult(id, 100)).lead.status).toBe('new');
    expect(expectSuccess(await postManualScore(id, 0)).lead.status).toBe('new');
  });
});

describe('an AI result', () => {
  test('an AI result is stored with model, version, rationale and factors', async () => {
    const { id, origin } = await openLead(app);
    const result = {
      modelVersion: '2',
      rationale: 'asked for a price',
      factors: [
        { label: 'price', weight: 0.5 },
        { label: 'spelling', weight: -1 },
      ],
    };
    const response = await postAiResult(id, 72, result);
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

  test('the same AI result again changes nothing', async () => {
    const { id } = await openLead(app);
    expectSuccess(await postAiResult(id, 50));
    expect(await postAiResult(id, 50)).toMatchObject({ body: { changed: false, accepted: true, version: 3 } });
  });

  test('an AI result that has read more interactions replaces the score', async () => {
    const { id, contactId } = await openLead(app);
    expectSuccess(await postAiResult(id, 50));
    await postInteraction(app, { contactId });
    expect(expectSuccess(await postAiResult(id, 60))).toMatchObject({
      accepted: true,
      lead: { qualification: { score: 60 } },
    });
  });

  test('an AI result that has read less than the accepted one is dropped and recorded as stale', async () => {
    const { id, contactId, origin } = await openLead(app);
    await postInteraction(app, { contactId });
    expectSuccess(await postAiResult(id, 60));
    const stale = expectSuccess(await postAiResult(id, 10, { readUpTo: origin.interactionId }));
    expect(stale).toMatchObject({ accepted: false, changed: false, lead: { qualification: { score: 60 } } });
    expect((await getLeadHistory(app, id, { after: stale.position })).at(-1)).toMatchObject({
      type: 'AiResultDropped',
      data: { why: 'stale', score: 10 },
    });
  });

  test('an AI result that has read an interaction of another lead returns not_found', async () => {
    const [lead, otherLead] = [await openLead(app), await openLead(app)];
    expect(await postAiResult(lead.id, 10, { readUpTo: otherLead.origin.interactionId })).toMatchObject(
      refused('not_found'),
    );
    expect(await postAiResult(lead.id, 10, { readUpTo: 'nope' })).toMatchObject(refused('not_found'));
  });

  test('an AI result for an inactive lead is not accepted and recorded once', async () => {
    const { id } = await openClosedLead(app);
    const first = expectSuccess(await postAiResult(id, 90));
    expect(first).toMatchObject({
      accepted: false,
      changed: false,
      lead: { status: 'lost', qualification: { score: null } },
    });
    const again = expectSuccess(await postAiResult(id, 90));
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
  ])('an AI result with %j is rejected, naming the fields', async (overrides, fields) => {
    const { id } = await openLead(app);
    expect(await postAiResult(id, 50, overrides)).toMatchObject(invalid(...fields));
  });
});

describe('a manual score', () => {
  test('a manual score is pinned, and later AI results become suggestions', async () => {
    const { id } = await openLead(app);
    expectSuccess(await postAiResult(id, 30));
    const pinned = expectSuccess(await postManualScore(id, 80)).lead.qualification;
    expect(pinned).toMatchObject({
      score: 80,
      source: 'manual',
      pinned: true,
      model: null,
      rationale: null,
      factors: [],
    });
    const suggested = expectSuccess(await postAiResult(id, 40, { rationale: 'slow' }));
    expect(suggested).toMatchObject({ accepted: false, changed: true });
    expect(suggested.lead.qualification).toMatchObject({
      score: 80,
      source: 'manual',
      pinned: true,
      suggestion: { score: 40, model: 'm-1', rationale: 'slow' },
    });
    expect(await getLead(app, id, suggested.position)).toEqual(suggested.lead);
  });

  test('unpinning keeps score and suggestion, and the next AI result replaces the score', async () => {
    const { id } = await openLead(app);
    expectSuccess(await postManualScore(id, 80));
    expectSuccess(await postAiResult(id, 40));
    const unpinned = await unpin(id);
    expect(unpinned).toMatchObject({
      changed: true,
      lead: { qualification: { score: 80, source: 'manual', pinned: false, suggestion: { score: 40 } } },
    });
    expect(await unpin(id)).toMatchObject({ changed: false });
    expect(expectSuccess(await postAiResult(id, 55))).toMatchObject({
      accepted: true,
      lead: { qualification: { score: 55, source: 'ai', suggestion: null } },
    });
  });

  test('a manual score equal to the AI score is pinned too', async () => {
    const { id } = await openLead(app);
    expectSuccess(await postAiResult(id, 50));
    expect(expectSuccess(await postManualScore(id, 50))).toMatchObject({
      changed: true,
      lead: { qualification: { score: 50, source: 'manual', pinned: true } },
    });
    expect(expectSuccess(await postManualScore(id, 50))).toMatchObject({ changed: false });
  });

  test('unpinning a score that is not pinned changes nothing', async () => {
    const { id } = await openLead(app);
    expect(await unpin(id)).toMatchObject({ changed: false, version: 2 });
  });

  test('the history shows a manual score with actor, from and to', async () => {
    const { id } = await openLead(app);
    expectSuccess(await postAiResult(id, 30));
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
