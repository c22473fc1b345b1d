/** How leads that wait get an agent by themselves. */
export const autoAssignmentModes = ['round_robin', 'least_loaded'] as const;
export type AutoAssignmentMode = (typeof autoAssignmentModes)[number];

/** An active agent, as far as it matters for whose turn it is. */
export interface AssignmentCandidate {
  readonly id: string;
  /** How many active leads it has room for; null is no limit. */
  readonly capacity: number | null;
  readonly activeLeads: number;
  /** Where in the log its last turn stands; null when it never had one. */
  readonly lastAssignedPosition: string | null;
}

/**
 * THE RULE of turns: whose the next `count` leads are, in order; fewer when nobody has room any more. Among those with room it is
 * the turn of the one that had its last turn longest ago, those that never had one first, in the order given; in `least_loaded`
 * only among those with the fewest active leads.
 */
export function selectNextAgents(
  mode: AutoAssignmentMode,
  candidates: readonly AssignmentCandidate[],
  count: number,
): readonly string[] {
  const waiting = candidates
    .toSorted((a, b) => compare(a.lastAssignedPosition ?? '', b.lastAssignedPosition ?? ''))
    .map(({ id, capacity, activeLeads }) => ({ id, capacity: capacity ?? Infinity, activeLeads }));
  const turns: string[] = [];
  while (turns.length < count) {
    const withRoom = waiting.filter((it) => it.activeLeads < it.capacity);
    const fewest = mode === 'least_loaded' ? Math.min(...withRoom.map((it) => it.activeLeads)) : Infinity;
    const next = withRoom.find((it) => it.activeLeads <= fewest);
    if (!next) break;
    turns.push(next.id);
    next.activeLeads++;
    waiting.push(...waiting.splice(waiting.indexOf(next), 1));
  }
  return turns;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
