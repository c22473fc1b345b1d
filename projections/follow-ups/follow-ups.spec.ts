import { describe, expect, it } from '@jest/globals';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as ask from '#test/support/given-when-then';
import { followUpsView, type FollowUpRow } from './follow-ups.projection.js';

const followUpAfter = (...steps: readonly ask.ContactStep[]): FollowUpRow | undefined =>
  projectRows<FollowUpRow>(followUpsView, 'followUps', ask.given(...steps).events).get('f-1');
const columnsAfter = (...steps: readonly ask.ContactStep[]): Record<string, unknown> =>
  projectColumns(followUpsView, 'followUps', followUpAfter(...steps)!);

const created = [ask.opened, ask.assign('ana'), ask.createFollowUp({ note: 'Call back' })] as const;

describe('The follow-ups view', () => {
  it('has a row for each follow-up, with its lead, contact and assignee', () =>
    expect(followUpAfter(...created)).toMatchObject({
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

  it('has a column for whether a follow-up has an assignee', () => {
    expect(columnsAfter(ask.opened, ask.createFollowUp())).toMatchObject({ assigned: 0 });
    expect(columnsAfter(ask.opened, ask.assign('ana'), ask.createFollowUp())).toMatchObject({ assigned: 1 });
  });

  it('has no row for a follow-up without FollowUpCreated', () => {
    const { events } = ask.given(...created, ask.reschedule('18:00'), ask.assign('ben'), ask.lost);
    const rest = events.filter(({ type }) => type !== 'FollowUpCreated');
    expect(projectRows(followUpsView, 'followUps', rest).size).toBe(0);
  });

  it('shows that a follow-up was completed, cancelled or rescheduled', () => {
    expect(followUpAfter(...created, ask.completeFollowUp())).toMatchObject({ state: 'completed', closedReason: null });
    expect(followUpAfter(...created, ask.cancelFollowUp({ reason: 'Asked twice' }))).toMatchObject({
      state: 'cancelled',
      closedReason: 'Asked twice',
    });
    expect(followUpAfter(...created, ask.reschedule('18:00'))).toMatchObject({
      state: 'open',
      dueAt: ask.time('18:00'),
    });
  });

  it('shows the open follow-ups of a closed lead as cancelled', () =>
    expect(followUpAfter(...created, ask.lost)).toMatchObject({ state: 'cancelled', closedReason: 'lead_inactive' }));

  it('moves a follow-up to the lead’s next agent unless the assignment leaves follow-ups where they are', () => {
    expect(followUpAfter(...created, ask.assign('ben'))).toMatchObject({ assigneeId: 'ben' });
    expect(followUpAfter(...created, ask.assign('ben', { moveFollowUps: false }))).toMatchObject({ assigneeId: 'ana' });
  });

  it('has the due time as remindAt until the reminder has fired or the follow-up is closed', () => {
    const remindAtAfter = (...steps: readonly ask.ContactStep[]) => columnsAfter(...created, ...steps)['remindAt'];
    const reminded = ask.at('17:00', ask.remind());
    expect(remindAtAfter()).toBe(ask.time('17:00'));
    expect(remindAtAfter(ask.reschedule('18:00'))).toBe(ask.time('18:00'));
    expect(remindAtAfter(reminded)).toBeNull();
    expect(remindAtAfter(reminded, ask.at('17:01', ask.reschedule('19:00')))).toBe(ask.time('19:00'));
    for (const close of [ask.completeFollowUp(), ask.cancelFollowUp(), ask.lost])
      expect(remindAtAfter(close)).toBeNull();
  });

  it('has the event that set the due time', () => {
    expect(followUpAfter(...created)?.dueBy).toMatchObject({ type: 'FollowUpCreated' });
    const rescheduled = [...created, ask.reschedule('18:00')];
    const { id, position } = ask.given(...rescheduled).events.at(-1)!;
    expect(followUpAfter(...rescheduled)?.dueBy).toMatchObject({ type: 'FollowUpRescheduled', id, position });
  });

  it('has the same facts of a follow-up as the fold of its lead', () => {
    const reminded = ask.at('18:00', ask.remind('18:00'));
    const steps = [...created, ask.assign('ben'), ask.reschedule('18:00'), reminded, ask.archived];
    const [expected] = ask.foldedLead(ask.given(...steps)).followUps;
    expect(followUpAfter(...steps)).toMatchObject({ ...expected });
  });
});
