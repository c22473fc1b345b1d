import { describe, expect, it } from '@jest/globals';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as commands from '#test/support/given-when-then';
import { waitingLeadsView, type WaitingLead } from './waiting-leads.projection.js';

const after = (...steps: readonly commands.ContactStep[]) => {
  const { events } = commands.given(...steps);
  return { row: projectRows<WaitingLead>(waitingLeadsView, 'leads', events).get(commands.leadId(1)), events };
};
const rotated = commands.assign('ana', { mode: 'round_robin' });
const agentDeactivated = commands.unassign({ mode: 'agent_deactivated' });

describe('Waiting leads view', () => {
  it('shows a new lead as waiting since it was opened', () => {
    const { row, events } = after(commands.opened);
    const opened = events.find(({ type }) => type === 'LeadOpened');
    expect(row).toEqual({
      org: commands.org,
      leadId: commands.leadId(1),
      waitingSince: opened?.meta.occurredAt,
      turn: null,
    });
  });

  it('does not show an assigned or closed lead as waiting', () => {
    expect(after(commands.opened, commands.assign('ana')).row).toMatchObject({ waitingSince: null, turn: null });
    expect(after(commands.opened, commands.lost).row).toMatchObject({ waitingSince: null });
    expect(after(commands.opened, commands.changeStatus('qualified')).row).not.toMatchObject({ waitingSince: null });
  });

  it('shows a lead as waiting again after its agent was deactivated, but not after a person unassigned it', () => {
    const { row, events } = after(commands.opened, commands.assign('ana'), agentDeactivated);
    expect(row?.waitingSince).toBe(events.at(-1)?.meta.occurredAt);
    for (const mode of ['manual', 'bulk'] as const)
      expect(after(commands.opened, commands.assign('ana'), commands.unassign({ mode })).row?.waitingSince).toBeNull();
  });

  it('stores an automatic assignment in the row of the lead, which no longer waits', () => {
    const { row, events } = after(commands.opened, rotated);
    expect(row).toMatchObject({
      waitingSince: null,
      turn: { agentId: 'ana', position: events.at(-1)?.position },
    });
    expect(projectColumns(waitingLeadsView, 'leads', row!)).toMatchObject({
      turnOf: 'ana',
      turn: events.at(-1)?.position,
    });
  });

  it('counts automatic assignments of both modes, and no others, for the rotation', () => {
    expect(after(commands.opened, commands.assign('ana', { mode: 'least_loaded' })).row?.turn).toMatchObject({
      agentId: 'ana',
    });
    for (const mode of ['manual', 'bulk'] as const)
      expect(after(commands.opened, commands.assign('ana', { mode })).row?.turn).toBeNull();
    expect(
      after(commands.opened, commands.assign('ana'), commands.unassign({ mode: 'round_robin' })).row?.turn,
    ).toBeNull();
  });

  it('keeps the last automatic assignment of a lead when a person unassigns or reassigns it', () => {
    for (const step of [agentDeactivated, commands.assign('ben')])
      expect(after(commands.opened, rotated, step).row?.turn).toMatchObject({ agentId: 'ana' });
  });
});
