import type { TypedEvent } from '../event.js';

export type AgentEvent = AgentRegistered | AgentRenamed | AgentCapacityChanged | AgentDeactivated | AgentReactivated;

/** First event of the stream: somebody to whom leads can be assigned. */
export type AgentRegistered = TypedEvent<
  'AgentRegistered',
  {
    /** The agent's id, as callers name it. */
    agentId: string;
    /** How many active leads the agent has room for; null is no limit. */
    capacity: number | null;
  },
  {
    /** What the agent is called. */
    name: string;
    /** The agent's email. */
    email: string | null;
  }
>;
/** The agent is called otherwise from now on. */
export type AgentRenamed = TypedEvent<
  'AgentRenamed',
  { agentId: string },
  {
    /** The name before. */
    from: string;
    /** The name from now on. */
    to: string;
  }
>;
/** The agent has room for more or fewer leads. */
export type AgentCapacityChanged = TypedEvent<
  'AgentCapacityChanged',
  {
    agentId: string;
    /** The capacity before. */
    from: number | null;
    /** The capacity from now on. */
    to: number | null;
  }
>;
/** The agent gets no more leads, and those that are active are freed. */
export type AgentDeactivated = TypedEvent<'AgentDeactivated', { agentId: string }>;
/** The agent can be assigned leads again. */
export type AgentReactivated = TypedEvent<'AgentReactivated', { agentId: string }>;
