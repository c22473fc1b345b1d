import { describe, expect, it } from '@jest/globals';
import {
  aiRead,
  aiText,
  firstRead,
  noText,
  resultDropped,
  scoreSuggested,
  scoredByAi,
  scoredByHand,
} from '#test/support/given-lead-events';
import {
  aiFailure,
  aiResult,
  at,
  changeStatus,
  createLead,
  foldedLead,
  given,
  interaction,
  interactionId,
  leadId,
  lost,
  opened,
  scoreByHand,
  scorer,
  secondInteraction,
  time,
  unpin,
} from '#test/support/given-when-then';

const id = leadId(1);

describe('Score', () => {
  const invalidScores: readonly unknown[] = [-1, 101, 73.5, '80', NaN, Infinity, -Infinity, true, [50], {}];

  it.each([0, 1, 73, 99, 100])('accepts the score %d', (score) => {
    given(opened).when(scoreByHand(score)).then(scoredByHand(null, score));
    given(opened).by(scorer).when(aiResult(score)).then(scoredByAi(null, score));
  });

  it.each(invalidScores)('rejects the score %j without rounding or clamping it', (score) => {
    given(opened)
      .when(scoreByHand(score as number))
      .thenInvalid('score', 'not_a_score');
    given(opened)
      .when(changeStatus('qualified', { score: score as number }))
      .thenInvalid('score', 'not_a_score');
    given(opened)
      .when(aiResult(score as number))
      .thenInvalid('score', 'not_a_score');
    given(opened, lost)
      .when(aiResult(score as number))
      .thenInvalid('score', 'not_a_score');
  });

  it('a new lead has no score', () => {
    expect(foldedLead(given(opened)).qualification).toStrictEqual({
      score: null,
      source: null,
      pinned: false,
      model: null,
      modelVersion: null,
      rationale: null,
      factors: [],
      scoredAt: null,
      suggestion: null,
    });
  });

  it('a new score records the previous one', () => {
    given(opened, scoreByHand(40)).when(scoreByHand(60)).then(scoredByHand(40, 60));
    given(opened, aiResult(40)).when(aiResult(60)).then(scoredByAi(40, 60));
    given(opened, aiResult(40)).when(scoreByHand(60)).then(scoredByHand(40, 60));
  });

  it('a new score does not change the status', () => {
    for (const command of [scoreByHand(100), aiResult(100), scoreByHand(0)])
      expect(foldedLead(given(opened, command))).toMatchObject({ status: 'new', statusChangedAt: time('09:00') });
  });
});

