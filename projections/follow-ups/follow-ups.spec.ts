import { describe, expect, it } from '@jest/globals';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as ask from '#test/support/given-when-then';
import { followUpsView, type FollowUpRow } from './follow-ups.projection.js';

const followUpAfter = (...steps: readonly ask.ContactStep[]): FollowUpRow | undefined =>
  projectRows<FollowUpRow>(followUpsView, 'followUps', ask.given(...steps).events).get('f-1');

const made = [ask.opened, ask.assign('ana'), ask.createFollowUp({ note: 'Call back' })] as const;

describe('Follow-ups', () => {
  it('are rows with their lead, contact and assignee', () =>
    expect(followUpAfter(...made)).toMatchObject({
      org: ask.org,
      id: 'f-1',
      leadId: ask.leadId(1),
      contactId: 'contact-1',
      assigneeId: 'ana',
      dueAt: ask.time('17:00'),
      note: 'Call back',
      state: 'open',
      closedAt: null,
    }));

  it('are told apart by whether they are somebody’s', () => {
    const assigned = (...steps: readonly ask.ContactStep[]) =>
      projectColumns(followUpsView, 'followUps', followUpAfter(ask.opened, ...steps)!)['assigned'];
    expect(assigned(ask.createFollowUp())).toBe(0);
    expect(assigned(ask.assign('ana'), ask.createFollowUp())).toBe(1);
  });

  it('are rows from their creation on', () => {
    const { events } = ask.given(...made, ask.reschedule('18:00'), ask.assign('ben'), ask.lost);
    const rest = events.filter((it) => it.type !== 'FollowUpCreated');
    expect(projectRows(followUpsView, 'followUps', rest).size).toBe(0);
  });

  it('are completed, cancelled and rescheduled', () => {
    expect(followUpAfter(...made, ask.completeFollowUp())).toMatchObject({ state: 'completed', closedReason: null });
    expect(followUpAfter(...made, ask.cancelFollowUp({ reason: 'Asked twice' }))).toMatchObject({
      state: 'cancelled',
      closedReason: 'Asked twice',
    });
    expect(followUpAfter(...made, ask.reschedule('18:00'))).toMatchObject({ state: 'open', dueAt: ask.time('18:00') });
  });

  it('are cancelled when their lead is closed', () =>
    expect(followUpAfter(...made, ask.lost)).toMatchObject({ state: 'cancelled', closedReason: 'lead_inactive' }));

  it('move along to the next agent, unless asked otherwise', () => {
    expect(followUpAfter(...made, ask.assign('ben'))).toMatchObject({ assigneeId: 'ben' });
    expect(followUpAfter(...made, ask.assign('ben', { moveFollowUps: false }))).toMatchObject({ assigneeId: 'ana' });
  });

  it('are to be reminded of when they are due, until that was done or they are closed', () => {
    const remindAt = (...steps: readonly ask.ContactStep[]) =>
      projectColumns(followUpsView, 'followUps', followUpAfter(...made, ...steps)!)['remindAt'];
    const reminded = ask.at('17:00', ask.remind());
    expect(remindAt()).toBe(ask.time('17:00'));
    expect(remindAt(ask.reschedule('18:00'))).toBe(ask.time('18:00'));
    expect(remindAt(reminded)).toBeNull();
    expect(remindAt(reminded, ask.at('17:01', ask.reschedule('19:00')))).toBe(ask.time('19:00'));
    for (const close of [ask.completeFollowUp(), ask.cancelFollowUp(), ask.lost]) expect(remindAt(close)).toBeNull();
  });

  it('know the event that says when they are due', () => {
    expect(followUpAfter(...made)?.dueBy).toMatchObject({ type: 'FollowUpCreated' });
    const moved = [...made, ask.reschedule('18:00')];
    const { id, position } = ask.given(...moved).events.at(-1)!;
    expect(followUpAfter(...moved)?.dueBy).toMatchObject({ type: 'FollowUpRescheduled', id, position });
  });

  it('are what the fold of their lead says', () => {
    const reminded = ask.at('18:00', ask.remind('18:00'));
    const story = [...made, ask.assign('ben'), ask.reschedule('18:00'), reminded, ask.archived];
    const [expected] = ask.foldedLead(ask.given(...story)).followUps;
    expect(followUpAfter(...story)).toMatchObject({ ...expected });
  });
});
