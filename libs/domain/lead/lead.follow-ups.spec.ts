import { describe, expect, it } from '@jest/globals';
import { type NewLeadEvent, followUpCancelled, followUpCreated, statusChanged } from '#test/support/given-lead-events';
import {
  agentActor,
  activeAgent,
  archived,
  assign,
  at,
  cancelFollowUp,
  changeStatus,
  completeFollowUp,
  createFollowUp,
  foldedLead,
  gateway,
  given,
  leadId,
  lost,
  opened,
  remind,
  reschedule,
  secondInteraction,
  time,
} from '#test/support/given-when-then';

const ana = agentActor('ana');
const id = leadId(1);

describe('CreateFollowUp', () => {
  it('a follow-up is created with a note', () =>
    given(opened)
      .when(createFollowUp({ note: 'Send the offer' }))
      .then(followUpCreated({}, 'Send the offer')));

  it("a follow-up without an assignee belongs to the lead's agent, or to the agent who creates it, or to no agent", () => {
    given(opened, assign('ben'))
      .by(ana)
      .when(createFollowUp())
      .then(followUpCreated({ assigneeId: 'ben' }));
    given(opened)
      .by(ana)
      .when(createFollowUp())
      .then(followUpCreated({ assigneeId: 'ana' }));
    given(opened)
      .by(gateway)
      .when(createFollowUp())
      .then(followUpCreated({ assigneeId: null }));
  });

  it('a follow-up belongs to the given assignee, who must be known and active', () => {
    given(opened, assign('ben'))
      .by(ana)
      .when(createFollowUp({ assignee: activeAgent('cem') }))
      .then(followUpCreated({ assigneeId: 'cem' }));
    given(opened)
      .when(createFollowUp({ assignee: { id: 'unknown', status: 'unknown' } }))
      .thenRefused('not_found', { what: 'agent' });
    given(opened)
      .when(createFollowUp({ assignee: { id: 'zoe', status: 'inactive' } }))
      .thenRefused('agent_inactive', { agentId: 'zoe' });
  });

  it('rejects a follow-up that is due in the past, but not one that is due now', () => {
    given(opened)
      .when(createFollowUp({ dueAt: time('11:59:59.999') }))
      .thenInvalid('dueAt', 'in_past');
    given(opened)
      .when(createFollowUp({ dueAt: time('12:00') }))
      .then(followUpCreated({ dueAt: time('12:00') }));
  });

  it('creating a follow-up changes the status only if the command says so', () => {
    given(opened)
      .when(createFollowUp({ alsoSetStatus: true }))
      .then(followUpCreated(), statusChanged('new', 'follow_up'));
    given(opened, changeStatus('follow_up'))
      .when(createFollowUp({ alsoSetStatus: true }))
      .then(followUpCreated());
  });

  it('a follow-up with the same id is created once', () =>
    given(opened, createFollowUp()).when(createFollowUp()).thenNothing());

  it('a lead can have at most 500 open follow-ups', () => {
    const created = (number: number) => followUpCreated({ followUpId: `f-${number}` });
    const nearlyFull = given(opened, ...Array.from({ length: 499 }, (_, index) => at('09:30', created(index))));
    const full = nearlyFull.and(created(499));
    nearlyFull.when(createFollowUp({ followUpId: 'one-more' })).then(followUpCreated({ followUpId: 'one-more' }));
    // eslint-disable-next-line id-denylist -- a public field
    full.when(createFollowUp({ followUpId: 'one-more' })).thenRefused('too_many_follow_ups', { most: 500 });
    full.when(createFollowUp()).thenNothing();
    full
      .and(completeFollowUp())
      .when(createFollowUp({ followUpId: 'one-more' }))
      .then(followUpCreated({ followUpId: 'one-more' }));
  });
});

it('rejects the completion, cancellation and rescheduling of an unknown follow-up', () => {
  for (const command of [completeFollowUp(), cancelFollowUp(), reschedule('18:00')])
    given(opened).when(command).thenRefused('not_found', { what: 'follow-up' });
  given(opened, createFollowUp(), lost, secondInteraction)
    .when(completeFollowUp({ leadId: leadId(2) }))
    .thenRefused('not_found', { what: 'follow-up' });
});

describe('CompleteFollowUp', () => {
  const completed = completeFollowUp({ note: 'Spoke to them' });

  it('completing a follow-up records a note', () =>
    given(opened, createFollowUp())
      .when(completed)
      .then({
        type: 'FollowUpCompleted',
        data: { leadId: id, followUpId: 'f-1' },
        personal: { note: 'Spoke to them' },
      }));

  it('completing a completed follow-up does nothing', () =>
    given(opened, createFollowUp(), completed).when(completeFollowUp()).thenNothing());

  it('a completed follow-up can be neither cancelled nor rescheduled', () => {
    const scenario = given(opened, createFollowUp(), completed);
    scenario.when(cancelFollowUp()).thenRefused('follow_up_completed', { followUpId: 'f-1' });
    scenario.when(reschedule('18:00')).thenRefused('follow_up_completed', { followUpId: 'f-1' });
  });

  it('a completed follow-up stays completed when the lead is closed', () => {
    given(opened, createFollowUp(), completed).when(lost).then(statusChanged('new', 'lost'));
    given(opened, createFollowUp(), completed, lost).when(completed).thenNothing();
  });
});

