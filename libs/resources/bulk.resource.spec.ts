import { describe, expect, it } from '@jest/globals';
import type { BulkAction } from '#domain/bulk/bulk.action';
import type { KnownBulk } from '#domain/bulk/bulk.decide';
import { bulkResult, givenBulk, requestBulk, targetBulk } from '#test/support/given-bulk';
import { time } from '#test/support/given-when-then';
import { toBulkJobResource, toBulkResultResource } from './bulk.resource.js';

const jobWith = (action: BulkAction) =>
  (givenBulk(targetBulk(0, ['a', 'b', 'c']), requestBulk({ action })).state as KnownBulk).job;

describe('toBulkJobResource', () => {
  it('returns the bulk action with the field names of the request', () => {
    const action: BulkAction = { type: 'change_status', status: 'lost', score: 7, reason: null, note: null };
    expect(toBulkJobResource(jobWith(action))).toStrictEqual({
      id: 'bulk-1',
      state: 'queued',
      mode: 'best_effort',
      total: 3,
      done: 0,
      ok: 0,
      unchanged: 0,
      rejected: 0,
      retries: 0,
      requestedBy: { type: 'service', id: 'gateway' },
      requestedAt: time('09:01'),
      closedAt: null,
      action: { type: 'change_status', status: 'lost', qualificationScore: 7, reason: null, note: null },
    });
    const assign: BulkAction = { type: 'assign', agentId: 'ana', moveFollowUps: true, note: null };
    expect(toBulkJobResource(jobWith(assign)).action).toStrictEqual(assign);
  });
});

describe('toBulkResultResource', () => {
  it('a bulk result has a version if the item was executed, and a code if it was rejected', () => {
    expect(toBulkResultResource(bulkResult(0, 'a'))).toEqual({ index: 0, id: 'a', outcome: 'ok', version: 3 });
    expect(toBulkResultResource(bulkResult(3, 'a', 'rejected'))).toEqual({
      index: 3,
      id: 'a',
      outcome: 'rejected',
      code: 'lead_inactive',
    });
  });
});
