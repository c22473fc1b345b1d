import { describe, expect, it } from '@jest/globals';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as commands from '#test/support/given-when-then';
import { followUpsView, type FollowUpRow } from './follow-ups.projection.js';

const followUpAfter = (...steps: readonly commands.ContactStep[]): FollowUpRow | undefined =>
  projectRows<FollowUpRow>(followUpsView, 'followUps', commands.given(...steps).events).get('f-1');
const columnsAfter = (...steps: readonly commands.ContactStep[]): Record<string, unknown> =>
  projectColumns(followUpsView, 'followUps', followUpAfter(...steps)!);

const created = [commands.opened, commands.assign('ana'), commands.createFollowUp({ note: 'Call back' })] as const;

describe('Follow-ups view', () => {
  it('stores a row for each follow-up, with its lead, contact and assignee', () =>
    expect(followUpAfter(...created)).toMatchObject({
      org: commands.org,
      id: 'f-1',
      leadId: commands.leadId(1),
      contactId: 'contact-1',
      assigneeId: 'ana',
      dueAt: commands.time('17:00'),
      note: 'Call back',
      state: 'open',
      closedAt: null,
    }));

  it('stores whether a follow-up has an assignee in the column "assigned"', () => {
    expect(columnsAfter(commands.opened, commands.createFollowUp())).toMatchObject({ assigned: 0 });
    expect(columnsAfter(commands.opened, commands.assign('ana'), commands.createFollowUp())).toMatchObject({
      assigned: 1,
    });
  });

  it('stores no row for a follow-up if FollowUpCreated is missing', () => {
    const { events } = commands.given(...created, commands.reschedule('18:00'), commands.assign('ben'), commands.lost);
    const rest = events.filter(({ type }) => type !== 'FollowUpCreated');
    expect(projectRows(followUpsView, 'followUps', rest).size).toBe(0);
  });

  it('shows a follow-up as completed, cancelled or rescheduled', () => {
    expect(followUpAfter(...created, commands.completeFollowUp())).toMatchObject({
      state: 'completed',
      closedReason: null,
    });
    expect(followUpAfter(...created, commands.cancelFollowUp({ reason: 'Asked twice' }))).toMatchObject({
      state: 'cancelled',
      closedReason: 'Asked twice',
    });
    expect(followUpAfter(...created, commands.reschedule('18:00'))).toMatchObject({
      state: 'open',
      dueAt: commands.time('18:00'),
    });
  });

  it('shows the open follow-ups of a closed lead as cancelled', () =>
    expect(followUpAfter(...created, commands.lost)).toMatchObject({
      state: 'cancelled',
      closedReason: 'lead_inactive',
    }));

  it('moves a follow-up to the lead’s new agent unless the assignment moves no follow-ups', () => {
    expect(followUpAfter(...created, commands.assign('ben'))).toMatchObject({ assigneeId: 'ben' });
    expect(followUpAfter(...created, commands.assign('ben', { moveFollowUps: false }))).toMatchObject({
      assigneeId: 'ana',
    });
  });

  it('stores the due time as remindAt until the reminder fires or the follow-up is closed', () => {
    const remindAtAfter = (...steps: readonly commands.ContactStep[]) => columnsAfter(...created, ...steps)['remindAt'];
    const reminded = commands.at('17:00', commands.remind());
    expect(remindAtAfter()).toBe(commands.time('17:00'));
    expect(remindAtAfter(commands.reschedule('18:00'))).toBe(commands.time('18:00'));
    expect(remindAtAfter(reminded)).toBeNull();
    expect(remindAtAfter(reminded, commands.at('17:01', commands.reschedule('19:00')))).toBe(commands.time('19:00'));
    for (const close of [commands.completeFollowUp(), commands.cancelFollowUp(), commands.lost])
      expect(remindAtAfter(close)).toBeNull();
  });

  it('stores which event set the due time of a follow-up', () => {
    expect(followUpAfter(...created)?.dueBy).toMatchObject({ type: 'FollowUpCreated' });
    const rescheduled = [...created, commands.reschedule('18:00')];
    const { id, position } = commands.given(...rescheduled).events.at(-1)!;
    expect(followUpAfter(...rescheduled)?.dueBy).toMatchObject({ type: 'FollowUpRescheduled', id, position });
  });

  it('stores a follow-up with the same fields as the fold of its lead', () => {
    const reminded = commands.at('18:00', commands.remind('18:00'));
    const steps = [...created, commands.assign('ben'), commands.reschedule('18:00'), reminded, commands.archived];
    const [expected] = commands.foldedLead(commands.given(...steps)).followUps;
    expect(followUpAfter(...steps)).toMatchObject({ ...expected });
  });
});
