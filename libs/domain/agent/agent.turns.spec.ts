import { describe, expect, it } from '@jest/globals';
import { nextTurns, type Candidate } from './agent.turns.js';

const candidate = (id: string, of: Partial<Candidate> = {}): Candidate => ({
  id,
  capacity: null,
  activeLeads: 0,
  lastTurn: null,
  ...of,
});
const [ana, ben, cleo] = [candidate('ana'), candidate('ben'), candidate('cleo')];

describe('Round-robin', () => {
  it('goes round in the order of registration', () =>
    expect(nextTurns('round_robin', [ana, ben, cleo], 7)).toEqual(['ana', 'ben', 'cleo', 'ana', 'ben', 'cleo', 'ana']));

  it('goes on where it was', () => {
    const were = [
      { ...ana, lastTurn: 'p4' },
      { ...ben, lastTurn: 'p5' },
      { ...cleo, lastTurn: 'p3' },
    ];
    expect(nextTurns('round_robin', were, 4)).toEqual(['cleo', 'ana', 'ben', 'cleo']);
  });

  it('begins with who never had a turn', () =>
    expect(nextTurns('round_robin', [{ ...ana, lastTurn: 'A4' }, ben], 2)).toEqual(['ben', 'ana']));

  it('does not look at how many leads an agent has, as long as there is room', () =>
    expect(nextTurns('round_robin', [{ ...ana, activeLeads: 50 }, ben], 3)).toEqual(['ana', 'ben', 'ana']));

  it('skips who has no room, and ends when nobody has', () => {
    const full = { ...ana, capacity: 2, activeLeads: 2 };
    expect(nextTurns('round_robin', [full, { ...ben, capacity: 1 }, { ...cleo, capacity: 2 }], 9)).toEqual([
      'ben',
      'cleo',
      'cleo',
    ]);
    expect(nextTurns('round_robin', [{ ...full, activeLeads: 5 }], 1)).toEqual([]);
    expect(nextTurns('round_robin', [], 1)).toEqual([]);
  });
});

describe('Least-loaded', () => {
  it('evens out', () => {
    const loaded = [
      { ...ana, activeLeads: 3 },
      { ...ben, activeLeads: 1 },
      { ...cleo, activeLeads: 2 },
    ];
    expect(nextTurns('least_loaded', loaded, 5)).toEqual(['ben', 'cleo', 'ben', 'ana', 'cleo']);
  });

  it('among equals takes who had its last turn longest ago', () => {
    const equal = [
      { ...ana, lastTurn: 'p9' },
      { ...ben, lastTurn: 'p2' },
    ];
    expect(nextTurns('least_loaded', equal, 2)).toEqual(['ben', 'ana']);
  });

  it('passes over who has the fewest leads but no room', () =>
    expect(
      nextTurns(
        'least_loaded',
        [
          { ...ana, capacity: 0 },
          { ...ben, activeLeads: 4, capacity: 5 },
        ],
        2,
      ),
    ).toEqual(['ben']));
});
