import { createDecide, createEvolve, type Decider, type Decisions, type Evolutions } from '../decider.js';
import type { NewEvent } from '../event-envelope.js';
import { refuse } from '../refusal.js';
import type { AgentEvent, AgentRegistered } from './agent.events.js';

export type AgentCommand = RegisterAgent | ChangeAgent;

export interface RegisterAgent {
  readonly type: 'RegisterAgent';
  readonly agentId: string;
  readonly name: string;
  readonly email: string | null;
  /** The maximum number of active leads, from 0; null for no limit. */
  readonly capacity: number | null;
}

/** Omitted fields keep their values. */
export interface ChangeAgent {
  readonly type: 'ChangeAgent';
  readonly agentId: string;
  readonly name?: string;
  readonly capacity?: number | null;
  readonly active?: boolean;
}

export type Agent = UnknownAgent | KnownAgent;

export interface UnknownAgent {
  readonly known: false;
}

export interface KnownAgent {
  readonly known: true;
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly capacity: number | null;
  readonly active: boolean;
  readonly createdAt: string;
  /** The number of the agent's events. */
  readonly version: number;
}

const decisions: Decisions<Agent, AgentCommand, AgentEvent> = {
  RegisterAgent({ agentId, name, email, capacity }, agent) {
    if (agent.known) throw refuse('agent_exists', { agentId });
    return [{ type: 'AgentRegistered', data: { agentId, capacity }, personal: { name, email } }];
  },

  ChangeAgent(command, agent) {
    if (!agent.known) throw refuse('not_found', { what: 'agent' });
    const { agentId, name = agent.name, capacity = agent.capacity, active = agent.active } = command;
    const events: NewEvent<AgentEvent>[] = [];
    if (name !== agent.name)
      events.push({ type: 'AgentRenamed', data: { agentId }, personal: { from: agent.name, to: name } });
    if (capacity !== agent.capacity)
      events.push({ type: 'AgentCapacityChanged', data: { agentId, from: agent.capacity, to: capacity } });
    if (active !== agent.active)
      events.push({ type: active ? 'AgentReactivated' : 'AgentDeactivated', data: { agentId } });
    return events;
  },
};

const evolutions: Evolutions<KnownAgent, AgentEvent> = {
  AgentRegistered: (agent) => agent,
  AgentRenamed: (agent, event) => changed(agent, { name: event.personal.to }),
  AgentCapacityChanged: (agent, event) => changed(agent, { capacity: event.data.to }),
  AgentDeactivated: (agent) => changed(agent, { active: false }),
  AgentReactivated: (agent) => changed(agent, { active: true }),
};
const evolveKnownAgent = createEvolve(evolutions);

const changed = (agent: KnownAgent, changes: Partial<KnownAgent>): KnownAgent => ({
  ...agent,
  ...changes,
  version: agent.version + 1,
});

export function evolveAgent(agent: Agent, event: AgentEvent): Agent {
  if (agent.known) return evolveKnownAgent(agent, event);
  return event.type === 'AgentRegistered' ? registeredAgent(event) : agent;
}

const registeredAgent = ({ data, personal, meta }: AgentRegistered): KnownAgent => ({
  known: true,
  id: data.agentId,
  name: personal.name,
  email: personal.email,
  capacity: data.capacity,
  active: true,
  createdAt: meta.occurredAt,
  version: 1,
});

export const agentDecider: Decider<Agent, AgentCommand, AgentEvent> = {
  initialState: { known: false },
  decide: createDecide(decisions),
  evolve: evolveAgent,
};
