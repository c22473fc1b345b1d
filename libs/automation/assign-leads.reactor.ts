import { selectNextAgents, type AutoAssignmentMode, type AssignmentCandidate } from '#domain/agent/agent.rotation';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { isFinal } from '#domain/lead/lead.vocabulary';
import { isRefusal } from '#domain/refusal';
import type { Clock } from '#commands/clock';
import { causedBy, systemActor } from '#commands/command-context';
import type { EventStore } from '#event-store/event-store';
import type { DispatchContactCommand, Reactor } from './reactor.js';

/** An active lead without an agent. */
export interface QueuedLead {
  readonly leadId: string;
  readonly waitingSince: string;
}

/** The leads that wait for an agent, and the agents, as views report them. */
export interface AssignmentQueue {
  /** Resolves once all methods read data as of `position` or later. @throws Unavailable if this takes too long */
  waitForPosition(position: Position, signal: AbortSignal): Promise<void>;
  /** The leads that have waited longest, longest first. */
  longestWaiting(org: string, limit: number): Promise<readonly QueuedLead[]>;
  /**
   * The active agents in order of registration. Must be called after `longestWaiting`: it then counts the assignments of all leads
   * that had already left the queue.
   */
  activeAgents(org: string, signal: AbortSignal): Promise<readonly AssignmentCandidate[]>;
}

/** The maximum number of leads that one pass over the queue assigns. */
const maxLeadsPerPass = 100;

/**
 * Assigns waiting leads to agents, longest waiting first, as soon as an agent has capacity. Every event that can lengthen the
 * queue or free capacity triggers passes over the queue, until no lead waits or no agent has capacity.
 *
 * Workers that overlap read the same queue and select the same agents. An assignment takes effect only if its lead still waits.
 * Otherwise another worker was faster, and the rest of the pass is dropped. This keeps the agents in the order of their rotation.
 */
export class AssignLeads implements Reactor {
  readonly name = 'assign-leads';
  readonly eventTypes = [
    'LeadOpened',
    'LeadAssigned',
    'LeadUnassigned',
    'LeadStatusChanged',
    'AgentRegistered',
    'AgentReactivated',
    'AgentCapacityChanged',
  ] as const;
  /** By organization: events up to this position need no further pass. So a backlog of events costs one pass instead of one each. */
  private readonly processedUpTo = new Map<string, Position>();

  constructor(
    private readonly mode: AutoAssignmentMode,
    private readonly log: Pick<EventStore, 'head'>,
    private readonly queue: AssignmentQueue,
    private readonly dispatch: DispatchContactCommand,
    private readonly clock: Clock,
  ) {}

  async react(event: RecordedEvent, signal: AbortSignal): Promise<void> {
    if (!mayAllowAssignment(event) || event.position <= (this.processedUpTo.get(event.org) ?? '')) return;
    while (!signal.aborted) {
      const head = await this.log.head();
      await this.queue.waitForPosition(head, signal);
      if (!(await this.runPass(event, signal))) {
        this.processedUpTo.set(event.org, head);
        return;
      }
    }
  }

  /** Returns false if no lead waits or no agent has capacity. */
  private async runPass(cause: RecordedEvent, signal: AbortSignal): Promise<boolean> {
    const { org } = cause;
    const leads = await this.queue.longestWaiting(org, maxLeadsPerPass);
    if (leads.length === 0) return false;
    const agentIds = selectNextAgents(this.mode, await this.queue.activeAgents(org, signal), leads.length);
    for (const [index, agentId] of agentIds.entries())
      if (signal.aborted || !(await this.assign(leads[index]!, agentId, cause))) break;
    return agentIds.length > 0;
  }

  /** Returns false if the views were behind, so that the lead has an agent or is closed, or the agent is inactive. */
  private async assign({ leadId, waitingSince }: QueuedLead, agentId: string, cause: RecordedEvent): Promise<boolean> {
    const { org, id, meta } = cause;
    const purpose = `${this.name} ${leadId} ${waitingSince} ${agentId}`;
    try {
      const { body } = await this.dispatch(
        {
          type: 'AssignAgent',
          leadId,
          agentId,
          mode: this.mode,
          moveFollowUps: true,
          note: null,
          onlyIf: { waitingSince },
        },
        causedBy({ org, id, correlation: meta.correlation }, purpose, systemActor(this.name), this.clock.now()),
      );
      return body.changed === true;
    } catch (error) {
      if (isRefusal(error)) return false;
      throw error;
    }
  }
}

/** Whether the event may have added a lead to the queue or freed capacity. */
function mayAllowAssignment(event: RecordedEvent): boolean {
  if (event.type === 'LeadStatusChanged') return isFinal(event.data.to);
  // An assignment frees capacity only if there was a previous agent.
  if (event.type === 'LeadAssigned') return event.data.from !== null;
  return true;
}
