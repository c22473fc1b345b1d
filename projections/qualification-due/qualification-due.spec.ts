import { describe, expect, it } from '@jest/globals';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as ask from '#test/support/given-when-then';
import { qualificationDueView, type LeadReadProgress } from './qualification-due.projection.js';

const rowAfter = (...steps: readonly ask.ContactStep[]): LeadReadProgress =>
  projectRows<LeadReadProgress>(qualificationDueView, 'leads', ask.given(...steps).events).get(ask.leadId(1))!;
const unreadSince = (...steps: readonly ask.ContactStep[]): unknown =>
  projectColumns(qualificationDueView, 'leads', rowAfter(...steps))['unreadSince'];
const secondMessage = ask.at('09:30', ask.interaction({ messageId: 'm-2' }));

describe('The view of leads due for qualification', () => {
  it('has a lead as unread since its newest interaction was recorded, no matter when that happened', () => {
    expect(unreadSince(ask.opened)).toBe(ask.time('09:00'));
    expect(unreadSince(ask.opened, secondMessage)).toBe(ask.time('09:30'));
    const late = ask.at('09:40', ask.interaction({ messageId: 'm-3', occurredAt: ask.sentAt('08:00:00') }));
    expect(unreadSince(ask.opened, secondMessage, late)).toBe(ask.time('09:40'));
  });

  it('has a lead as read when an AI has read all interactions, even if its result was not accepted or it failed', () => {
    expect(unreadSince(ask.opened, ask.aiResult(40))).toBeNull();
    expect(unreadSince(ask.opened, ask.scoreByHand(70), ask.aiResult(40))).toBeNull();
    expect(unreadSince(ask.opened, ask.aiFailure())).toBeNull();
    expect(unreadSince(ask.opened, ask.aiResult(40), secondMessage)).toBe(ask.time('09:30'));
    const stale = ask.aiResult(20, { readUpTo: ask.interactionId('m-1') });
    expect(unreadSince(ask.opened, secondMessage, ask.aiResult(40), stale)).toBeNull();
    expect(unreadSince(ask.opened, secondMessage, stale)).toBe(ask.time('09:30'));
  });

  it('has a lead scored by a person as unread, but not a lead without interactions or a closed lead', () => {
    expect(unreadSince(ask.opened, ask.scoreByHand(70))).toBe(ask.time('09:00'));
    expect(unreadSince(ask.createLead())).toBeNull();
    expect(unreadSince(ask.opened, ask.lost)).toBeNull();
    expect(rowAfter(ask.opened, ask.lost)).toEqual({ ...rowAfter(ask.opened), active: false });
  });

  it('has no row for a lead without LeadOpened', () => {
    const { events } = ask.given(ask.opened, ask.aiResult(40), ask.lost);
    const rest = events.filter(({ type }) => type !== 'LeadOpened');
    expect(projectRows(qualificationDueView, 'leads', rest).size).toBe(0);
  });
});
