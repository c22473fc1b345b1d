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

describe('Round-robin', () => {
  it('goes round in the order of registration', () =>
    expect(selectNextAgents('round_robin', [ana, ben, cleo], 7)).toEqual([
      'ana',
      'ben',
      'cleo',
      'ana',
      'ben',
      'cleo',
      'ana',
    ]));

  it('goes on where it was', () => {
    const were = [
      { ...ana, lastAssignedPosition: 'p4' },
      { ...ben, lastAssignedPosition: 'p5' },
      { ...cleo, lastAssignedPosition: 'p3' },
    ];
    expect(selectNextAgents('round_robin', were, 4)).toEqual(['cleo', 'ana', 'ben', 'cleo']);
  });

  it('begins with who never had a turn', () =>
    expect(selectNextAgents('round_robin', [{ ...ana, lastAssignedPosition: 'A4' }, ben], 2)).toEqual(['ben', 'ana']));

  it('does not look at how many leads an agent has, as long as there is room', () =>
    expect(selectNextAgents('round_robin', [{ ...ana, activeLeads: 50 }, ben], 3)).toEqual(['ana', 'ben', 'ana']));

  it('skips who has no room, and ends when nobody has', () => {
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

describe('Least-loaded', () => {
  it('evens out', () => {
    const loaded = [
      { ...ana, activeLeads: 3 },
      { ...ben, activeLeads: 1 },
      { ...cleo, activeLeads: 2 },
    ];
    expect(selectNextAgents('least_loaded', loaded, 5)).toEqual(['ben', 'cleo', 'ben', 'ana', 'cleo']);
  });

  it('among equals takes who had its last turn longest ago', () => {
    const equal = [
      { ...ana, lastAssignedPosition: 'p9' },
      { ...ben, lastAssignedPosition: 'p2' },
    ];
    expect(selectNextAgents('least_loaded', equal, 2)).toEqual(['ben', 'ana']);
  });

  it('passes over who has the fewest leads but no room', () =>
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
