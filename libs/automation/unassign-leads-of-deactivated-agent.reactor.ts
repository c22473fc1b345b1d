import { agentDecider, type Agent } from '#domain/agent/agent.decide';
import type { AgentEvent } from '#domain/agent/agent.events';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { isRefusal } from '#domain/refusal';
import type { Clock } from '#commands/clock';
import { causedBy, systemActor } from '#commands/command-context';
import { agentStream } from '#commands/ids';
import { readStream, type EventStore } from '#event-store/event-store';
import type { DispatchContactCommand, Reactor } from './reactor.js';

/** An active lead and the time of its assignment. */
interface Assignment {
  readonly leadId: string;
  readonly assignedAt: string | null;
}

/** The active leads assigned to an agent before `position`, read as of that position or later. */
export type LeadsAssignedBefore = (
  org: string,
  agentId: string,
  position: Position,
  signal: AbortSignal,
) => AsyncIterable<Assignment>;

/**
 * Unassigns the active leads of a deactivated agent. Leads assigned before the deactivation are found when AgentDeactivated is
 * processed. An assignment that was decided at the same time follows it in the log, and is undone when LeadAssigned is processed.
 */
export class UnassignLeadsOfDeactivatedAgent implements Reactor {
  readonly name = 'free-leads';
  readonly eventTypes = ['AgentDeactivated', 'LeadAssigned'] as const;

  constructor(
    private readonly log: Pick<EventStore, 'read'>,
    private readonly leadsAssignedBefore: LeadsAssignedBefore,
    private readonly dispatch: DispatchContactCommand,
    private readonly clock: Clock,
  ) {}

  async react(event: RecordedEvent, signal: AbortSignal): Promise<void> {
    if (event.type === 'AgentDeactivated') {
      const { agentId } = event.data;
      for await (const { leadId, assignedAt } of this.leadsAssignedBefore(event.org, agentId, event.position, signal))
        if (assignedAt !== null) await this.unassign(leadId, agentId, assignedAt, event);
    }
    if (event.type === 'LeadAssigned') {
      const { leadId, to } = event.data;
      const agent = await this.readAgentAsOf(event.org, to, event.position);
      if (agent.known && !agent.active) await this.unassign(leadId, to, event.meta.occurredAt, event);
    }
  }

  /** The agent as it was before `position`. */
  private async readAgentAsOf(org: string, agentId: string, position: Position): Promise<Agent> {
    let agent = agentDecider.initialState;
    for await (const event of readStream(this.log, agentStream(org, agentId))) {
      if (event.position >= position) break;
      agent = agentDecider.evolve(agent, event as AgentEvent & { id: string });
    }
    return agent;
  }

  private async unassign(leadId: string, agentId: string, assignedAt: string, cause: RecordedEvent): Promise<void> {
    const { org, id, meta } = cause;
    const purpose = `${this.name} ${leadId}`;
    try {
      await this.dispatch(
        { type: 'UnassignAgent', leadId, mode: 'agent_deactivated', onlyIf: { agentId, assignedAt } },
        causedBy({ org, id, correlation: meta.correlation }, purpose, systemActor(this.name), this.clock.now()),
      );
    } catch (error) {
      // The lead has been closed since, and keeps its last agent.
      if (!isRefusal(error) || error.code !== 'lead_inactive') throw error;
    }
  }
}
