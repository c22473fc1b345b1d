import { describe, expect, it } from '@jest/globals';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as ask from '#test/support/given-when-then';
import { qualificationDue, type LeadReadProgress } from './qualification-due.projection.js';

const rowAfter = (...steps: readonly ask.ContactStep[]): LeadReadProgress =>
  projectRows<LeadReadProgress>(qualificationDue, 'leads', ask.given(...steps).events).get(ask.leadId(1))!;
const unreadSince = (...steps: readonly ask.ContactStep[]): unknown =>
  projectColumns(qualificationDue, 'leads', rowAfter(...steps))['unreadSince'];
const more = ask.at('09:30', ask.interaction({ messageId: 'm-2' }));

describe('A lead is unread', () => {
  it('since its newest interaction was recorded, whenever that happened', () => {
    expect(unreadSince(ask.opened)).toBe(ask.time('09:00'));
    expect(unreadSince(ask.opened, more)).toBe(ask.time('09:30'));
    const old = ask.at('09:40', ask.interaction({ messageId: 'm-3', occurredAt: ask.sentAt('08:00:00') }));
    expect(unreadSince(ask.opened, more, old)).toBe(ask.time('09:40'));
  });

  it('until an AI has read all of it, whatever became of its result', () => {
    expect(unreadSince(ask.opened, ask.aiResult(40))).toBeNull();
    expect(unreadSince(ask.opened, ask.scoreByHand(70), ask.aiResult(40))).toBeNull();
    expect(unreadSince(ask.opened, ask.aiFailure())).toBeNull();
    expect(unreadSince(ask.opened, ask.aiResult(40), more)).toBe(ask.time('09:30'));
    const stale = ask.aiResult(20, { readUpTo: ask.interactionId('m-1') });
    expect(unreadSince(ask.opened, more, ask.aiResult(40), stale)).toBeNull();
    expect(unreadSince(ask.opened, more, stale)).toBe(ask.time('09:30'));
  });

  it('also when a person has scored it, but not without interactions, nor once it is closed', () => {
    expect(unreadSince(ask.opened, ask.scoreByHand(70))).toBe(ask.time('09:00'));
    expect(unreadSince(ask.createLead())).toBeNull();
    expect(unreadSince(ask.opened, ask.lost)).toBeNull();
    expect(rowAfter(ask.opened, ask.lost)).toEqual({ ...rowAfter(ask.opened), active: false });
  });

  it('from its opening on: what comes before makes no row', () => {
    const events = ask.given(ask.opened, ask.aiResult(40), ask.lost).events.filter((it) => it.type !== 'LeadOpened');
    expect(projectRows(qualificationDue, 'leads', events).size).toBe(0);
  });
});
