import type { TypedEvent } from '../event-envelope.js';

export type AgentEvent = AgentRegistered | AgentRenamed | AgentCapacityChanged | AgentDeactivated | AgentReactivated;

interface AgentReference {
  /** The agent's id, chosen by the caller or generated. */
  readonly agentId: string;
}

/** An agent was registered: leads can be assigned to it. Always the first event of its stream. */
export type AgentRegistered = TypedEvent<
  'AgentRegistered',
  AgentReference & {
    /** The maximum number of active leads; null for no limit. */
    readonly capacity: number | null;
  },
  {
    /** The agent's name. */
    readonly name: string;
    /** The agent's email address. */
    readonly email: string | null;
  }
>;

/** The agent's name was changed. */
export type AgentRenamed = TypedEvent<
  'AgentRenamed',
  AgentReference,
  {
    /** The previous name. */
    readonly from: string;
    /** The new name. */
    readonly to: string;
  }
>;

/** The agent's capacity was changed. */
export type AgentCapacityChanged = TypedEvent<
  'AgentCapacityChanged',
  AgentReference & {
    /** The previous maximum number of active leads; null for no limit. */
    readonly from: number | null;
    /** The new maximum number of active leads; null for no limit. */
    readonly to: number | null;
  }
>;

/** The agent was deactivated: it gets no more leads, and its active leads are unassigned. */
export type AgentDeactivated = TypedEvent<'AgentDeactivated', AgentReference>;

/** The agent was reactivated: leads can be assigned to it again. */
export type AgentReactivated = TypedEvent<'AgentReactivated', AgentReference>;
