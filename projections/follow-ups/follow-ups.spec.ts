import { describe, expect, it } from '@jest/globals';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as steps from '#test/support/given-when-then';
import { followUpsView, type FollowUpRow } from './follow-ups.projection.js';

const followUpAfter = (...steps: readonly steps.ContactStep[]): FollowUpRow | undefined =>
  projectRows<FollowUpRow>(followUpsView, 'followUps', steps.given(...steps).events).get('f-1');
const columnsAfter = (...steps: readonly steps.ContactStep[]): Record<string, unknown> =>
  projectColumns(followUpsView, 'followUps', followUpAfter(...steps)!);

const created = [steps.opened, steps.assign('ana'), steps.createFollowUp({ note: 'Call back' })] as const;

describe('The follow-ups view', () => {
  it('has a row for each follow-up, with its lead, contact and assignee', () =>
    expect(followUpAfter(...created)).toMatchObject({
      org: steps.org,
      id: 'f-1',
      leadId: steps.leadId(1),
      contactId: 'contact-1',
      assigneeId: 'ana',
      dueAt: steps.time('17:00'),
      note: 'Call back',
      state: 'open',
      closedAt: null,
    }));

  it('has a column for whether a follow-up has an assignee', () => {
    expect(columnsAfter(steps.opened, steps.createFollowUp())).toMatchObject({ assigned: 0 });
    expect(columnsAfter(steps.opened, steps.assign('ana'), steps.createFollowUp())).toMatchObject({ assigned: 1 });
  });

  it('has no row for a follow-up without FollowUpCreated', () => {
    const { events } = steps.given(...created, steps.reschedule('18:00'), steps.assign('ben'), steps.lost);
    const rest = events.filter(({ type }) => type !== 'FollowUpCreated');
    expect(projectRows(followUpsView, 'followUps', rest).size).toBe(0);
  });

  it('shows that a follow-up was completed, cancelled or rescheduled', () => {
    expect(followUpAfter(...created, steps.completeFollowUp())).toMatchObject({ state: 'completed', closedReason: null });
    expect(followUpAfter(...created, steps.cancelFollowUp({ reason: 'Asked twice' }))).toMatchObject({
      state: 'cancelled',
      closedReason: 'Asked twice',
    });
    expect(followUpAfter(...created, steps.reschedule('18:00'))).toMatchObject({
      state: 'open',
      dueAt: steps.time('18:00'),
    });
  });

  it('shows the open follow-ups of a closed lead as cancelled', () =>
    expect(followUpAfter(...created, steps.lost)).toMatchObject({ state: 'cancelled', closedReason: 'lead_inactive' }));

  it('moves a follow-up to the lead’s next agent unless the assignment leaves follow-ups where they are', () => {
    expect(followUpAfter(...created, steps.assign('ben'))).toMatchObject({ assigneeId: 'ben' });
    expect(followUpAfter(...created, steps.assign('ben', { moveFollowUps: false }))).toMatchObject({ assigneeId: 'ana' });
  });

  it('has the due time as remindAt until the reminder has fired or the follow-up is closed', () => {
    const remindAtAfter = (...steps: readonly steps.ContactStep[]) => columnsAfter(...created, ...steps)['remindAt'];
    const reminded = steps.at('17:00', steps.remind());
    expect(remindAtAfter()).toBe(steps.time('17:00'));
    expect(remindAtAfter(steps.reschedule('18:00'))).toBe(steps.time('18:00'));
    expect(remindAtAfter(reminded)).toBeNull();
    expect(remindAtAfter(reminded, steps.at('17:01', steps.reschedule('19:00')))).toBe(steps.time('19:00'));
    for (const close of [steps.completeFollowUp(), steps.cancelFollowUp(), steps.lost])
      expect(remindAtAfter(close)).toBeNull();
  });

  it('has the event that set the due time', () => {
    expect(followUpAfter(...created)?.dueBy).toMatchObject({ type: 'FollowUpCreated' });
    const rescheduled = [...created, steps.reschedule('18:00')];
    const { id, position } = steps.given(...rescheduled).events.at(-1)!;
    expect(followUpAfter(...rescheduled)?.dueBy).toMatchObject({ type: 'FollowUpRescheduled', id, position });
  });

  it('has the same facts of a follow-up as the fold of its lead', () => {
    const reminded = steps.at('18:00', steps.remind('18:00'));
    const steps = [...created, steps.assign('ben'), steps.reschedule('18:00'), reminded, steps.archived];
    const [expected] = steps.foldedLead(steps.given(...steps)).followUps;
    expect(followUpAfter(...steps)).toMatchObject({ ...expected });
  });
});
