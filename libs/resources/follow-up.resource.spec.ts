import { describe, expect, it } from '@jest/globals';
import {
  assign,
  at,
  cancelFollowUp,
  completeFollowUp,
  createFollowUp,
  foldedLead,
  given,
  leadId,
  opened,
  reschedule,
  time,
  type ContactStep,
} from '#test/support/given-when-then';
import { toFollowUpResource } from './follow-up.resource.js';

const nameOf = () => 'Agent One';

describe('toFollowUpResource', () => {
  it('returns every field of a follow-up, with its contact and the name of its assignee', () => {
    const lead = foldedLead(
      given(
        opened,
        assign('ana'),
        at('09:40', createFollowUp({ note: 'Send the offer' })),
        createFollowUp({ followUpId: 'f-2' }),
      ),
    );
    expect(toFollowUpResource(lead.followUps[0]!, lead, nameOf, time('12:00'))).toStrictEqual({
      id: 'f-1',
      leadId: leadId(1),
      contactId: 'contact-1',
      dueAt: time('17:00'),
      assignee: { id: 'ana', name: 'Agent One' },
      note: 'Send the offer',
      state: 'open',
      overdue: false,
      createdAt: time('09:40'),
      closedAt: null,
      closedReason: null,
    });
  });

  it('reports an open follow-up as overdue after its due time', () => {
    const areOverdue = (now: string, ...steps: readonly ContactStep[]) => {
      const lead = foldedLead(given(opened, createFollowUp(), ...steps));
      return lead.followUps.map((followUp) => toFollowUpResource(followUp, lead, nameOf, time(now)).overdue);
    };
    expect(areOverdue('17:00')).toStrictEqual([false]);
    expect(areOverdue('17:00:00.001')).toStrictEqual([true]);
    expect(areOverdue('18:00', completeFollowUp())).toStrictEqual([false]);
    expect(areOverdue('18:00', cancelFollowUp())).toStrictEqual([false]);
    expect(areOverdue('18:00', reschedule('19:00'))).toStrictEqual([false]);
  });
});
