import { describe, expect, it } from '@jest/globals';
import { leadId, time } from '#test/support/given-when-then';
import { isRefusal, refusals, refuse } from './refusal.js';

const id = leadId(1);
const samples: { [Code in keyof typeof refusals]: Parameters<(typeof refusals)[Code]>[0] } = {
  not_found: { what: 'follow-up' },
  lead_inactive: { leadId: id, leadStatus: 'lost', inactiveSince: time('10:00'), activeLeadId: null },
  active_lead_exists: { activeLeadId: id },
  agent_inactive: { agentId: 'ana' },
  agent_exists: { agentId: 'ana' },
  follow_up_completed: { followUpId: 'f-1' },
  follow_up_cancelled: { followUpId: 'f-1' },
  broadcast_exists: { broadcastId: 'b-1' },
  message_exists: { messageId: 'bm-1' },
  // eslint-disable-next-line id-denylist -- a public field
  too_many_follow_ups: { most: 500 },
  bulk_rejected: { bulkId: 'bulk-1', summary: { total: 3, ok: 2, unchanged: 0, rejected: 1 }, results: [] },
  selection_changed: { expectedCount: 3, count: 4 },
  bulk_running: { bulkId: 'bulk-1' },
  bulk_closed: { bulkId: 'bulk-1', state: 'cancelled' },
  version_mismatch: { version: 7 },
  conflict: {},
  idempotency_in_flight: {},
  idempotency_key_reused: {},
  validation_failed: { errors: [{ field: 'dueAt', code: 'in_past', message: 'must not be in the past' }] },
};
const messageOf = <Code extends keyof typeof refusals>(code: Code, details = samples[code]): string =>
  (refusals[code] as (details: object) => string)(details);

describe('Refusal messages', () => {
  it.each(Object.keys(refusals) as (keyof typeof refusals)[])('the refusal %s has a message for callers', (code) => {
    expect(messageOf(code)).toMatch(/^[A-Za-z0-9].* .*\w/);
    expect(messageOf(code)).not.toMatch(/undefined|null|\[object/);
  });

  it('the message of lead_inactive names the status, its time, what is forbidden, and whether there is an active lead', () => {
    expect(messageOf('lead_inactive')).toBe(
      `The lead has been lost since ${time('10:00')}. You cannot change its status, assign an agent or create follow-ups.`,
    );
    expect(messageOf('lead_inactive', { ...samples.lead_inactive, activeLeadId: leadId(2) })).toContain(
      'another, active',
    );
  });

  it('the message of validation_failed names the field, or says that several are invalid', () => {
    const [error] = samples.validation_failed.errors;
    expect(messageOf('validation_failed')).toBe('dueAt: must not be in the past');
    expect(messageOf('validation_failed', { errors: error ? [error, error] : [] })).toMatch(/some/i);
  });

  it('the message of too_many_follow_ups names the maximum', () =>
    expect(messageOf('too_many_follow_ups')).toContain('500'));

  it('the message of bulk_rejected names the number of rejected items and of all items', () =>
    expect(messageOf('bulk_rejected')).toContain('1 of 3'));

  it('the messages of version_mismatch and conflict fit every kind of resource', () => {
    expect(messageOf('version_mismatch')).toBe('Version mismatch: the current version is 7.');
    expect(messageOf('conflict')).not.toMatch(/lead|contact|agent|broadcast|bulk/i);
  });

  it('the message of not_found names what was not found', () => {
    expect(messageOf('not_found')).toBe('There is no such follow-up.');
    expect(messageOf('not_found', { what: 'bulk' })).toBe('There is no such bulk job.');
  });
});

describe('isRefusal', () => {
  it('isRefusal distinguishes refusals from other errors', () => {
    expect(refuse('conflict', {})).toMatchObject({ name: 'Refusal', code: 'conflict' });
    expect([refuse('conflict', {}), new Error('conflict'), 'conflict'].map(isRefusal)).toEqual([true, false, false]);
  });
});
