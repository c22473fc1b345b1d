export const autoAssignmentModes = ['round_robin', 'least_loaded'] as const;
export type AutoAssignmentMode = (typeof autoAssignmentModes)[number];

/** An active agent to whom leads may be assigned automatically. */
export interface AssignmentCandidate {
  readonly id: string;
  /** The maximum number of active leads; null for no limit. */
  readonly capacity: number | null;
  readonly activeLeads: number;
  /** The position of the agent's last automatic assignment; null if it never had one. */
  readonly lastAssignedPosition: string | null;
}

/**
 * THE RULE of automatic assignment: returns the agents for the next `count` leads, in order. There are fewer if all agents reach
 * their capacity. Only agents below their capacity are considered; for `least_loaded`, only those with the fewest active leads.
 * Among them, agents without an automatic assignment come first, in the given order. Next is the one with the oldest assignment.
 */
export function selectNextAgents(
  mode: AutoAssignmentMode,
  candidates: readonly AssignmentCandidate[],
  count: number,
): readonly string[] {
  const rotation = candidates
    .toSorted((a, b) => compare(a.lastAssignedPosition ?? '', b.lastAssignedPosition ?? ''))
    .map(({ id, capacity, activeLeads }) => ({ id, capacity: capacity ?? Infinity, activeLeads }));
  const selected: string[] = [];
  while (selected.length < count) {
    const available = rotation.filter((agent) => agent.activeLeads < agent.capacity);
    const maxLoad = mode === 'least_loaded' ? Math.min(...available.map((agent) => agent.activeLeads)) : Infinity;
    const next = available.find((agent) => agent.activeLeads <= maxLoad);
    if (!next) break;
    selected.push(next.id);
    next.activeLeads++;
    rotation.push(...rotation.splice(rotation.indexOf(next), 1));
  }
  return selected;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
