import { describe, expect, it } from '@jest/globals';
import { rowsOf } from '#test/support/fold';
import * as ask from '#test/support/given-when-then';
import { followUpsView, type FollowUpRow } from './follow-ups.projection.js';

const followUpAfter = (...steps: readonly ask.ContactStep[]): FollowUpRow | undefined =>
  rowsOf<FollowUpRow>(followUpsView, 'followUps', ask.given(...steps).events).get('f-1');

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

  it('are what the fold of their lead says', () => {
    const story = [...made, ask.assign('ben'), ask.reschedule('18:00'), ask.archived];
    const [expected] = ask.lead(ask.given(...story)).followUps;
    expect(followUpAfter(...story)).toMatchObject({ ...expected });
  });
});
