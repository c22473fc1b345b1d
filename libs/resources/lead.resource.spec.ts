import { describe, expect, it } from '@jest/globals';
import { aiText } from '#test/support/given-lead-events';
import {
  agentActor,
  aiResult,
  assign,
  at,
  broadcast,
  by,
  campaign,
  changeStatus,
  completeFollowUp,
  createFollowUp,
  createLead,
  foldedLead,
  given,
  interaction,
  interactionId,
  leadId,
  opened,
  outbound,
  time,
  type ContactStep,
} from '#test/support/given-when-then';
import { toLeadResource } from './lead.resource.js';

const profile = { name: 'Contact One', phone: '+15550100', email: 'one@example.test' };
const nameOf = (agentId: string) => (agentId === 'ana' ? 'Agent One' : null);
const scenario = given(
  at('08:00', broadcast()),
  at('09:00', interaction({ kind: 'broadcast_reply', inReplyTo: 'bm-1', profile })),
  at('09:10', aiResult(72)),
  at('09:20', by(agentActor('ana'), outbound())),
  at('09:30', assign('ana')),
  at('09:40', createFollowUp({ note: 'Send the offer' })),
  at('09:50', createFollowUp({ followUpId: 'f-2', dueAt: time('15:00') })),
);

describe('toLeadResource', () => {
  it('returns every field of an active lead', () =>
    expect(toLeadResource(foldedLead(scenario), nameOf)).toStrictEqual({
      id: leadId(1),
      contactId: 'contact-1',
      ordinal: 1,
      previousLeadId: null,
      contact: profile,
      channel: 'whatsapp',
      origin: {
        kind: 'broadcast_reply',
        attribution: 'exact',
        broadcastId: 'b-1',
        campaign,
        interactionId: interactionId('m-1'),
      },
      status: 'contacted',
      active: true,
      statusChangedAt: time('09:20'),
      closedAt: null,
      reason: null,
      qualification: {
        score: 72,
        source: 'ai',
        pinned: false,
        model: 'model-1',
        modelVersion: '1.0',
        ...aiText,
        scoredAt: time('09:10'),
        suggestion: null,
      },
      agent: { id: 'ana', name: 'Agent One' },
      assignedAt: time('09:30'),
      followUps: { open: 2, nextDueAt: time('15:00'), nextId: 'f-2' },
      lastInteractionAt: time('09:00'),
      createdAt: time('09:00'),
      updatedAt: time('09:50'),
      version: 8,
      actions: { changeStatus: true, assign: true, createFollowUp: true, viewHistory: true, openChat: true },
    }));

  it('allows only viewing and chatting for a closed lead', () => {
    const closed = scenario.at('10:00').and(changeStatus('lost', { reason: 'Too dear' }));
    expect(toLeadResource(foldedLead(closed), nameOf)).toMatchObject({
      status: 'lost',
      active: false,
      statusChangedAt: time('10:00'),
      closedAt: time('10:00'),
      reason: 'Too dear',
      agent: { id: 'ana' },
      followUps: { open: 0, nextDueAt: null, nextId: null },
      version: 11,
      actions: { changeStatus: false, assign: false, createFollowUp: false, viewHistory: true, openChat: true },
    });
  });

  it('returns null for missing values of a lead, and for the name of an unknown agent', () => {
    const { agent, ...resource } = toLeadResource(foldedLead(given(createLead())), nameOf);
    expect(agent).toBeNull();
    expect(resource).toMatchObject({
      contact: { name: null, phone: null, email: null },
      channel: null,
      previousLeadId: null,
      assignedAt: null,
      lastInteractionAt: null,
      reason: null,
      closedAt: null,
      followUps: { open: 0, nextDueAt: null, nextId: null },
    });
    expect(toLeadResource(foldedLead(given(opened, assign('ben'))), nameOf).agent).toStrictEqual({
      id: 'ben',
      name: null,
    });
  });

  it('returns the open follow-up of a lead that is due next, or the first created of several due at the same time', () => {
    const second = createFollowUp({ followUpId: 'f-2', dueAt: time('16:00') });
    const third = createFollowUp({ followUpId: 'f-3', dueAt: time('16:00') });
    const followUpsAfter = (...steps: readonly ContactStep[]) =>
      toLeadResource(foldedLead(given(opened, ...steps)), nameOf).followUps;
    expect(followUpsAfter(createFollowUp(), second, third)).toMatchObject({ open: 3, nextId: 'f-2' });
    expect(followUpsAfter(createFollowUp(), second, completeFollowUp({ followUpId: 'f-2' }))).toMatchObject({
      open: 1,
      nextId: 'f-1',
    });
  });
});
