import { describe, expect, it } from '@jest/globals';
import {
  closings,
  followUpCancelled,
  messageRecorded,
  resultDropped,
  scoredByHand,
  statusChanged,
} from '#test/support/given-lead-events';
import {
  agentActor,
  aiResult,
  archived,
  assign,
  at,
  cancelFollowUp,
  changeStatus,
  completeFollowUp,
  createFollowUp,
  foldedLead,
  given,
  interaction,
  leadId,
  lost,
  opened,
  outbound,
  reschedule,
  scoreByHand,
  scorer,
  secondInteraction,
  sentAt,
  time,
  unassign,
  unpin,
} from '#test/support/given-when-then';
import { activeStatuses, finalStatuses, statuses } from './lead.vocabulary.js';

const ana = agentActor('ana');
const id = leadId(1);

describe('ChangeStatus', () => {
  const pairs = activeStatuses.flatMap((from) => statuses.filter((to) => to !== from).map((to) => [from, to] as const));

  it.each(pairs)('a status can change from %s to %s', (from, to) =>
    given(opened, ...(from === 'new' ? [] : [changeStatus(from)]))
      .when(changeStatus(to))
      .then(statusChanged(from, to)),
  );

  it.each(activeStatuses)('a change to the current status %s does nothing', (status) =>
    given(opened, changeStatus(status)).when(changeStatus(status)).thenNothing(),
  );

  it('a status change without status, score or text does nothing', () =>
    given(opened).when(changeStatus(null)).thenNothing());

  it('a status change records its reason and note', () =>
    given(opened)
      .when(changeStatus('qualified', { reason: 'Has a budget', note: 'Call on Monday' }))
      .then(statusChanged('new', 'qualified', { reason: 'Has a budget', note: 'Call on Monday' })));

  it('a reason or note without a change of status is recorded each time', () => {
    const noted = changeStatus('new', { note: 'Speaks Spanish' });
    given(opened)
      .when(noted)
      .then(statusChanged('new', 'new', { note: 'Speaks Spanish' }));
    given(opened, noted)
      .when(noted)
      .then(statusChanged('new', 'new', { note: 'Speaks Spanish' }));
    given(opened)
      .when(changeStatus(null, { reason: 'By phone' }))
      .then(statusChanged('new', 'new', { reason: 'By phone' }));
  });

  it('a new score with the current status changes only the score', () =>
    given(opened)
      .when(changeStatus('new', { score: 40 }))
      .then(scoredByHand(null, 40)));

  it('a new score with the current status records the reason and note on the score', () =>
    given(opened)
      .when(changeStatus('new', { score: 40, reason: 'Big order', note: 'Call back' }))
      .then(scoredByHand(null, 40, { reason: 'Big order', note: 'Call back' })));

  it('a new status with a new score records the reason on the status', () =>
    given(opened)
      .when(changeStatus('qualified', { score: 90, reason: 'Big order' }))
      .then(scoredByHand(null, 90), statusChanged('new', 'qualified', { reason: 'Big order' })));

  it('a new status with the current score set by hand changes only the status', () =>
    given(opened, scoreByHand(90))
      .when(changeStatus('qualified', { score: 90 }))
      .then(statusChanged('new', 'qualified')));

  it('the current status and score set by hand are recorded again only with a note', () => {
    given(opened, scoreByHand(90))
      .when(changeStatus('new', { score: 90 }))
      .thenNothing();
    given(opened, scoreByHand(90))
      .when(changeStatus('new', { score: 90, note: 'Confirmed' }))
      .then(statusChanged('new', 'new', { note: 'Confirmed' }));
  });

  const strict = { lostNeedsReason: true };
  const withReason = changeStatus('lost', { reason: 'Too expensive' });

  it('the status lost requires no reason by default', () =>
    given(opened).when(lost).then(statusChanged('new', 'lost')));

  it('the status lost requires a reason if the policy says so; a note or blank reason is not enough', () => {
    given(opened).where(strict).when(lost).thenInvalid('reason', 'required');
    given(opened)
      .where(strict)
      .when(changeStatus('lost', { note: 'A note is no reason' }))
      .thenInvalid('reason', 'required');
    given(opened)
      .where(strict)
      .when(changeStatus('lost', { reason: ' ' }))
      .thenInvalid('reason', 'required');
    given(opened)
      .where(strict)
      .when(withReason)
      .then(statusChanged('new', 'lost', { reason: 'Too expensive' }));
  });

  it('no other status requires a reason', () => {
    given(opened).where(strict).when(archived).then(statusChanged('new', 'archived'));
    given(opened).where(strict).when(changeStatus('qualified')).then(statusChanged('new', 'qualified'));
  });

  const refused = (leadStatus: (typeof finalStatuses)[number], activeLeadId: string | null = null) =>
    ['lead_inactive', { leadId: id, leadStatus, inactiveSince: time('10:00'), activeLeadId }] as const;

  describe.each(closings)('of a lead that is $status', ({ status, closed }) => {
    it.each(statuses)(`rejects a change from ${status} to %s`, (to) =>
      given(opened, closed)
        .when(changeStatus(to))
        .thenRefused(...refused(status)),
    );

    it(`rejects a score or note on a lead that is ${status}`, () => {
      given(opened, closed)
        .when(scoreByHand(50))
        .thenRefused(...refused(status));
      given(opened, closed)
        .when(changeStatus(status, { note: 'By the way' }))
        .thenRefused(...refused(status));
    });

    it(`names the contact's active lead when it rejects a change of a lead that is ${status}`, () =>
      given(opened, closed, at('11:00', secondInteraction))
        .when(changeStatus('qualified'))
        .thenRefused(...refused(status, leadId(2))));

    it.each([['bulk', agentActor('ana')] as const, ['automation', { type: 'system', id: 'rules' } as const]])(
      `rejects a change of a lead that is ${status} by %s`,
      (_, actor) =>
        given(opened, closed)
          .by(actor)
          .when(changeStatus('contacted'))
          .thenRefused(...refused(status)),
    );
  });
});

