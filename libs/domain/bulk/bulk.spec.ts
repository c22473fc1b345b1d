import { describe, expect, it } from '@jest/globals';
import {
  cancelBulk,
  recordExecuted,
  recordChecked,
  givenBulk,
  inRound,
  keepBulk,
  requestBulk,
  bulkResult,
  retryBulk,
  targetBulk,
} from '#test/support/given-bulk';
import { time } from '#test/support/given-when-then';
import type { BulkAction } from './bulk.action.js';
import { bulkDecider, findNextTask, findItemResult, type KnownBulk } from './bulk.decide.js';
import { toStoredAction, toBulkAction, evolveJob } from './bulk.job.js';
import { toBulkJobResource, toBulkResultResource } from '#resources/bulk.resource';
import { isRefused, toDuplicateResult, findDuplicates, summarizeResults } from './bulk.results.js';

const bulkId = 'bulk-1';
const targeted = targetBulk(0, ['a', 'b', 'c']);
const requested = requestBulk();
const allOrNothing = requestBulk({ mode: 'all_or_nothing' });
const [firstDone, lastDone] = [
  recordExecuted(0, bulkResult(0, 'a'), bulkResult(1, 'b')),
  recordExecuted(1, bulkResult(2, 'c')),
];
const oneRejected = recordExecuted(0, bulkResult(0, 'a'), bulkResult(1, 'b', 'rejected'));
const completed = { type: 'BulkCompleted', data: { bulkId } } as const;
const jobOf = (told: { readonly state: unknown }) => (told.state as KnownBulk).job;

describe('A selection', () => {
  it('is written in parts', () =>
    givenBulk(targetBulk(0, ['a', 'b']))
      .when(targetBulk(2, ['c']))
      .then({ type: 'BulkTargeted', data: { bulkId, selection: 's-1', from: 2, leadIds: ['c'] } }));

  it('that was broken off is begun anew under another id, and replaces what was written', () => {
    const anew = givenBulk(targetBulk(0, ['a', 'b']), targetBulk(0, ['c', 'd'], 's-2'), targetBulk(2, ['e'], 's-2'));
    anew.when(requestBulk({ selection: 's-2' })).thenTypes('BulkRequested');
    expect(anew.state).toMatchObject({ ids: ['c', 'd', 'e'] });
  });

  it('is of one who selects: whoever goes on after somebody else began anew is refused', () => {
    const anew = givenBulk(targetBulk(0, ['a', 'b']), targetBulk(0, ['c', 'd'], 's-2'));
    anew.when(targetBulk(2, ['c'])).thenRefused('conflict', {});
    anew.when(requestBulk({ total: 2 })).thenRefused('conflict', {});
  });

  it('has no gap', () =>
    givenBulk(targetBulk(0, ['a']))
      .when(targetBulk(2, ['c']))
      .thenRefused('conflict', {}));

  it('that is not whole is no bulk yet', () => {
    givenBulk(targetBulk(0, ['a', 'b']))
      .when(requested)
      .thenRefused('conflict', {});
    givenBulk(targetBulk(0, ['a', 'b']))
      .when(cancelBulk)
      .thenRefused('not_found', { what: 'bulk' });
    givenBulk(targetBulk(0, ['a', 'b']))
      .when(firstDone)
      .thenRefused('not_found', { what: 'bulk' });
  });

  it('is fixed when the bulk is requested: requested again, it stays as it is', () => {
    givenBulk(targeted, requested)
      .when(targetBulk(0, ['z'], 's-2'))
      .thenNothing();
    givenBulk(targeted, requested)
      .when(requestBulk({ selection: 's-2' }))
      .thenNothing();
  });

  it('of nothing is at its end at once', () =>
    expect(givenBulk(requestBulk({ total: 0 })).state).toMatchObject({
      job: { state: 'completed', total: 0 },
      ids: [],
    }));
});

