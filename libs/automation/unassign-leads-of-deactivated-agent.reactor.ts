import { agentDecider, type Agent } from '#domain/agent/agent.decide';
import type { AgentEvent } from '#domain/agent/agent.events';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { isRefusal } from '#domain/refusal';
import type { Clock } from '#commands/clock';
import { causedBy, systemActor } from '#commands/command-context';
import { agentStream } from '#commands/ids';
import type { EventStore } from '#event-store/event-store';
import type { DispatchContactCommand, Reactor } from './reactor.js';

/** An active lead and the assignment that it was found with. */
interface Assignment {
  readonly leadId: string;
  readonly assignedAt: string | null;
}

/** Active leads assigned to an agent before a position, as of that position or later. */
export type LeadsAssignedBefore = (
  org: string,
  agentId: string,
  position: Position,
  signal: AbortSignal,
) => AsyncIterable<Assignment>;

/**
 * Deactivating an agent frees its active leads. Those assigned before are found when the deactivation is met in the log; one
 * that was being assigned in that moment stands behind it in the log, and is freed when its assignment is met.
 */
export class UnassignLeadsOfDeactivatedAgent implements Reactor {
  readonly name = 'free-leads';
  readonly eventTypes = ['AgentDeactivated', 'LeadAssigned'] as const;

  constructor(
    private readonly log: Pick<EventStore, 'read'>,
    private readonly assignedBefore: LeadsAssignedBefore,
    private readonly ask: DispatchContactCommand,
    private readonly clock: Clock,
  ) {}

  async react(event: RecordedEvent, signal: AbortSignal): Promise<void> {
    if (event.type === 'AgentDeactivated') {
      const { agentId } = event.data;
      for await (const { leadId, assignedAt } of this.assignedBefore(event.org, agentId, event.position, signal))
        if (assignedAt !== null) await this.free(leadId, agentId, assignedAt, event);
    }
    if (event.type === 'LeadAssigned') {
      const { leadId, to } = event.data;
      const at = await this.agentAt(event.org, to, event.position);
      if (at.known && !at.active) await this.free(leadId, to, event.meta.occurredAt, event);
    }
  }

  /** What the log said of the agent before a position. */
  private async agentAt(org: string, agentId: string, position: Position): Promise<Agent> {
    let state = agentDecider.initialState;
    for (let version = 0; ;) {
      const events = await this.log.read(agentStream(org, agentId), version, 1_000);
      for (const event of events)
        if (event.position < position) state = agentDecider.evolve(state, event as AgentEvent & { id: string });
      version += events.length;
      if (events.length < 1_000) return state;
    }
  }

  private async free(leadId: string, agentId: string, assignedAt: string, cause: RecordedEvent): Promise<void> {
    const { org, id, meta } = cause;
    try {
      await this.ask(
        { type: 'UnassignAgent', leadId, mode: 'agent_deactivated', onlyIf: { agentId, assignedAt } },
        causedBy(
          { org, id, correlation: meta.correlation },
          `${this.name} ${leadId}`,
          systemActor(this.name),
          this.clock.now(),
        ),
      );
    } catch (error) {
      // Closed meanwhile: the last agent stays on record.
      if (!isRefusal(error) || error.code !== 'lead_inactive') throw error;
    }
  }
}
