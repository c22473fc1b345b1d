import { selectNextAgents, type AutoAssignmentMode, type AssignmentCandidate } from '#domain/agent/agent.rotation';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { isFinal } from '#domain/lead/lead.vocabulary';
import { isRefusal } from '#domain/refusal';
import type { Clock } from '#commands/clock';
import { causedBy, systemActor } from '#commands/command-context';
import type { EventStore } from '#event-store/event-store';
import type { DispatchContactCommand, Reactor } from './reactor.js';

/** A lead that waits for an agent, and since when. */
export interface QueuedLead {
  readonly leadId: string;
  readonly waitingSince: string;
}

/** The queue of leads that wait, and the agents they wait for, as the views tell them. */
export interface AssignmentQueue {
  /** Resolves when all that is told here is as of this position, or later. @throws Unavailable when it takes too long */
  waitForPosition(position: Position, signal: AbortSignal): Promise<void>;
  /** Those that wait longest, first. */
  longestWaiting(org: string, most: number): Promise<readonly QueuedLead[]>;
  /**
   * The active agents in the order of their registration. Asked after the queue: every turn of a lead that no longer stood there
   * is counted.
   */
  activeAgents(org: string, signal: AbortSignal): Promise<readonly AssignmentCandidate[]>;
}

/** How many leads are given a turn at one look. */
const atOnce = 100;

/**
 * Leads that wait for an agent get one, the oldest first, as soon as anybody has room. Whatever may change the queue or the room
 * is met in the log; then the queue is served until nobody waits or nobody has room.
 *
 * Workers that overlap look at the same queue and find the same turns. Each assignment is made only if its lead still waits; where
 * it does not, somebody else was here, and the rest of that look is dropped. So no turn is given twice.
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
  /** By organization: all that was so up to here has been served. A backlog of events costs one look, not one each. */
  private readonly served = new Map<string, Position>();

  constructor(
    private readonly mode: AutoAssignmentMode,
    private readonly log: Pick<EventStore, 'head'>,
    private readonly room: AssignmentQueue,
    private readonly ask: DispatchContactCommand,
    private readonly clock: Clock,
  ) {}

  async react(event: RecordedEvent, signal: AbortSignal): Promise<void> {
    if (!mayServe(event) || event.position <= (this.served.get(event.org) ?? '')) return;
    while (!signal.aborted) {
      // What is looked at is as new as the log, so that events that are behind need no look of their own.
      const head = await this.log.head();
      await this.room.waitForPosition(head, signal);
      if (!(await this.serve(event, signal))) {
        this.served.set(event.org, head);
        return;
      }
    }
  }

  /** False: nobody waits, or nobody has room. */
  private async serve(cause: RecordedEvent, signal: AbortSignal): Promise<boolean> {
    const { org } = cause;
    const queue = await this.room.longestWaiting(org, atOnce);
    if (queue.length === 0) return false;
    const turns = selectNextAgents(this.mode, await this.room.activeAgents(org, signal), queue.length);
    for (const [nth, agentId] of turns.entries())
      if (signal.aborted || !(await this.assign(queue[nth]!, agentId, cause))) break;
    return turns.length > 0;
  }

  /** False: it was not so any more; the lead has an agent by now or is closed, or the agent has left. */
  private async assign({ leadId, waitingSince }: QueuedLead, agentId: string, cause: RecordedEvent): Promise<boolean> {
    const { org, id, meta } = cause;
    const only = { waitingSince };
    const what = `${this.name} ${leadId} ${waitingSince} ${agentId}`;
    try {
      const { body } = await this.ask(
        { type: 'AssignAgent', leadId, agentId, mode: this.mode, moveFollowUps: true, note: null, onlyIf: only },
        causedBy({ org, id, correlation: meta.correlation }, what, systemActor(this.name), this.clock.now()),
      );
      return (body as { readonly changed?: boolean }).changed === true;
    } catch (error) {
      if (isRefusal(error)) return false;
      throw error;
    }
  }
}

/** Whether it may have made a lead wait, or room for one. */
function mayServe(event: RecordedEvent): boolean {
  if (event.type === 'LeadStatusChanged') return isFinal(event.data.to);
  // Only who had the lead before has room for another one now.
  if (event.type === 'LeadAssigned') return event.data.from !== null;
  return true;
}