describe('A bulk', () => {
  it('is requested with what people said of it apart', () =>
    givenBulk(targeted)
      .when(
        requestBulk({
          action: { type: 'change_status', status: 'lost', score: 7, reason: 'Too old', note: 'Spring' },
          filter: { q: 'ana' },
        }),
      )
      .then({
        type: 'BulkRequested',
        data: {
          ...{ bulkId, selection: 's-1', total: 3, blockSize: 2, mode: 'best_effort', backdated: false },
          action: {
            ...{ type: 'change_status', status: 'lost', score: 7, agentId: null, moveFollowUps: null },
            ...{ dueAt: null, assigneeId: null, alsoSetStatus: null },
          },
        },
        personal: { reason: 'Too old', note: 'Spring', filter: { q: 'ana' } },
      }));

  it.each<BulkAction>([
    { type: 'change_status', status: null, score: 7, reason: null, note: 'Spring' },
    { type: 'assign', agentId: 'ana', moveFollowUps: false, note: 'Spring' },
    { type: 'unassign' },
    { type: 'create_follow_up', dueAt: time('16:00'), note: null, assigneeId: 'ana', alsoSetStatus: true },
  ])('tells its action as it was asked for: $type', (action) => {
    const { action: stored, text } = toStoredAction(action);
    expect(toBulkAction({ data: { action: stored }, personal: text } as never)).toEqual(action);
    expect(jobOf(givenBulk(targeted, requestBulk({ action }))).action).toEqual(action);
  });

  it('is worked on block by block', () => {
    expect(findNextTask(givenBulk(targeted).state)).toBeUndefined();
    expect(findNextTask(givenBulk(targeted, requested).state)).toEqual({
      ...{ phase: 'carry out', round: 0, block: 0 },
      items: [
        { index: 0, id: 'a' },
        { index: 1, id: 'b' },
      ],
    });
    expect(findNextTask(givenBulk(targeted, requested, firstDone).state)).toMatchObject({
      block: 1,
      items: [{ index: 2, id: 'c' }],
    });
    expect(findNextTask(givenBulk(targeted, requested, firstDone, lastDone).state)).toBeUndefined();
  });

  it('is completed by its last block', () => {
    const { results } = lastDone;
    givenBulk(targeted, requested, firstDone)
      .when(lastDone)
      .then({ type: 'BulkItemsDone', data: { bulkId, round: 0, block: 1, results } }, completed);
  });

  it('records a block once in a round, whoever carries it out', () => {
    givenBulk(targeted, requested, firstDone).when(firstDone).thenNothing();
    givenBulk(targeted, requested, firstDone, lastDone).when(lastDone).thenNothing();
    givenBulk(targeted, requested).when(inRound(1, firstDone)).thenNothing();
  });

  it('counts what became of its items', () => {
    const told = [targeted, requested];
    expect(jobOf(givenBulk(...told))).toMatchObject({ state: 'queued', total: 3, done: 0, closedAt: null });
    expect(jobOf(givenBulk(...told, oneRejected))).toMatchObject({ state: 'running', done: 2, ok: 1, rejected: 1 });
    expect(jobOf(givenBulk(...told, oneRejected, recordExecuted(1, bulkResult(2, 'c', 'unchanged'))))).toMatchObject({
      ...{ state: 'completed', done: 3, ok: 1, unchanged: 1, rejected: 1 },
      closedAt: expect.any(String) as unknown,
    });
  });

  it('that was carried out at once is kept whole, in one append', () => {
    const results = [bulkResult(0, 'a'), bulkResult(1, 'b', 'rejected'), bulkResult(2, 'c', 'unchanged')];
    const kept = givenBulk(keepBulk(results));
    givenBulk()
      .when(keepBulk(results))
      .thenTypes('BulkTargeted', 'BulkRequested', 'BulkItemsDone', 'BulkItemsDone', 'BulkCompleted');
    expect(jobOf(kept)).toMatchObject({ state: 'completed', total: 3, done: 3, ok: 1, unchanged: 1, rejected: 1 });
    expect([0, 1, 2].map((index) => findItemResult(kept.state as KnownBulk, 'carry out', index))).toEqual(results);
    expect(kept.state.ids).toEqual(['a', 'b', 'c']);
    kept.when(keepBulk([])).thenNothing();
  });

  it('has no result of what was not asked for or carried out yet', () => {
    const state = givenBulk(targeted, requested, firstDone).state as KnownBulk;
    for (const index of [0, 2]) expect(findItemResult(state, 'check', index)).toBeUndefined();
    expect(findItemResult(state, 'carry out', 2)).toBeUndefined();
  });

  it('stays as it is at what it does not know, and when it is selected or requested again', () => {
    const { state, events } = givenBulk(targeted, requested, firstDone);
    const stranger = { type: 'SomethingElse', data: {}, meta: {} };
    for (const event of [...events.slice(0, 2), stranger])
      expect(bulkDecider.evolve(state, event as never)).toBe(state);
  });
});

