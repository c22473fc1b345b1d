import { describe, expect, it } from '@jest/globals';
import { type NewLeadEvent, closings, messageRecorded, statusChanged } from '#test/support/given-lead-events';
import {
  agentActor,
  at,
  by,
  changeStatus,
  createLead,
  foldedLead,
  gateway,
  given,
  interaction,
  lost,
  opened,
  outbound,
  outboundId,
  time,
} from '#test/support/given-when-then';
import { activeStatuses } from './lead.vocabulary.js';

const ana = agentActor('ana');

describe('RecordOutboundMessage', () => {
  const first = by(ana, outbound());

  it('an outbound message is recorded once', () => {
    given(opened, first).by(ana).when(outbound()).thenNothing();
    given(opened, first)
      .by(ana)
      .when(outbound({ text: 'Edited' }))
      .thenNothing();
    given(opened, first, lost).by(ana).when(outbound()).thenNothing();
  });

  it('the same message id on another channel is another outbound message', () =>
    given(opened, first)
      .by(ana)
      .when(outbound({ channel: 'sms' }))
      .then(messageRecorded('out-1', 'sms')));

  it('an outbound message without a channel has the channel of the lead', () => {
    given(interaction({ channel: 'sms' }), changeStatus('contacted'))
      .when(outbound())
      .then(messageRecorded('out-1', 'sms'));
    given(opened, changeStatus('contacted'))
      .when(outbound({ channel: 'sms' }))
      .then(messageRecorded('out-1', 'sms'));
  });

  it('an outbound message requires a channel if the lead has none', () => {
    given(createLead()).when(outbound()).thenInvalid('channel', 'required');
    given(createLead(), changeStatus('contacted'))
      .when(outbound({ channel: 'whatsapp' }))
      .then(messageRecorded());
  });

  it('rejects an outbound message more than 5 minutes in the future', () => {
    given(opened, changeStatus('contacted'))
      .when(outbound({ sentAt: time('12:05') }))
      .then(messageRecorded('out-1', 'whatsapp', time('12:05')));
    given(opened)
      .when(outbound({ sentAt: time('12:05:00.001') }))
      .thenInvalid('sentAt', 'in_future');
  });

  it('an outbound message changes updatedAt but not lastInteractionAt', () => {
    const scenario = foldedLead(given(opened, at('11:00', first)));
    expect(scenario).toMatchObject({ lastInteractionAt: time('09:00'), updatedAt: time('11:00') });
  });

  const statusChangedByMessage = (messageId = 'out-1'): NewLeadEvent<'LeadStatusChanged'> => ({
    ...statusChanged('new', 'contacted'),
    actor: { type: 'system', id: 'first-message' },
    causation: outboundId(messageId),
  });

  it('the first outbound message moves a new lead to contacted, by the system, caused by the message', () => {
    given(opened).by(ana).when(outbound()).then(messageRecorded(), statusChangedByMessage());
    const scenario = given(opened, at('10:00', by(ana, outbound()))).events.at(-1);
    expect(scenario).toMatchObject({
      type: 'LeadStatusChanged',
      meta: { actor: { type: 'system' }, causation: outboundId('out-1'), occurredAt: time('10:00') },
    });
  });

  it('the status change after the first message has the time of the command, not of the message', () =>
    given(opened)
      .by(ana)
      .when(outbound({ sentAt: time('11:00') }))
      .then(messageRecorded('out-1', 'whatsapp', time('11:00')), statusChangedByMessage()));

  it('a second outbound message does not change the status new', () => {
    for (const actor of [gateway, { type: 'system', id: 'rules' } as const])
      given(opened, by(ana, outbound()), by(actor, changeStatus('new')))
        .by(ana)
        .when(outbound({ messageId: 'out-2' }))
        .then(messageRecorded('out-2'));
  });

  it.each(activeStatuses.filter((status) => status !== 'new'))(
    'the first outbound message does not change the status %s',
    (status) => given(opened, changeStatus(status)).by(ana).when(outbound()).then(messageRecorded()),
  );

  it.each([ana, gateway])(
    'the first outbound message does not change the status new that an actor of type $type has set',
    (actor) =>
      given(opened, by(actor, changeStatus('qualified')), by(actor, changeStatus('new')))
        .by(ana)
        .when(outbound())
        .then(messageRecorded()),
  );

  it('the first outbound message changes a status new that only automation has set', () => {
    const rules = { type: 'system', id: 'rules' } as const;
    given(opened, by(rules, changeStatus('qualifying')), by(rules, changeStatus('new')))
      .by(ana)
      .when(outbound())
      .then(messageRecorded(), statusChangedByMessage());
  });

  it('the first outbound message does not change another status that automation has set', () =>
    given(opened, by({ type: 'system', id: 'rules' }, changeStatus('qualifying')))
      .by(ana)
      .when(outbound())
      .then(messageRecorded()));

  it('the first outbound message changes no status if the policy says so', () =>
    given(opened).where({ firstMessageMakesContacted: false }).by(ana).when(outbound()).then(messageRecorded()));

  it.each(closings)('the first outbound message does not reopen a lead that is $status', ({ closed }) =>
    given(opened, closed).by(ana).when(outbound()).then(messageRecorded()),
  );
});
