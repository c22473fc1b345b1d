import type { AssignmentQueue } from '#automation/assign-leads.reactor';
import type { Position } from '#domain/event-envelope';
import { Unavailable, type EventStore } from '#event-store/event-store';
import { agentsView } from '#projections/agents/agents.projection';
import { countActiveLeadsOfAgent, listActiveAgents } from '#projections/agents/agents.query';
import { waitingLeadsView } from '#projections/waiting-leads/waiting-leads.projection';
import { findLastAutoAssignment, listLongestWaiting } from '#projections/waiting-leads/waiting-leads.query';
import type { ViewReader, ViewStore } from '#read-model/view-store';
import { waitForPosition } from '#read-model/wait-for-position';

const timeoutMs = 30_000;

/** Reads waiting leads and the last automatic assignments from one view, and the agents' capacity and load from another. */
export async function openAssignmentQueue(log: Pick<EventStore, 'start'>, store: ViewStore): Promise<AssignmentQueue> {
  const [waiting, agents] = [await store.openForReading(waitingLeadsView), await store.openForReading(agentsView)];
  const waitFor = async (reader: ViewReader, position: Position, signal: AbortSignal): Promise<void> => {
    const isReached = position === log.start || (await waitForPosition(reader, position, timeoutMs, signal));
    if (!isReached) throw new Unavailable('a view that automatic assignment reads is behind');
  };
  return {
    async waitForPosition(position, signal) {
      await Promise.all([waitFor(waiting, position, signal), waitFor(agents, position, signal)]);
    },
    longestWaiting: (org, limit) => listLongestWaiting(waiting, org, limit),
    async activeAgents(org, signal) {
      const found = await listActiveAgents(agents, org);
      const lastAssignments = await Promise.all(found.map(({ id }) => findLastAutoAssignment(waiting, org, id)));
      // The agents view must include the last assignments, or it would count too few leads.
      const newest = lastAssignments.reduce<Position>(
        (last, position) => (position !== null && position > last ? position : last),
        log.start,
      );
      await waitFor(agents, newest, signal);
      const loads = await Promise.all(found.map(({ id }) => countActiveLeadsOfAgent(agents, org, id)));
      return found.map((agent, index) => ({
        ...agent,
        activeLeads: loads[index]!,
        lastAssignedPosition: lastAssignments[index]!,
      }));
    },
  };
}
