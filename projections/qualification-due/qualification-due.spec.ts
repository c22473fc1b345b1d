import { describe, expect, it } from '@jest/globals';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as steps from '#test/support/given-when-then';
import { qualificationDueView, type LeadReadProgress } from './qualification-due.projection.js';

const rowAfter = (...steps: readonly steps.ContactStep[]): LeadReadProgress =>
  projectRows<LeadReadProgress>(qualificationDueView, 'leads', steps.given(...steps).events).get(steps.leadId(1))!;
const unreadSince = (...steps: readonly steps.ContactStep[]): unknown =>
  projectColumns(qualificationDueView, 'leads', rowAfter(...steps))['unreadSince'];
const secondMessage = steps.at('09:30', steps.interaction({ messageId: 'm-2' }));

describe('The view of leads due for qualification', () => {
  it('has a lead as unread since its newest interaction was recorded, no matter when that happened', () => {
    expect(unreadSince(steps.opened)).toBe(steps.time('09:00'));
    expect(unreadSince(steps.opened, secondMessage)).toBe(steps.time('09:30'));
    const late = steps.at('09:40', steps.interaction({ messageId: 'm-3', occurredAt: steps.sentAt('08:00:00') }));
    expect(unreadSince(steps.opened, secondMessage, late)).toBe(steps.time('09:40'));
  });

  it('has a lead as read when an AI has read all interactions, even if its result was not accepted or it failed', () => {
    expect(unreadSince(steps.opened, steps.aiResult(40))).toBeNull();
    expect(unreadSince(steps.opened, steps.scoreByHand(70), steps.aiResult(40))).toBeNull();
    expect(unreadSince(steps.opened, steps.aiFailure())).toBeNull();
    expect(unreadSince(steps.opened, steps.aiResult(40), secondMessage)).toBe(steps.time('09:30'));
    const stale = steps.aiResult(20, { readUpTo: steps.interactionId('m-1') });
    expect(unreadSince(steps.opened, secondMessage, steps.aiResult(40), stale)).toBeNull();
    expect(unreadSince(steps.opened, secondMessage, stale)).toBe(steps.time('09:30'));
  });

  it('has a lead scored by a person as unread, but not a lead without interactions or a closed lead', () => {
    expect(unreadSince(steps.opened, steps.scoreByHand(70))).toBe(steps.time('09:00'));
    expect(unreadSince(steps.createLead())).toBeNull();
    expect(unreadSince(steps.opened, steps.lost)).toBeNull();
    expect(rowAfter(steps.opened, steps.lost)).toEqual({ ...rowAfter(steps.opened), active: false });
  });

  it('has no row for a lead without LeadOpened', () => {
    const { events } = steps.given(steps.opened, steps.aiResult(40), steps.lost);
    const rest = events.filter(({ type }) => type !== 'LeadOpened');
    expect(projectRows(qualificationDueView, 'leads', rest).size).toBe(0);
  });
});
