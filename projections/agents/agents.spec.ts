import { describe, expect, it } from '@jest/globals';
import { projectRows } from '#test/support/project-rows';
import * as steps from '#test/support/given-when-then';
import { agentKey, agentsView, type AgentRow, type AssignedLead } from './agents.projection.js';

const leadAfter = (...steps: readonly steps.ContactStep[]): AssignedLead | undefined =>
  projectRows<AssignedLead>(agentsView, 'leads', steps.given(...steps).events).get(steps.leadId(1));

describe('The agents view', () => {
  it('has a row for each agent with name, capacity and whether it is active', () => {
    const { events } = steps.givenAgent(
      steps.registerAgent({ capacity: 5 }),
      steps.changeAgent({ name: 'Agent Two', capacity: null }),
      steps.changeAgent({ active: false }),
    );
    const row = projectRows<AgentRow>(agentsView, 'agents', events).get(agentKey(steps.org, 'ana'));
    expect(row).toMatchObject({
      org: steps.org,
      agent: { name: 'Agent Two', capacity: null, active: false, version: 4 },
    });
  });

  it('has a row for each lead that was ever assigned, with its current agent', () => {
    for (const lead of [leadAfter(steps.opened), leadAfter(steps.opened, steps.lost)]) expect(lead).toBeUndefined();
    expect(leadAfter(steps.opened, steps.assign('ana'))).toMatchObject({ agentId: 'ana', active: true });
    expect(leadAfter(steps.opened, steps.assign('ana'), steps.assign('ben'))).toMatchObject({ agentId: 'ben' });
    expect(leadAfter(steps.opened, steps.assign('ana'), steps.unassign())).toMatchObject({ agentId: null });
  });

  it('does not count a closed lead as active', () => {
    const qualified = steps.changeStatus('qualified');
    expect(leadAfter(steps.opened, steps.assign('ana'), qualified)).toMatchObject({ agentId: 'ana', active: true });
    expect(leadAfter(steps.opened, steps.assign('ana'), steps.lost)).toMatchObject({ agentId: 'ana', active: false });
  });

  it('keeps time and position of an assignment, so that leads assigned before a deactivation can be found', () => {
    const { events } = steps.given(steps.opened, steps.assign('ana'));
    const assigned = events.find(({ type }) => type === 'LeadAssigned');
    expect(leadAfter(steps.opened, steps.assign('ana'))).toMatchObject({
      assignedAt: assigned?.meta.occurredAt,
      assignedIn: assigned?.position,
    });
  });
});
