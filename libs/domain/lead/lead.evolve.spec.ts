import { describe, expect, it } from '@jest/globals';
import {
  agentActor,
  aiResult,
  assign,
  at,
  broadcast,
  by,
  changeStatus,
  createFollowUp,
  foldedLead,
  given,
  interaction,
  leadId,
  lost,
  opened,
  outbound,
  scoreByHand,
  secondInteraction,
  time,
  unassign,
  type ContactStep,
} from '#test/support/given-when-then';
import { finalStatuses, isFinal, statuses, type Status } from './lead.vocabulary.js';
import { evolveLead, evolveWaitingSince } from './lead.evolve.js';
import type { LeadEvent } from './lead.events.js';

const id = leadId(1);

describe('The fold of a lead', () => {
  const profile = { name: 'Contact One', phone: '+15550100', email: 'one@example.test' };

  it('the version of a lead is the number of its own events', () => {
    const all = given(opened, by(agentActor('ana'), outbound()), assign('ana'), createFollowUp())
      .and(lost)
      .and(aiResult(10))
      .and(secondInteraction);
    const ownEvents = all.events.filter(({ data }) => 'leadId' in data && data.leadId === id);
    expect(foldedLead(all).version).toBe(ownEvents.length);
    expect(foldedLead(all, 2).version).toBe(2);
  });

  it('a lead names the previous lead of its contact', () =>
    expect(foldedLead(given(opened, lost, secondInteraction), 2)).toMatchObject({ ordinal: 2, previousLeadId: id }));

  it('a profile change shows on all leads of the contact and does not change their versions', () => {
    const before = given(opened, lost, secondInteraction);
    const after = before.at('13:00').and(broadcast({ profile }));
    for (const ordinal of [1, 2])
      expect(foldedLead(after, ordinal)).toStrictEqual({ ...foldedLead(before, ordinal), contact: profile });
  });

  it('statusChangedAt changes with the status but not with a note', () => {
    expect(foldedLead(given(opened, at('10:00', changeStatus('new', { note: 'A note' })))).statusChangedAt).toBe(
      time('09:00'),
    );
    expect(foldedLead(given(opened, at('10:00', changeStatus('qualified')))).statusChangedAt).toBe(time('10:00'));
  });

  it('a lead keeps the newest reason that was given for its status until the status changes', () => {
    const because = (reason: string | null, to: Status | null = null) => changeStatus(to, { reason, note: 'n' });
    expect(foldedLead(given(opened, because('A', 'qualified'))).reason).toBe('A');
    expect(foldedLead(given(opened, because('A', 'qualified'), because(null))).reason).toBe('A');
    expect(foldedLead(given(opened, because('A', 'qualified'), because('B'))).reason).toBe('B');
    expect(foldedLead(given(opened, because('A', 'qualified'), changeStatus('contacted'))).reason).toBeNull();
  });

  it('updatedAt of a lead never goes back', () => {
    const scenario = given(at('10:00', opened), at('09:00', changeStatus('qualified')));
    expect(foldedLead(scenario)).toMatchObject({ updatedAt: time('10:00'), statusChangedAt: time('09:00') });
  });

  it('a lead counts its inbound and outbound messages', () => {
    const scenario = given(opened, outbound(), interaction({ messageId: 'm-2' }), outbound({ messageId: 'out-2' }));
    expect(foldedLead(scenario).memory).toMatchObject({ interactions: 2, outboundMessages: 2 });
  });

  it('a lead waits from its opening or the deactivation of its agent until it is assigned or closed', () => {
    const deactivated = unassign({ mode: 'agent_deactivated' });
    const waitingSinceAfter = (...steps: readonly ContactStep[]): string | null => {
      const scenario = given(at('08:00', opened), ...steps);
      const leadEvents = scenario.events.filter(
        ({ type }) => type !== 'ContactRegistered',
      ) as unknown as readonly LeadEvent[];
      const since = leadEvents
        .map(evolveWaitingSince)
        .reduce((before, after) => (after === undefined ? before : after), undefined);
      expect(foldedLead(scenario).memory.waitingSince).toBe(since);
      return since ?? null;
    };
    expect(waitingSinceAfter()).toBe(time('08:00'));
    expect(waitingSinceAfter(changeStatus('qualified'), scoreByHand(40), outbound())).toBe(time('08:00'));
    expect(waitingSinceAfter(assign('ana'))).toBeNull();
    expect(waitingSinceAfter(assign('ana'), at('10:00', deactivated))).toBe(time('10:00'));
    expect(waitingSinceAfter(assign('ana'), unassign())).toBeNull();
    for (const status of finalStatuses) expect(waitingSinceAfter(changeStatus(status))).toBeNull();
  });

  it('an event before LeadOpened creates no lead', () => {
    const [, , first] = given(opened).events;
    expect(evolveLead(undefined, first as never)).toBeUndefined();
  });

  it('the fold of a lead ignores events of other leads and contacts, a second LeadOpened, and unknown types', () => {
    const lead = foldedLead(given(opened));
    const ofOtherLead = given(opened, lost, secondInteraction).events.filter(({ data }) =>
      JSON.stringify(data).includes(leadId(2)),
    );
    expect(ofOtherLead).toHaveLength(2);
    const ofOtherContact = {
      type: 'ContactProfileChanged',
      data: { contactKey: 'c2' },
      personal: { to: profile },
      meta: {},
    };
    const unknown = { type: 'SomethingElse', data: { leadId: id }, meta: { occurredAt: time('10:00') } };
    for (const event of [...given(opened).events.slice(0, 2), ...ofOtherLead, ofOtherContact, unknown])
      expect(evolveLead(lead, event as never)).toBe(lead);
  });
});

it('statuses are in the order in which lists sort them, with the final ones last', () => {
  expect(statuses).toStrictEqual([
    'new',
    'contacted',
    'qualifying',
    'qualified',
    'follow_up',
    'converted',
    'lost',
    'archived',
  ]);
  expect(statuses.filter(isFinal)).toStrictEqual(['converted', 'lost', 'archived']);
});
