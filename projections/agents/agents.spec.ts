import { describe, expect, it } from '@jest/globals';
import { projectRows } from '#test/support/project-rows';
import * as commands from '#test/support/given-when-then';
import { agentKey, agentsView, type AgentRow, type AssignedLead } from './agents.projection.js';

const leadAfter = (...steps: readonly commands.ContactStep[]): AssignedLead | undefined =>
  projectRows<AssignedLead>(agentsView, 'leads', commands.given(...steps).events).get(commands.leadId(1));

describe('Agents view', () => {
  it('stores a row for each agent, with its name, capacity and active state', () => {
    const { events } = commands.givenAgent(
      commands.registerAgent({ capacity: 5 }),
      commands.changeAgent({ name: 'Agent Two', capacity: null }),
      commands.changeAgent({ active: false }),
    );
    const row = projectRows<AgentRow>(agentsView, 'agents', events).get(agentKey(commands.org, 'ana'));
    expect(row).toMatchObject({
      org: commands.org,
      agent: { name: 'Agent Two', capacity: null, active: false, version: 4 },
    });
  });

  it('stores a row for each lead that was ever assigned to an agent, with its current agent', () => {
    for (const lead of [leadAfter(commands.opened), leadAfter(commands.opened, commands.lost)])
      expect(lead).toBeUndefined();
    expect(leadAfter(commands.opened, commands.assign('ana'))).toMatchObject({ agentId: 'ana', active: true });
    expect(leadAfter(commands.opened, commands.assign('ana'), commands.assign('ben'))).toMatchObject({
      agentId: 'ben',
    });
    expect(leadAfter(commands.opened, commands.assign('ana'), commands.unassign())).toMatchObject({ agentId: null });
  });

  it('does not count a closed lead as an active lead of its agent', () => {
    const qualified = commands.changeStatus('qualified');
    expect(leadAfter(commands.opened, commands.assign('ana'), qualified)).toMatchObject({
      agentId: 'ana',
      active: true,
    });
    expect(leadAfter(commands.opened, commands.assign('ana'), commands.lost)).toMatchObject({
      agentId: 'ana',
      active: false,
    });
  });

  it('stores the time and position of an assignment, so that leads assigned before a deactivation can be found', () => {
    const { events } = commands.given(commands.opened, commands.assign('ana'));
    const assigned = events.find(({ type }) => type === 'LeadAssigned');
    expect(leadAfter(commands.opened, commands.assign('ana'))).toMatchObject({
      assignedAt: assigned?.meta.occurredAt,
      assignedIn: assigned?.position,
    });
  });
});