describe('Closing a lead', () => {
  const followUps = [createFollowUp(), createFollowUp({ followUpId: 'f-2' }), createFollowUp({ followUpId: 'f-3' })];

  it.each(finalStatuses)('closing a lead as %s cancels its open follow-ups in the same append', (status) =>
    given(opened, ...followUps, completeFollowUp({ followUpId: 'f-2' }))
      .when(changeStatus(status, { reason: 'Done' }))
      .then(
        statusChanged('new', status, { reason: 'Done' }),
        followUpCancelled('f-1', 'lead_inactive'),
        followUpCancelled('f-3', 'lead_inactive'),
      ),
  );

  it('a change to an active status leaves follow-ups open', () =>
    given(opened, ...followUps)
      .when(changeStatus('follow_up'))
      .then(statusChanged('new', 'follow_up')));

  it('a score set while closing a lead is recorded', () =>
    given(opened)
      .when(changeStatus('converted', { score: 100 }))
      .then(scoredByHand(null, 100), statusChanged('new', 'converted')));

  describe.each(closings)('as $status', ({ status, closed }) => {
    const history = [opened, assign('ana'), aiResult(70), createFollowUp(), closed];

    it(`a lead that is ${status} keeps its agent and score`, () =>
      expect(foldedLead(given(...history))).toMatchObject({
        active: false,
        status,
        closedAt: time('10:00'),
        statusChangedAt: time('10:00'),
        agentId: 'ana',
        qualification: { score: 70 },
      }));

    it.each([
      ['assigning another agent', assign('ben')],
      ['assigning its own agent', assign('ana')],
      ['assigning an unknown agent', assign({ id: 'unknown', status: 'unknown' })],
      ['unassigning its agent', unassign()],
      ['creating a follow-up', createFollowUp({ followUpId: 'f-9' })],
      ['creating a follow-up and setting the status', createFollowUp({ followUpId: 'f-9', alsoSetStatus: true })],
      ['unpinning its score', unpin()],
      ['changing its status', changeStatus('new')],
      ['setting its score', scoreByHand(1)],
    ])(`rejects on a lead that is ${status}: %s`, (_, command) =>
      given(...history)
        .by(ana)
        .when(command)
        .thenRefused('lead_inactive', {
          leadId: id,
          leadStatus: status,
          inactiveSince: time('10:00'),
          activeLeadId: null,
        }),
    );

    it(`records a later AI result for a lead that is ${status} as dropped, once`, () => {
      given(...history)
        .by(scorer)
        .when(aiResult(80))
        .then(resultDropped('lead_inactive', 80));
      given(...history, aiResult(80))
        .by(scorer)
        .when(aiResult(80))
        .thenNothing();
      given(...history, aiResult(80))
        .by(scorer)
        .when(aiResult(81))
        .then(resultDropped('lead_inactive', 81));
      expect(foldedLead(given(...history, aiResult(80))).qualification).toStrictEqual(
        foldedLead(given(...history)).qualification,
      );
    });

    it(`drops an AI result for a lead that is ${status} even if its contact has an active lead`, () =>
      given(...history, at('11:00', secondInteraction))
        .by(scorer)
        .when(aiResult(80))
        .then(resultDropped('lead_inactive', 80)));

    it(`records outbound messages and late interactions on a lead that is ${status}`, () => {
      given(...history)
        .by(ana)
        .when(outbound())
        .then(messageRecorded());
      const onItsWay = interaction({ messageId: 'm-2', occurredAt: sentAt('09:59:00') });
      expect(foldedLead(given(...history, at('11:00', onItsWay)))).toMatchObject({
        active: false,
        status,
        lastInteractionAt: time('09:59'),
        version: foldedLead(given(...history)).version + 1,
      });
    });

    it(`follow-ups cancelled by closing a lead as ${status} cannot be completed or rescheduled`, () => {
      given(...history)
        .when(completeFollowUp())
        .thenRefused('follow_up_cancelled', { followUpId: 'f-1' });
      given(...history)
        .when(reschedule('18:00'))
        .thenRefused('follow_up_cancelled', { followUpId: 'f-1' });
      given(...history)
        .when(cancelFollowUp())
        .thenNothing();
      expect(foldedLead(given(...history)).followUps).toMatchObject([
        { state: 'cancelled', closedAt: time('10:00'), closedReason: 'lead_inactive' },
      ]);
    });
  });
});
