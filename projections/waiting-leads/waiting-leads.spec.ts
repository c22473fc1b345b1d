import { describe, expect, it } from '@jest/globals';
import { projectColumns, projectRows } from '#test/support/project-rows';
import * as ask from '#test/support/given-when-then';
import { waitingLeads, type WaitingLead } from './waiting-leads.projection.js';

const after = (...steps: readonly ask.ContactStep[]) => {
  const { events } = ask.given(...steps);
  return { row: projectRows<WaitingLead>(waitingLeads, 'leads', events).get(ask.leadId(1)), events };
};
const byItself = ask.assign('ana', { mode: 'round_robin' });
const freed = ask.unassign({ mode: 'agent_deactivated' });

describe('A lead that nobody works on', () => {
  it('waits since it was opened', () => {
    const { row, events } = after(ask.opened);
    const opened = events.find((it) => it.type === 'LeadOpened');
    expect(row).toEqual({
      org: ask.org,
      leadId: ask.leadId(1),
      waitingSince: opened?.meta.occurredAt,
      turn: null,
    });
  });

  it('does not wait any more when it has an agent, or is closed', () => {
    expect(after(ask.opened, ask.assign('ana')).row).toMatchObject({ waitingSince: null, turn: null });
    expect(after(ask.opened, ask.lost).row).toMatchObject({ waitingSince: null });
    expect(after(ask.opened, ask.changeStatus('qualified')).row).not.toMatchObject({ waitingSince: null });
  });

  it('waits again since its agent left, but not when a person took it away', () => {
    const { row, events } = after(ask.opened, ask.assign('ana'), freed);
    expect(row?.waitingSince).toBe(events.at(-1)?.meta.occurredAt);
    for (const mode of ['manual', 'bulk'] as const)
      expect(after(ask.opened, ask.assign('ana'), ask.unassign({ mode })).row?.waitingSince).toBeNull();
  });
});

describe('The turn that a lead was given', () => {
  it('stands in the same row that says that it does not wait any more', () => {
    const { row, events } = after(ask.opened, byItself);
    expect(row).toMatchObject({
      waitingSince: null,
      turn: { agentId: 'ana', position: events.at(-1)?.position },
    });
    expect(projectColumns(waitingLeads, 'leads', row!)).toMatchObject({ turnOf: 'ana', turn: events.at(-1)?.position });
  });

  it('is one by its assignment alone, in either order of turns', () => {
    expect(after(ask.opened, ask.assign('ana', { mode: 'least_loaded' })).row?.turn).toMatchObject({ agentId: 'ana' });
    for (const mode of ['manual', 'bulk'] as const)
      expect(after(ask.opened, ask.assign('ana', { mode })).row?.turn).toBeNull();
    expect(after(ask.opened, ask.assign('ana'), ask.unassign({ mode: 'round_robin' })).row?.turn).toBeNull();
  });

  it('stays when the lead is freed, or given to another by hand', () => {
    for (const step of [freed, ask.assign('ben')])
      expect(after(ask.opened, byItself, step).row?.turn).toMatchObject({ agentId: 'ana' });
  });
});