describe('CancelFollowUp', () => {
  const cancelled = cancelFollowUp({ reason: 'Not needed' });

  it('cancelling a follow-up records a reason', () =>
    given(opened, createFollowUp())
      .when(cancelled)
      .then(followUpCancelled('f-1', 'asked', 'Not needed')));

  it('cancelling a cancelled follow-up does nothing and keeps the first reason', () => {
    const scenario = given(opened, createFollowUp(), cancelled);
    scenario.when(cancelFollowUp()).thenNothing();
    expect(foldedLead(scenario).followUps).toMatchObject([{ state: 'cancelled', closedReason: 'Not needed' }]);
  });

  it('a cancelled follow-up can be neither completed nor rescheduled', () => {
    const scenario = given(opened, createFollowUp(), cancelled);
    scenario.when(completeFollowUp()).thenRefused('follow_up_cancelled', { followUpId: 'f-1' });
    scenario.when(reschedule('18:00')).thenRefused('follow_up_cancelled', { followUpId: 'f-1' });
  });
});

describe('RescheduleFollowUp', () => {
  const rescheduled = (
    from: string,
    to: string,
    reason: string | null = null,
  ): NewLeadEvent<'FollowUpRescheduled'> => ({
    type: 'FollowUpRescheduled',
    data: { leadId: id, followUpId: 'f-1', from: time(from), to: time(to) },
    personal: { reason },
  });

  it('rescheduling a follow-up keeps its id and records both due times and the reason', () => {
    given(opened, createFollowUp())
      .when(reschedule('18:00', { reason: 'No answer' }))
      .then(rescheduled('17:00', '18:00', 'No answer'));
    given(opened, createFollowUp(), reschedule('18:00')).when(reschedule('16:00')).then(rescheduled('18:00', '16:00'));
    expect(foldedLead(given(opened, createFollowUp(), reschedule('18:00'))).followUps).toMatchObject([
      { id: 'f-1', dueAt: time('18:00'), state: 'open' },
    ]);
  });

  it('rejects rescheduling a follow-up to the past', () =>
    given(opened, createFollowUp()).when(reschedule('11:00')).thenInvalid('dueAt', 'in_past'));

  it('rescheduling a follow-up to its current due time does nothing, even if that is in the past', () => {
    given(opened, createFollowUp()).when(reschedule('17:00')).thenNothing();
    given(opened, createFollowUp()).at('18:00').when(reschedule('17:00')).thenNothing();
  });

  it('an overdue follow-up can be rescheduled', () =>
    given(opened, createFollowUp()).at('18:00').when(reschedule('19:00')).then(rescheduled('17:00', '19:00')));
});

describe('RemindFollowUp', () => {
  const steps = [opened, assign('ana'), createFollowUp()] as const;
  const reminded = (of: Partial<NewLeadEvent<'FollowUpReminded'>['data']> = {}): NewLeadEvent<'FollowUpReminded'> => ({
    type: 'FollowUpReminded',
    data: { leadId: id, followUpId: 'f-1', dueAt: time('17:00'), assigneeId: 'ana', late: false, ...of },
  });

  it('a reminder fires at the due time and not before', () => {
    given(...steps)
      .at('16:59:59.999')
      .when(remind())
      .thenNothing();
    given(...steps)
      .at('17:00')
      .when(remind())
      .then(reminded());
  });

  it('a reminder more than a minute after the due time is marked as late', () => {
    given(...steps)
      .at('17:01')
      .when(remind())
      .then(reminded());
    given(...steps)
      .at('17:01:00.001')
      .when(remind())
      .then(reminded({ late: true }));
  });

  it('a reminder fires once per due time, even if the lead is reassigned', () => {
    const scenario = given(...steps, at('17:00', remind()), assign('ben')).at('17:30');
    scenario.when(remind()).thenNothing();
    expect(foldedLead(scenario).followUps).toMatchObject([{ state: 'open', remindedAt: time('17:00') }]);
  });

  it('a reminder for a previous due time does nothing', () => {
    const scenario = given(...steps, reschedule('18:00'));
    scenario.at('17:00').when(remind('17:00')).thenNothing();
    scenario.at('18:00').when(remind('17:00')).thenNothing();
    scenario
      .at('18:00')
      .when(remind('18:00'))
      .then(reminded({ dueAt: time('18:00') }));
  });

  it('a rescheduled follow-up gets another reminder', () => {
    const scenario = given(...steps, at('17:00', remind()), at('17:10', reschedule('18:00')));
    scenario
      .at('18:00')
      .when(remind('18:00'))
      .then(reminded({ dueAt: time('18:00') }));
    expect(foldedLead(scenario).followUps).toMatchObject([{ remindedAt: null }]);
  });

  it.each([completeFollowUp(), cancelFollowUp(), changeStatus('lost'), archived])(
    'a closed follow-up gets no reminder: %j',
    (close) =>
      given(...steps, close)
        .at('17:00')
        .when(remind())
        .thenNothing(),
  );

  it('rejects a reminder of an unknown follow-up', () =>
    given(opened).at('17:00').when(remind()).thenRefused('not_found', { what: 'follow-up' }));
});