describe('Cancelling', () => {
  it('ends an open bulk', () => {
    givenBulk(targeted, requested).when(cancelBulk).then({ type: 'BulkCancelled', data: { bulkId } });
    expect(findNextTask(givenBulk(targeted, requested, firstDone, cancelBulk).state)).toBeUndefined();
  });

  it('leaves on record what was under way, and the bulk cancelled', () => {
    const told = givenBulk(targeted, requested, cancelBulk);
    told.when(firstDone).thenTypes('BulkItemsDone');
    givenBulk(targeted, requested, firstDone, cancelBulk).when(lastDone).thenTypes('BulkItemsDone');
    expect(jobOf(told.and(firstDone))).toMatchObject({ state: 'cancelled', done: 2, ok: 2 });
  });

  it('again changes nothing', () => givenBulk(targeted, requested, cancelBulk).when(cancelBulk).thenNothing());

  it('comes too late for one that is at its end', () =>
    givenBulk(targeted, requested, firstDone, lastDone)
      .when(cancelBulk)
      .thenRefused('bulk_closed', { bulkId, state: 'completed' }));
});

describe('Trying again', () => {
  const withFailures = givenBulk(targeted, requested, oneRejected, recordExecuted(1, bulkResult(2, 'c', 'conflict')));

  it('takes up what was rejected or in conflict', () => {
    withFailures.when(retryBulk).then({ type: 'BulkRetried', data: { bulkId, round: 1 } });
    const again = withFailures.and(retryBulk);
    expect(findNextTask(again.state)).toEqual({
      ...{ phase: 'carry out', round: 1, block: 0 },
      items: [{ index: 1, id: 'b' }],
    });
    expect(jobOf(again)).toMatchObject({ state: 'queued', done: 3, ok: 1, rejected: 2, retries: 1, closedAt: null });
    const half = again.and(inRound(1, recordExecuted(0, bulkResult(1, 'b'))));
    expect(jobOf(half)).toMatchObject({ state: 'running', done: 3, ok: 2, rejected: 1 });
    const resultsOf = [0, 1, 2].map((index) => findItemResult(half.state as KnownBulk, 'carry out', index));
    expect(resultsOf).toEqual([bulkResult(0, 'a'), bulkResult(1, 'b'), bulkResult(2, 'c', 'conflict')]);
    half
      .when(inRound(1, recordExecuted(1, bulkResult(2, 'c', 'conflict'))))
      .thenTypes('BulkItemsDone', 'BulkCompleted');
  });

  it('leaves what is not there', () =>
    givenBulk(targeted, requested, firstDone, recordExecuted(1, bulkResult(2, 'c', 'not_found')))
      .when(retryBulk)
      .thenNothing());

  it('does nothing where nothing failed', () =>
    givenBulk(targeted, requested, firstDone, lastDone).when(retryBulk).thenNothing());

  it('waits for the end, and a cancelled bulk stays so', () => {
    givenBulk(targeted, requested).when(retryBulk).thenRefused('bulk_running', { bulkId });
    givenBulk(targeted, requested, cancelBulk)
      .when(retryBulk)
      .thenRefused('bulk_closed', { bulkId, state: 'cancelled' });
  });
});

