import type { Decider } from '../decider.js';
import type { NewEvent } from '../event.js';
import { refuse } from '../refusal.js';
import type { AgentEvent } from './agent.events.js';

export type AgentCommand = RegisterAgent | ChangeAgent;

/** `capacity`: how many active leads the agent has room for, from 0; null is no limit. */
export interface RegisterAgent {
  readonly type: 'RegisterAgent';
  readonly agentId: string;
  readonly name: string;
  readonly email: string | null;
  readonly capacity: number | null;
}

/** What is left out stays as it is. */
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
  /** How many events the agent has. */
  readonly version: number;
}

export const agentDecider: Decider<Agent, AgentCommand, AgentEvent> = {
  initialState: { known: false },
  evolve: evolveAgent,
  decide(command, state): readonly NewEvent<AgentEvent>[] {
    const { agentId } = command;
    switch (command.type) {
      case 'RegisterAgent': {
        if (state.known) throw refuse('agent_exists', { agentId });
        const { name, email, capacity } = command;
        return [{ type: 'AgentRegistered', data: { agentId, capacity }, personal: { name, email } }];
      }
      case 'ChangeAgent': {
        if (!state.known) throw refuse('not_found', { what: 'agent' });
        const { name = state.name, capacity = state.capacity, active = state.active } = command;
        const events: NewEvent<AgentEvent>[] = [];
        if (name !== state.name)
          events.push({ type: 'AgentRenamed', data: { agentId }, personal: { from: state.name, to: name } });
        if (capacity !== state.capacity)
          events.push({ type: 'AgentCapacityChanged', data: { agentId, from: state.capacity, to: capacity } });
        if (active !== state.active)
          events.push({ type: active ? 'AgentReactivated' : 'AgentDeactivated', data: { agentId } });
        return events;
      }
    }
  },
};

export function evolveAgent(state: Agent, event: AgentEvent): Agent {
  if (event.type === 'AgentRegistered') {
    if (state.known) return state;
    const { agentId: id, capacity } = event.data;
    return { known: true, id, ...event.personal, capacity, active: true, createdAt: event.meta.occurredAt, version: 1 };
  }
  if (!state.known) return state;
  const moved = { ...state, version: state.version + 1 };
  switch (event.type) {
    case 'AgentRenamed':
      return { ...moved, name: event.personal.to };
    case 'AgentCapacityChanged':
      return { ...moved, capacity: event.data.to };
    case 'AgentDeactivated':
      return { ...moved, active: false };
    case 'AgentReactivated':
      return { ...moved, active: true };
    default:
      return state;
  }
}