describe('RecordAiResult', () => {
  it('an AI score records model, version, rationale, factors and how far the model had read', () =>
    given(opened).by(scorer).when(aiResult(70)).then(scoredByAi(null, 70)));

  it('an AI score may have no version, rationale or factors', () =>
    given(opened)
      .when(aiResult(70, { modelVersion: null, rationale: null, factors: [] }))
      .then({
        ...scoredByAi(null, 70, { ...firstRead, modelVersion: null }),
        personal: { rationale: null, factors: [], ...noText },
      }));

  it('an AI result without readUpTo counts as having read the newest interaction', () => {
    const history = [opened, interaction({ messageId: 'm-2' })];
    given(...history)
      .when(aiResult(70))
      .then(scoredByAi(null, 70, aiRead(2, 'm-2')));
    given(...history)
      .when(aiResult(70, { readUpTo: interactionId('m-1') }))
      .then(scoredByAi(null, 70, aiRead(1, 'm-1')));
  });

  it('an AI result for a lead without interactions counts as having read none', () =>
    given(createLead())
      .when(aiResult(70))
      .then(scoredByAi(null, 70, aiRead(0, null))));

  it('rejects an AI result whose readUpTo is unknown, an opt-out, or an interaction of another lead', () => {
    const refused = { what: 'interaction' } as const;
    given(opened)
      .when(aiResult(70, { readUpTo: 'unknown' }))
      .thenRefused('not_found', refused);
    given(opened, interaction({ messageId: 'm-2', text: 'stop' }))
      .when(aiResult(70, { readUpTo: interactionId('m-2') }))
      .thenRefused('not_found', refused);
    given(opened, lost, secondInteraction)
      .when(aiResult(70, { readUpTo: interactionId('m-2') }))
      .thenRefused('not_found', refused);
    given(opened, lost, secondInteraction)
      .when(aiResult(70, { leadId: leadId(2), readUpTo: interactionId('m-1') }))
      .thenRefused('not_found', refused);
  });

  it('a repeated AI result does nothing unless model, version, rationale or the interactions read differ', () => {
    given(opened, aiResult(70)).when(aiResult(70)).thenNothing();
    given(opened, aiResult(70))
      .when(aiResult(70, { model: 'model-2' }))
      .then(scoredByAi(70, 70, { ...firstRead, model: 'model-2' }));
    given(opened, aiResult(70))
      .when(aiResult(70, { modelVersion: '1.1' }))
      .then(scoredByAi(70, 70, { ...firstRead, modelVersion: '1.1' }));
    given(opened, aiResult(70))
      .when(aiResult(70, { rationale: 'Asked for a date' }))
      .then({ ...scoredByAi(70, 70), personal: { ...aiText, rationale: 'Asked for a date', ...noText } });
    given(opened, aiResult(70), interaction({ messageId: 'm-2' }))
      .when(aiResult(70))
      .then(scoredByAi(70, 70, aiRead(2, 'm-2')));
  });

  it('an AI result that had read less than the accepted one is recorded once as dropped', () => {
    const history = [opened, interaction({ messageId: 'm-2' }), aiResult(70)];
    const stale = aiResult(30, { readUpTo: interactionId('m-1') });
    given(...history)
      .when(stale)
      .then(resultDropped('stale', 30));
    given(...history, stale)
      .when(stale)
      .thenNothing();
    expect(foldedLead(given(...history, stale)).qualification.score).toBe(70);
  });

  it('an AI result that had read as much or more replaces the score', () => {
    given(opened, aiResult(70)).when(aiResult(30)).then(scoredByAi(70, 30));
    given(opened, aiResult(70), interaction({ messageId: 'm-2' }))
      .when(aiResult(30))
      .then(scoredByAi(70, 30, aiRead(2, 'm-2')));
  });
});

describe('RecordQualificationFailure', () => {
  const failed = { type: 'QualificationFailed' } as const;
  const because = {
    leadId: id,
    model: 'model-1',
    readUpTo: interactionId('m-1'),
    read: 1,
    reason: 'it took too long',
  };
  const newer = aiFailure({ readUpTo: interactionId('m-2') });

  it('a failed qualification is recorded once for the same interactions and leaves the score unchanged', () => {
    given(opened)
      .when(aiFailure())
      .then({ ...failed, data: because });
    given(opened, aiFailure()).when(aiFailure()).thenNothing();
    given(opened, aiFailure(), interaction({ messageId: 'm-2' }))
      .when(newer)
      .then({ ...failed, data: { ...because, readUpTo: interactionId('m-2'), read: 2 } });
    expect(foldedLead(given(opened, aiResult(40), interaction({ messageId: 'm-2' }), newer)).qualification.score).toBe(
      40,
    );
  });

  it('a failed qualification is not recorded after a result or on a closed lead', () => {
    given(opened, aiResult(40)).when(aiFailure()).thenNothing();
    given(opened, lost).when(aiFailure()).thenNothing();
  });

  it('rejects a failed qualification that names an unknown interaction', () =>
    given(opened).when(newer).thenRefused('not_found', { what: 'interaction' }));
});

