import { describe, expect, it } from '@jest/globals';
import {
  cancelBulk,
  recordExecuted,
  recordChecked,
  givenBulk,
  inRound,
  recordBulk,
  requestBulk,
  bulkResult,
  retryBulk,
  targetBulk,
} from '#test/support/given-bulk';
import { time } from '#test/support/given-when-then';
import type { BulkAction } from './bulk.action.js';
import { bulkDecider, findNextTask, findItemResult, type KnownBulk } from './bulk.decide.js';
import { toStoredAction, toBulkAction, evolveJob } from './bulk.job.js';
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
const jobOf = (scenario: { readonly state: unknown }) => (scenario.state as KnownBulk).job;

describe('TargetBulk and RequestBulk', () => {
  it('the selection of a bulk job can be written in parts', () =>
    givenBulk(targetBulk(0, ['a', 'b']))
      .when(targetBulk(2, ['c']))
      .then({ type: 'BulkTargeted', data: { bulkId, selection: 's-1', from: 2, leadIds: ['c'] } }));

  it('a new attempt to write the selection of a bulk job replaces an interrupted one', () => {
    const scenario = givenBulk(
      targetBulk(0, ['a', 'b']),
      targetBulk(0, ['c', 'd'], 's-2'),
      targetBulk(2, ['e'], 's-2'),
    );
    scenario.when(requestBulk({ selection: 's-2' })).thenTypes('BulkRequested');
    expect(scenario.state).toMatchObject({ ids: ['c', 'd', 'e'] });
  });

  it('rejects parts of a selection that another attempt has replaced', () => {
    const scenario = givenBulk(targetBulk(0, ['a', 'b']), targetBulk(0, ['c', 'd'], 's-2'));
    scenario.when(targetBulk(2, ['c'])).thenRefused('conflict', {});
    scenario.when(requestBulk({ total: 2 })).thenRefused('conflict', {});
  });

  it('rejects a selection with a gap', () =>
    givenBulk(targetBulk(0, ['a']))
      .when(targetBulk(2, ['c']))
      .thenRefused('conflict', {}));

  it('an incomplete selection is not a bulk job', () => {
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

  it('a requested selection cannot be changed, and requesting it again does nothing', () => {
    givenBulk(targeted, requested)
      .when(targetBulk(0, ['z'], 's-2'))
      .thenNothing();
    givenBulk(targeted, requested)
      .when(requestBulk({ selection: 's-2' }))
      .thenNothing();
  });

  it('a bulk job without items is completed at once', () =>
    expect(givenBulk(requestBulk({ total: 0 })).state).toMatchObject({
      job: { state: 'completed', total: 0 },
      ids: [],
    }));
});

describe('A bulk job', () => {
  it('a bulk job is requested with its reason, note and filter in the personal part', () =>
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
          bulkId,
          selection: 's-1',
          total: 3,
          blockSize: 2,
          mode: 'best_effort',
          backdated: false,
          action: {
            type: 'change_status',
            status: 'lost',
            score: 7,
            agentId: null,
            moveFollowUps: null,
            dueAt: null,
            assigneeId: null,
            alsoSetStatus: null,
          },
        },
        personal: { reason: 'Too old', note: 'Spring', filter: { q: 'ana' } },
      }));

  it.each<BulkAction>([
    { type: 'change_status', status: null, score: 7, reason: null, note: 'Spring' },
    { type: 'assign', agentId: 'ana', moveFollowUps: false, note: 'Spring' },
    { type: 'unassign' },
    { type: 'create_follow_up', dueAt: time('16:00'), note: null, assigneeId: 'ana', alsoSetStatus: true },
  ])('an action is restored from its stored form: $type', (action) => {
    const { action: stored, text } = toStoredAction(action);
    expect(toBulkAction({ data: { action: stored }, personal: text } as never)).toEqual(action);
    expect(jobOf(givenBulk(targeted, requestBulk({ action }))).action).toEqual(action);
  });

  it('the tasks of a bulk job are its blocks, one after another', () => {
    expect(findNextTask(givenBulk(targeted).state)).toBeUndefined();
    expect(findNextTask(givenBulk(targeted, requested).state)).toEqual({
      phase: 'carry out',
      round: 0,
      block: 0,
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

  it('the last block completes the bulk job', () => {
    const { results } = lastDone;
    givenBulk(targeted, requested, firstDone)
      .when(lastDone)
      .then({ type: 'BulkItemsDone', data: { bulkId, round: 0, block: 1, results } }, completed);
  });

  it('a block of a bulk job is recorded once per round', () => {
    givenBulk(targeted, requested, firstDone).when(firstDone).thenNothing();
    givenBulk(targeted, requested, firstDone, lastDone).when(lastDone).thenNothing();
    givenBulk(targeted, requested).when(inRound(1, firstDone)).thenNothing();
  });

  it('a bulk job counts the results of its items', () => {
    const scenario = [targeted, requested];
    expect(jobOf(givenBulk(...scenario))).toMatchObject({ state: 'queued', total: 3, done: 0, closedAt: null });
    expect(jobOf(givenBulk(...scenario, oneRejected))).toMatchObject({ state: 'running', done: 2, ok: 1, rejected: 1 });
    expect(
      jobOf(givenBulk(...scenario, oneRejected, recordExecuted(1, bulkResult(2, 'c', 'unchanged')))),
    ).toMatchObject({
      state: 'completed',
      done: 3,
      ok: 1,
      unchanged: 1,
      rejected: 1,
      closedAt: expect.any(String) as unknown,
    });
  });

  it('a bulk job that was executed immediately is recorded in one append', () => {
    const results = [bulkResult(0, 'a'), bulkResult(1, 'b', 'rejected'), bulkResult(2, 'c', 'unchanged')];
    const recorded = givenBulk(recordBulk(results));
    givenBulk()
      .when(recordBulk(results))
      .thenTypes('BulkTargeted', 'BulkRequested', 'BulkItemsDone', 'BulkItemsDone', 'BulkCompleted');
    expect(jobOf(recorded)).toMatchObject({ state: 'completed', total: 3, done: 3, ok: 1, unchanged: 1, rejected: 1 });
    expect([0, 1, 2].map((index) => findItemResult(recorded.state as KnownBulk, 'carry out', index))).toEqual(results);
    expect(recorded.state.ids).toEqual(['a', 'b', 'c']);
    recorded.when(recordBulk([])).thenNothing();
  });

  it('an item of a bulk job has no result before it is checked or executed', () => {
    const state = givenBulk(targeted, requested, firstDone).state as KnownBulk;
    for (const index of [0, 2]) expect(findItemResult(state, 'check', index)).toBeUndefined();
    expect(findItemResult(state, 'carry out', 2)).toBeUndefined();
  });

  it('the fold of a bulk job ignores unknown events and a second selection or request', () => {
    const { state, events } = givenBulk(targeted, requested, firstDone);
    const unknownEvent = { type: 'SomethingElse', data: {}, meta: {} };
    for (const event of [...events.slice(0, 2), unknownEvent])
      expect(bulkDecider.evolve(state, event as never)).toBe(state);
  });
});

describe('CancelBulk', () => {
  it('cancelling an open bulk job ends it', () => {
    givenBulk(targeted, requested).when(cancelBulk).then({ type: 'BulkCancelled', data: { bulkId } });
    expect(findNextTask(givenBulk(targeted, requested, firstDone, cancelBulk).state)).toBeUndefined();
  });

  it('a block that was being executed when its bulk job was cancelled is recorded, and the job stays cancelled', () => {
    const scenario = givenBulk(targeted, requested, cancelBulk);
    scenario.when(firstDone).thenTypes('BulkItemsDone');
    givenBulk(targeted, requested, firstDone, cancelBulk).when(lastDone).thenTypes('BulkItemsDone');
    expect(jobOf(scenario.and(firstDone))).toMatchObject({ state: 'cancelled', done: 2, ok: 2 });
  });

  it('cancelling a cancelled bulk job does nothing', () =>
    givenBulk(targeted, requested, cancelBulk).when(cancelBulk).thenNothing());

  it('rejects the cancellation of a completed bulk job', () =>
    givenBulk(targeted, requested, firstDone, lastDone)
      .when(cancelBulk)
      .thenRefused('bulk_closed', { bulkId, state: 'completed' }));
});

describe('RetryBulk', () => {
  const withFailures = givenBulk(targeted, requested, oneRejected, recordExecuted(1, bulkResult(2, 'c', 'conflict')));

  it('a retry of a bulk job executes the items that were rejected or had a conflict', () => {
    withFailures.when(retryBulk).then({ type: 'BulkRetried', data: { bulkId, round: 1 } });
    const retried = withFailures.and(retryBulk);
    expect(findNextTask(retried.state)).toEqual({
      phase: 'carry out',
      round: 1,
      block: 0,
      items: [{ index: 1, id: 'b' }],
    });
    expect(jobOf(retried)).toMatchObject({ state: 'queued', done: 3, ok: 1, rejected: 2, retries: 1, closedAt: null });
    const half = retried.and(inRound(1, recordExecuted(0, bulkResult(1, 'b'))));
    expect(jobOf(half)).toMatchObject({ state: 'running', done: 3, ok: 2, rejected: 1 });
    const resultsOf = [0, 1, 2].map((index) => findItemResult(half.state as KnownBulk, 'carry out', index));
    expect(resultsOf).toEqual([bulkResult(0, 'a'), bulkResult(1, 'b'), bulkResult(2, 'c', 'conflict')]);
    half
      .when(inRound(1, recordExecuted(1, bulkResult(2, 'c', 'conflict'))))
      .thenTypes('BulkItemsDone', 'BulkCompleted');
  });

  it('a retry of a bulk job does not execute items that were not found', () =>
    givenBulk(targeted, requested, firstDone, recordExecuted(1, bulkResult(2, 'c', 'not_found')))
      .when(retryBulk)
      .thenNothing());

  it('a retry of a bulk job does nothing if no item failed', () =>
    givenBulk(targeted, requested, firstDone, lastDone).when(retryBulk).thenNothing());

  it('rejects a retry of a running or cancelled bulk job', () => {
    givenBulk(targeted, requested).when(retryBulk).thenRefused('bulk_running', { bulkId });
    givenBulk(targeted, requested, cancelBulk)
      .when(retryBulk)
      .thenRefused('bulk_closed', { bulkId, state: 'cancelled' });
  });
});

describe('all_or_nothing', () => {
  const requestedAll = [targeted, allOrNothing];
  const accepted = [
    recordChecked(0, bulkResult(0, 'a'), bulkResult(1, 'b', 'unchanged')),
    recordChecked(1, bulkResult(2, 'c')),
  ] as const;
  const rejected = [
    recordChecked(0, bulkResult(0, 'a'), bulkResult(1, 'b', 'rejected')),
    recordChecked(1, bulkResult(2, 'c')),
  ] as const;

  it('an all_or_nothing job checks all blocks before it executes the first', () => {
    expect(findNextTask(givenBulk(...requestedAll).state)).toMatchObject({
      phase: 'check',
      block: 0,
      items: [{ id: 'a' }, { id: 'b' }],
    });
    givenBulk(...requestedAll)
      .when(accepted[0])
      .thenTypes('BulkItemsChecked');
    givenBulk(...requestedAll, accepted[0])
      .when(accepted[0])
      .thenNothing();
    expect(findNextTask(givenBulk(...requestedAll, accepted[0]).state)).toMatchObject({ phase: 'check', block: 1 });
    expect(findNextTask(givenBulk(...requestedAll, ...accepted).state)).toMatchObject({ phase: 'carry out', block: 0 });
    expect(jobOf(givenBulk(...requestedAll, ...accepted))).toMatchObject({ state: 'running', done: 0, ok: 0 });
  });

  it('an all_or_nothing job fails if one item would be rejected', () => {
    givenBulk(...requestedAll, rejected[0])
      .when(rejected[1])
      .then(
        { type: 'BulkItemsChecked', data: { bulkId, block: 1, results: rejected[1].results } },
        { type: 'BulkFailed', data: { bulkId, ok: 2, unchanged: 0, rejected: 1 } },
      );
    const failed = givenBulk(...requestedAll, ...rejected);
    expect(findNextTask(failed.state)).toBeUndefined();
    expect(jobOf(failed)).toMatchObject({ state: 'failed', done: 0, ok: 2, rejected: 1 });
    expect(findItemResult(failed.state as KnownBulk, 'check', 1)).toMatchObject({ outcome: 'rejected' });
    failed.when(cancelBulk).thenRefused('bulk_closed', { bulkId, state: 'failed' });
  });

  it('a retry of a failed all_or_nothing job checks its items again', () => {
    const retried = [...requestedAll, ...rejected, retryBulk];
    expect(findNextTask(givenBulk(...retried).state)).toMatchObject({ phase: 'check', round: 1, block: 0 });
    expect(jobOf(givenBulk(...retried))).toMatchObject({ state: 'queued', ok: 0, rejected: 0, retries: 1 });
    const done = givenBulk(...retried, ...[...accepted, oneRejected, lastDone].map((step) => inRound(1, step)));
    expect(jobOf(done)).toMatchObject({ state: 'completed', done: 3, ok: 2, rejected: 1 });
  });

  it('a retry of an executed all_or_nothing job does not check its items again', () => {
    const conflict = recordExecuted(0, bulkResult(0, 'a'), bulkResult(1, 'b', 'conflict'));
    const retried = givenBulk(...requestedAll, ...accepted, conflict, lastDone, retryBulk);
    expect(findNextTask(retried.state)).toMatchObject({ phase: 'carry out', round: 1, items: [{ index: 1, id: 'b' }] });
  });

  it('a check of a cancelled all_or_nothing job is not recorded', () =>
    givenBulk(...requestedAll, cancelBulk)
      .when(accepted[0])
      .thenNothing());
});

describe('Duplicates', () => {
  it('a duplicate bulk item is mapped to the first item with the same lead', () =>
    expect([...findDuplicates(['a', 'b', 'a', 'a', 'c', 'b'])]).toEqual([
      [2, 0],
      [3, 0],
      [5, 1],
    ]));

  it('a duplicate bulk item is unchanged, or is rejected like the first item', () => {
    expect(toDuplicateResult(2, bulkResult(0, 'a'))).toEqual({ ...bulkResult(0, 'a'), index: 2, outcome: 'unchanged' });
    for (const outcome of ['unchanged', 'rejected', 'not_found', 'conflict'] as const)
      expect(toDuplicateResult(2, bulkResult(0, 'a', outcome))).toEqual({ ...bulkResult(0, 'a', outcome), index: 2 });
  });
});

describe('summarizeResults', () => {
  const results = (['ok', 'ok', 'unchanged', 'rejected', 'not_found', 'conflict'] as const).map((outcome, index) =>
    bulkResult(index, 'a', outcome),
  );

  it('a summary of bulk results counts items that were not found or had a conflict as rejected', () => {
    expect(summarizeResults(results)).toEqual({ total: 6, ok: 2, unchanged: 1, rejected: 3 });
    expect(results.filter(isRefused)).toEqual(results.slice(3));
  });
});

describe('evolveJob', () => {
  it('an event before BulkRequested creates no bulk job', () => {
    const events = givenBulk(targeted, requested, firstDone).events;
    expect(evolveJob(undefined, events[0] as never)).toBeUndefined();
    expect(evolveJob(undefined, events[2] as never)).toBeUndefined();
  });
});
