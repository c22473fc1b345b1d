import { describe, expect, it } from '@jest/globals';
import { selectNextAgents, type AssignmentCandidate } from './agent.rotation.js';

const candidate = (id: string, of: Partial<AssignmentCandidate> = {}): AssignmentCandidate => ({
  id,
  capacity: null,
  activeLeads: 0,
  lastAssignedPosition: null,
  ...of,
});
const [ana, ben, cleo] = [candidate('ana'), candidate('ben'), candidate('cleo')];

describe('selectNextAgents, round_robin', () => {
  it('round robin selects agents in the given order and then starts again', () =>
    expect(selectNextAgents('round_robin', [ana, ben, cleo], 7)).toEqual([
      'ana',
      'ben',
      'cleo',
      'ana',
      'ben',
      'cleo',
      'ana',
    ]));

  it('round robin continues after the agent that was assigned last', () => {
    const agents = [
      { ...ana, lastAssignedPosition: 'p4' },
      { ...ben, lastAssignedPosition: 'p5' },
      { ...cleo, lastAssignedPosition: 'p3' },
    ];
    expect(selectNextAgents('round_robin', agents, 4)).toEqual(['cleo', 'ana', 'ben', 'cleo']);
  });

  it('round robin starts with agents that were never assigned', () =>
    expect(selectNextAgents('round_robin', [{ ...ana, lastAssignedPosition: 'A4' }, ben], 2)).toEqual(['ben', 'ana']));

  it('round robin ignores the number of active leads below the capacity', () =>
    expect(selectNextAgents('round_robin', [{ ...ana, activeLeads: 50 }, ben], 3)).toEqual(['ana', 'ben', 'ana']));

  it('round robin skips agents at their capacity and stops once all are full', () => {
    const full = { ...ana, capacity: 2, activeLeads: 2 };
    expect(selectNextAgents('round_robin', [full, { ...ben, capacity: 1 }, { ...cleo, capacity: 2 }], 9)).toEqual([
      'ben',
      'cleo',
      'cleo',
    ]);
    expect(selectNextAgents('round_robin', [{ ...full, activeLeads: 5 }], 1)).toEqual([]);
    expect(selectNextAgents('round_robin', [], 1)).toEqual([]);
  });
});

describe('selectNextAgents, least_loaded', () => {
  it('least loaded selects the agents with the fewest active leads', () => {
    const loaded = [
      { ...ana, activeLeads: 3 },
      { ...ben, activeLeads: 1 },
      { ...cleo, activeLeads: 2 },
    ];
    expect(selectNextAgents('least_loaded', loaded, 5)).toEqual(['ben', 'cleo', 'ben', 'ana', 'cleo']);
  });

  it('least loaded selects, among equally loaded agents, the one with the oldest last assignment', () => {
    const equal = [
      { ...ana, lastAssignedPosition: 'p9' },
      { ...ben, lastAssignedPosition: 'p2' },
    ];
    expect(selectNextAgents('least_loaded', equal, 2)).toEqual(['ben', 'ana']);
  });

  it('least loaded skips an agent at its capacity even if it has the fewest leads', () =>
    expect(
      selectNextAgents(
        'least_loaded',
        [
          { ...ana, capacity: 0 },
          { ...ben, activeLeads: 4, capacity: 5 },
        ],
        2,
      ),
    ).toEqual(['ben']));
});
