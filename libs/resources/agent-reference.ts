export interface AgentReference {
  readonly id: string;
  /** Null if the agent's name is not known yet. */
  readonly name: string | null;
}

/** Returns an agent's name; null if it is unknown. */
export type AgentNameResolver = (agentId: string) => string | null;

export const toAgentReference = (agentId: string | null, nameOf: AgentNameResolver): AgentReference | null =>
  agentId === null ? null : { id: agentId, name: nameOf(agentId) };
