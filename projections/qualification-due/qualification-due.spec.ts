import { describe, expect, it } from '@jest/globals';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as commands from '#test/support/given-when-then';
import { qualificationDueView, type LeadReadProgress } from './qualification-due.projection.js';

const rowAfter = (...steps: readonly commands.ContactStep[]): LeadReadProgress =>
  projectRows<LeadReadProgress>(qualificationDueView, 'leads', commands.given(...steps).events).get(
    commands.leadId(1),
  )!;
const unreadSince = (...steps: readonly commands.ContactStep[]): unknown =>
  projectColumns(qualificationDueView, 'leads', rowAfter(...steps))['unreadSince'];
const secondMessage = commands.at('09:30', commands.interaction({ messageId: 'm-2' }));

describe('Qualification due view', () => {
  it('shows a lead as unread since its newest interaction was recorded, whenever that interaction occurred', () => {
    expect(unreadSince(commands.opened)).toBe(commands.time('09:00'));
    expect(unreadSince(commands.opened, secondMessage)).toBe(commands.time('09:30'));
    const late = commands.at(
      '09:40',
      commands.interaction({ messageId: 'm-3', occurredAt: commands.sentAt('08:00:00') }),
    );
    expect(unreadSince(commands.opened, secondMessage, late)).toBe(commands.time('09:40'));
  });

  it('shows a lead as read once an AI has read all interactions, even if its result was not accepted or it failed', () => {
    expect(unreadSince(commands.opened, commands.aiResult(40))).toBeNull();
    expect(unreadSince(commands.opened, commands.scoreByHand(70), commands.aiResult(40))).toBeNull();
    expect(unreadSince(commands.opened, commands.aiFailure())).toBeNull();
    expect(unreadSince(commands.opened, commands.aiResult(40), secondMessage)).toBe(commands.time('09:30'));
    const stale = commands.aiResult(20, { readUpTo: commands.interactionId('m-1') });
    expect(unreadSince(commands.opened, secondMessage, commands.aiResult(40), stale)).toBeNull();
    expect(unreadSince(commands.opened, secondMessage, stale)).toBe(commands.time('09:30'));
  });

  it('shows a lead scored by a person as unread, but not a closed lead or one without interactions', () => {
    expect(unreadSince(commands.opened, commands.scoreByHand(70))).toBe(commands.time('09:00'));
    expect(unreadSince(commands.createLead())).toBeNull();
    expect(unreadSince(commands.opened, commands.lost)).toBeNull();
    expect(rowAfter(commands.opened, commands.lost)).toEqual({ ...rowAfter(commands.opened), active: false });
  });

  it('stores no row for a lead due for qualification if LeadOpened is missing', () => {
    const { events } = commands.given(commands.opened, commands.aiResult(40), commands.lost);
    const rest = events.filter(({ type }) => type !== 'LeadOpened');
    expect(projectRows(qualificationDueView, 'leads', rest).size).toBe(0);
  });
});
