import type { AssignmentQueue } from '#automation/assign-leads.reactor';
import type { Position } from '#domain/event';
import { Unavailable, type EventStore } from '#event-store/event-store';
import { agentsView } from '#projections/agents/agents.projection';
import { listActiveAgents, countLeadsOfAgent } from '#projections/agents/agents.query';
import { waitingLeadsView } from '#projections/waiting-leads/waiting-leads.projection';
import { findLastRotation, listLongestWaiting } from '#projections/waiting-leads/waiting-leads.query';
import type { ViewReader, ViewStore } from '#read-model/view-store';
import { waitForPosition } from '#read-model/wait-for-position';

/** What automatic assignment looks at: one view tells who waits and whose the last turns were, another one who has room. */
export async function openAssignmentQueue(log: Pick<EventStore, 'start'>, store: ViewStore): Promise<AssignmentQueue> {
  const [waiting, agents] = [await store.openForReading(waitingLeadsView), await store.openForReading(agentsView)];
  const reach = async (reader: ViewReader, position: Position, signal: AbortSignal): Promise<void> => {
    const isThere = position === log.start || (await waitForPosition(reader, position, 30_000, signal));
    if (!isThere) throw new Unavailable('a view that automatic assignment looks at is behind');
  };
  return {
    async waitForPosition(position, signal) {
      await Promise.all([reach(waiting, position, signal), reach(agents, position, signal)]);
    },
    longestWaiting: (org, most) => listLongestWaiting(waiting, org, most),
    async activeAgents(org, signal) {
      const found = await listActiveAgents(agents, org);
      const turns = await Promise.all(found.map(({ id }) => findLastRotation(waiting, org, id)));
      // The other view may not have met the last of these turns yet, and would count too few leads.
      const newest = turns.reduce<Position>((last, it) => (it !== null && it > last ? it : last), log.start);
      await reach(agents, newest, signal);
      const loads = await Promise.all(found.map(({ id }) => countLeadsOfAgent(agents, org, id)));
      return found.map((it, nth) => ({ ...it, activeLeads: loads[nth]!, lastAssignedPosition: turns[nth]! }));
    },
  };
}