describe('Scores set by hand, and UnpinScore', () => {
  const pinned = [opened, aiResult(70), scoreByHand(40)];

  it('a score set by hand is pinned', () =>
    expect(foldedLead(given(...pinned)).qualification).toMatchObject({ score: 40, source: 'manual', pinned: true }));

  it('the same score set by hand again does nothing', () =>
    given(...pinned)
      .when(scoreByHand(40))
      .thenNothing());

  it('setting the score that an AI gave pins it', () =>
    given(opened, aiResult(70)).when(scoreByHand(70)).then(scoredByHand(70, 70)));

  it('setting a score by hand after unpinning pins it again', () =>
    given(...pinned, unpin())
      .when(scoreByHand(40))
      .then(scoredByHand(40, 40)));

  it('an AI result for a pinned score becomes a suggestion and leaves the score unchanged', () => {
    given(...pinned)
      .by(scorer)
      .when(aiResult(90))
      .then(scoreSuggested(90));
    expect(foldedLead(given(...pinned, at('11:00', aiResult(90)))).qualification).toStrictEqual({
      score: 40,
      source: 'manual',
      pinned: true,
      model: null,
      modelVersion: null,
      rationale: null,
      factors: [],
      scoredAt: time('09:02'),
      suggestion: { score: 90, model: 'model-1', modelVersion: '1.0', ...aiText, suggestedAt: time('11:00') },
    });
  });

  it('a newer suggestion replaces the previous one, and a repeated one does nothing', () => {
    given(...pinned, aiResult(90))
      .when(aiResult(90))
      .thenNothing();
    given(...pinned, aiResult(90))
      .when(aiResult(91))
      .then(scoreSuggested(91));
    expect(foldedLead(given(...pinned, aiResult(90), aiResult(91))).qualification.suggestion).toMatchObject({
      score: 91,
    });
    given(...pinned, aiResult(90), interaction({ messageId: 'm-2' }))
      .when(aiResult(90))
      .then(scoreSuggested(90, aiRead(2, 'm-2')));
  });

  it('a new score set by hand keeps the suggestion', () => {
    const { suggestion } = foldedLead(given(...pinned, aiResult(90))).qualification;
    expect(foldedLead(given(...pinned, aiResult(90), scoreByHand(50))).qualification).toMatchObject({
      score: 50,
      suggestion,
    });
  });

  it('an AI result for a pinned score is dropped if it had read less than the suggestion or the accepted result', () => {
    const history = [...pinned, interaction({ messageId: 'm-2' }), aiResult(90)];
    given(...history)
      .when(aiResult(10, { readUpTo: interactionId('m-1') }))
      .then(resultDropped('stale', 10));
    given(opened, interaction({ messageId: 'm-2' }), aiResult(70), scoreByHand(40))
      .when(aiResult(10, { readUpTo: interactionId('m-1') }))
      .then(resultDropped('stale', 10));
  });

  it('unpinning leaves the score and the suggestion unchanged', () => {
    given(...pinned)
      .when(unpin())
      .then({ type: 'ScoreUnpinned', data: { leadId: id } });
    const before = foldedLead(given(...pinned, aiResult(90))).qualification;
    expect(foldedLead(given(...pinned, aiResult(90), unpin())).qualification).toStrictEqual({
      ...before,
      pinned: false,
    });
  });

  it('the next AI result replaces an unpinned score and clears the suggestion', () => {
    given(...pinned, aiResult(90), unpin())
      .when(aiResult(91))
      .then(scoredByAi(40, 91));
    given(...pinned, aiResult(90), unpin())
      .when(aiResult(90))
      .then(scoredByAi(40, 90));
    expect(foldedLead(given(...pinned, aiResult(90), unpin(), aiResult(91))).qualification).toMatchObject({
      score: 91,
      source: 'ai',
      pinned: false,
      suggestion: null,
    });
  });

  it('unpinning a score that is not pinned does nothing', () => {
    given(...pinned, unpin())
      .when(unpin())
      .thenNothing();
    given(opened, aiResult(70)).when(unpin()).thenNothing();
    given(opened).when(unpin()).thenNothing();
  });
});