describe('All or nothing', () => {
  const asked = [targeted, allOrNothing];
  const fine = [
    recordChecked(0, bulkResult(0, 'a'), bulkResult(1, 'b', 'unchanged')),
    recordChecked(1, bulkResult(2, 'c')),
  ] as const;
  const bad = [
    recordChecked(0, bulkResult(0, 'a'), bulkResult(1, 'b', 'rejected')),
    recordChecked(1, bulkResult(2, 'c')),
  ] as const;

  it('asks for all blocks before it carries out the first', () => {
    expect(findNextTask(givenBulk(...asked).state)).toMatchObject({
      phase: 'check',
      block: 0,
      items: [{ id: 'a' }, { id: 'b' }],
    });
    givenBulk(...asked)
      .when(fine[0])
      .thenTypes('BulkItemsChecked');
    givenBulk(...asked, fine[0])
      .when(fine[0])
      .thenNothing();
    expect(findNextTask(givenBulk(...asked, fine[0]).state)).toMatchObject({ phase: 'check', block: 1 });
    expect(findNextTask(givenBulk(...asked, ...fine).state)).toMatchObject({ phase: 'carry out', block: 0 });
    expect(jobOf(givenBulk(...asked, ...fine))).toMatchObject({ state: 'running', done: 0, ok: 0 });
  });

  it('comes to nothing when one would be refused', () => {
    givenBulk(...asked, bad[0])
      .when(bad[1])
      .then(
        { type: 'BulkItemsChecked', data: { bulkId, block: 1, results: bad[1].results } },
        { type: 'BulkFailed', data: { bulkId, ok: 2, unchanged: 0, rejected: 1 } },
      );
    const failed = givenBulk(...asked, ...bad);
    expect(findNextTask(failed.state)).toBeUndefined();
    expect(jobOf(failed)).toMatchObject({ state: 'failed', done: 0, ok: 2, rejected: 1 });
    expect(findItemResult(failed.state as KnownBulk, 'check', 1)).toMatchObject({ outcome: 'rejected' });
    failed.when(cancelBulk).thenRefused('bulk_closed', { bulkId, state: 'failed' });
  });

  it('that came to nothing asks anew when it is tried again', () => {
    const again = [...asked, ...bad, retryBulk];
    expect(findNextTask(givenBulk(...again).state)).toMatchObject({ phase: 'check', round: 1, block: 0 });
    expect(jobOf(givenBulk(...again))).toMatchObject({ state: 'queued', ok: 0, rejected: 0, retries: 1 });
    const done = givenBulk(...again, ...[...fine, oneRejected, lastDone].map((step) => inRound(1, step)));
    expect(jobOf(done)).toMatchObject({ state: 'completed', done: 3, ok: 2, rejected: 1 });
  });

  it('that was carried out does not ask anew when what was in conflict is tried again', () => {
    const conflict = recordExecuted(0, bulkResult(0, 'a'), bulkResult(1, 'b', 'conflict'));
    const again = givenBulk(...asked, ...fine, conflict, lastDone, retryBulk);
    expect(findNextTask(again.state)).toMatchObject({ phase: 'carry out', round: 1, items: [{ index: 1, id: 'b' }] });
  });

  it('that was cancelled while it asked has nothing more to record', () =>
    givenBulk(...asked, cancelBulk)
      .when(fine[0])
      .thenNothing());
});

describe('A lead that is named again', () => {
  it('is known by the item that named it first', () =>
    expect([...findDuplicates(['a', 'b', 'a', 'a', 'c', 'b'])]).toEqual([
      [2, 0],
      [3, 0],
      [5, 1],
    ]));

  it('is then as asked, or refused as the first time', () => {
    expect(toDuplicateResult(2, bulkResult(0, 'a'))).toEqual({ ...bulkResult(0, 'a'), index: 2, outcome: 'unchanged' });
    for (const outcome of ['unchanged', 'rejected', 'not_found', 'conflict'] as const)
      expect(toDuplicateResult(2, bulkResult(0, 'a', outcome))).toEqual({ ...bulkResult(0, 'a', outcome), index: 2 });
  });
});

describe('Results', () => {
  const results = (['ok', 'ok', 'unchanged', 'rejected', 'not_found', 'conflict'] as const).map((outcome, index) =>
    bulkResult(index, 'a', outcome),
  );

  it('count those not found and in conflict as rejected', () => {
    expect(summarizeResults(results)).toEqual({ total: 6, ok: 2, unchanged: 1, rejected: 3 });
    expect(results.filter(isRefused)).toEqual(results.slice(3));
  });

  it('show a code where there is one, and a version where there is one', () => {
    expect(toBulkResultResource(results[0]!)).toEqual({ index: 0, id: 'a', outcome: 'ok', version: 3 });
    expect(toBulkResultResource(results[3]!)).toEqual({
      index: 3,
      id: 'a',
      outcome: 'rejected',
      code: 'lead_inactive',
    });
  });
});

describe('A job', () => {
  it('begins with its request: what comes before makes none', () => {
    const events = givenBulk(targeted, requested, firstDone).events;
    expect(evolveJob(undefined, events[0] as never)).toBeUndefined();
    expect(evolveJob(undefined, events[2] as never)).toBeUndefined();
  });

  it('shows its action in the words of the request', () => {
    const action: BulkAction = { type: 'change_status', status: 'lost', score: 7, reason: null, note: null };
    expect(toBulkJobResource(jobOf(givenBulk(targeted, requestBulk({ action }))))).toStrictEqual({
      ...{ id: bulkId, state: 'queued', mode: 'best_effort', total: 3, done: 0, ok: 0, unchanged: 0, rejected: 0 },
      ...{ retries: 0, requestedBy: { type: 'service', id: 'gateway' }, requestedAt: time('09:01'), closedAt: null },
      action: { type: 'change_status', status: 'lost', qualificationScore: 7, reason: null, note: null },
    });
    const assign: BulkAction = { type: 'assign', agentId: 'ana', moveFollowUps: true, note: null };
    expect(toBulkJobResource(jobOf(givenBulk(targeted, requestBulk({ action: assign })))).action).toStrictEqual(assign);
  });
});
