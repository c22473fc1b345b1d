import { describe, expect, it } from '@jest/globals';
import { assigned } from '#test/support/given-lead-events';
import {
  leadId,
  type ContactStep,
  activeAgent,
  assign,
  at,
  changeStatus,
  completeFollowUp,
  createFollowUp,
  foldedLead,
  given,
  lost,
  opened,
  time,
  unassign,
} from '#test/support/given-when-then';
import { activeStatuses } from './lead.vocabulary.js';

const id = leadId(1);

describe('AssignAgent and UnassignAgent', () => {
  const unknown = { id: 'unknown', status: 'unknown' } as const;
  const inactive = { id: 'zoe', status: 'inactive' } as const;

  it.each(activeStatuses)('an agent can be assigned to a lead that is %s', (status) =>
    given(opened, changeStatus(status)).when(assign('ana')).then(assigned(null, 'ana')),
  );

  it('reassigning a lead records the previous and the new agent', () => {
    given(opened, assign('ana')).when(assign('ben')).then(assigned('ana', 'ben'));
    given(opened, assign('ana'), assign('ben')).when(assign('ana')).then(assigned('ben', 'ana'));
  });

  it.each(['manual', 'bulk', 'round_robin', 'least_loaded'] as const)('an assignment records its mode %s', (mode) => {
    given(opened)
      .when(assign('ana', { mode, note: 'Knows the contact' }))
      .then({
        type: 'LeadAssigned',
        data: { leadId: id, from: null, to: 'ana', mode, followUps: [] },
        personal: { note: 'Knows the contact' },
      });
    given(opened, assign('ana'))
      .when(unassign({ mode }))
      .then({ type: 'LeadUnassigned', data: { leadId: id, from: 'ana', mode } });
  });

  it('rejects the assignment of an unknown or deactivated agent', () => {
    given(opened).when(assign(unknown)).thenRefused('not_found', { what: 'agent' });
    given(opened).when(assign(inactive)).thenRefused('agent_inactive', { agentId: 'zoe' });
  });

  it('assigning the current agent again does nothing, even with a note or a deactivated agent', () => {
    given(opened, assign('ana')).when(assign('ana')).thenNothing();
    given(opened, assign('ana'))
      .when(assign('ana', { note: 'Again' }))
      .thenNothing();
    given(opened, assign('zoe')).when(assign(inactive)).thenNothing();
  });

  it('unassigning a lead is recorded once', () => {
    const unassigned = { type: 'LeadUnassigned', data: { leadId: id, from: 'ana', mode: 'manual' } } as const;
    given(opened, assign('ana')).when(unassign()).then(unassigned);
    given(opened, assign('ana'), unassign()).when(unassign()).thenNothing();
    given(opened).when(unassign()).thenNothing();
    expect(foldedLead(given(opened, assign('ana'), unassign()))).toMatchObject({ agentId: null, assignedAt: null });
  });

  it('an automatic assignment does nothing unless the lead has been waiting since the given time', () => {
    const { createdAt: waitingSince } = foldedLead(given(opened));
    const automatic = assign('ana', { mode: 'round_robin', onlyIf: { waitingSince } });
    given(opened)
      .when(automatic)
      .then({
        type: 'LeadAssigned',
        data: { leadId: id, from: null, to: 'ana', mode: 'round_robin', followUps: [] },
        personal: { note: null },
      });
    given(opened, assign('ben')).when(automatic).thenNothing();
    given(opened, assign('ben'), unassign()).when(automatic).thenNothing();
    given(opened, assign('ben'), at('12:30', unassign({ mode: 'agent_deactivated' })))
      .when(automatic)
      .thenNothing();
    given(opened, assign('ben'), at('12:30', unassign({ mode: 'agent_deactivated' })))
      .when(assign('ana', { onlyIf: { waitingSince: time('12:30') } }))
      .then({
        type: 'LeadAssigned',
        data: { leadId: id, from: null, to: 'ana', mode: 'manual', followUps: [] },
        personal: { note: null },
      });
    given(opened, lost).when(automatic).thenRefused('lead_inactive');
  });

  it('unassigning a deactivated agent does nothing if it is another assignment by now', () => {
    const assignedAt = foldedLead(given(opened, assign('ana'))).assignedAt ?? '';
    const deactivated = unassign({ mode: 'agent_deactivated', onlyIf: { agentId: 'ana', assignedAt } });
    given(opened, assign('ana'))
      .when(deactivated)
      .then({ type: 'LeadUnassigned', data: { leadId: id, from: 'ana', mode: 'agent_deactivated' } });
    given(opened, assign('ana'), assign('ben')).when(deactivated).thenNothing();
    given(opened).when(deactivated).thenNothing();
    const earlier = unassign({
      mode: 'agent_deactivated',
      onlyIf: { agentId: 'ana', assignedAt: '2020-01-01T00:00:00.000Z' },
    });
    given(opened, assign('ana')).when(earlier).thenNothing();
    const another = unassign({ mode: 'agent_deactivated', onlyIf: { agentId: 'ben', assignedAt } });
    given(opened, assign('ana')).when(another).thenNothing();
  });

  const withFollowUps = [
    opened,
    assign('ana'),
    createFollowUp(),
    createFollowUp({ followUpId: 'f-2' }),
    completeFollowUp({ followUpId: 'f-2' }),
    createFollowUp({ followUpId: 'f-3', assignee: activeAgent('cem') }),
    createFollowUp({ followUpId: 'f-4' }),
  ];
  const assignees = (...steps: readonly ContactStep[]) =>
    Object.fromEntries(foldedLead(given(...steps)).followUps.map((followUp) => [followUp.id, followUp.assigneeId]));

  it('reassigning a lead moves only the open follow-ups of the previous agent', () => {
    given(...withFollowUps)
      .when(assign('ben'))
      .then(assigned('ana', 'ben', ['f-1', 'f-4']));
    expect(assignees(...withFollowUps, assign('ben'))).toStrictEqual({
      'f-1': 'ben',
      'f-2': 'ana',
      'f-3': 'cem',
      'f-4': 'ben',
    });
  });

  it('reassigning a lead moves no follow-ups if the command says so', () => {
    const command = assign('ben', { moveFollowUps: false });
    given(...withFollowUps)
      .when(command)
      .then(assigned('ana', 'ben'));
    expect(assignees(...withFollowUps, command)).toMatchObject({ 'f-1': 'ana', 'f-4': 'ana' });
  });

  it('the first assignment of a lead moves no follow-ups', () =>
    given(opened, createFollowUp()).when(assign('ana')).then(assigned(null, 'ana')));
});
