import { describe, expect, it } from '@jest/globals';
import { projectRows } from '#test/support/project-rows';
import * as ask from '#test/support/given-when-then';
import { agentKey, agentsView, type AgentRow, type AssignedLead } from './agents.projection.js';

const leadAfter = (...steps: readonly ask.ContactStep[]): AssignedLead | undefined =>
  projectRows<AssignedLead>(agentsView, 'leads', ask.given(...steps).events).get(ask.leadId(1));

describe('The agents view', () => {
  it('has a row for each agent with name, capacity and whether it is active', () => {
    const { events } = ask.givenAgent(
      ask.registerAgent({ capacity: 5 }),
      ask.changeAgent({ name: 'Agent Two', capacity: null }),
      ask.changeAgent({ active: false }),
    );
    const row = projectRows<AgentRow>(agentsView, 'agents', events).get(agentKey(ask.org, 'ana'));
    expect(row).toMatchObject({
      org: ask.org,
      agent: { name: 'Agent Two', capacity: null, active: false, version: 4 },
    });
  });

  it('has a row for each lead that was ever assigned, with its current agent', () => {
    for (const lead of [leadAfter(ask.opened), leadAfter(ask.opened, ask.lost)]) expect(lead).toBeUndefined();
    expect(leadAfter(ask.opened, ask.assign('ana'))).toMatchObject({ agentId: 'ana', active: true });
    expect(leadAfter(ask.opened, ask.assign('ana'), ask.assign('ben'))).toMatchObject({ agentId: 'ben' });
    expect(leadAfter(ask.opened, ask.assign('ana'), ask.unassign())).toMatchObject({ agentId: null });
  });

  it('does not count a closed lead as active', () => {
    const qualified = ask.changeStatus('qualified');
    expect(leadAfter(ask.opened, ask.assign('ana'), qualified)).toMatchObject({ agentId: 'ana', active: true });
    expect(leadAfter(ask.opened, ask.assign('ana'), ask.lost)).toMatchObject({ agentId: 'ana', active: false });
  });

  it('keeps time and position of an assignment, so that leads assigned before a deactivation can be found', () => {
    const { events } = ask.given(ask.opened, ask.assign('ana'));
    const assigned = events.find(({ type }) => type === 'LeadAssigned');
    expect(leadAfter(ask.opened, ask.assign('ana'))).toMatchObject({
      assignedAt: assigned?.meta.occurredAt,
      assignedIn: assigned?.position,
    });
  });
});
