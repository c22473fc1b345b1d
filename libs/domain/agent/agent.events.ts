import type { Fact } from '../event.js';

export type AgentEvent = AgentRegistered | AgentRenamed | AgentCapacityChanged | AgentDeactivated | AgentReactivated;

/** `capacity`: how many active leads the agent has room for; null is no limit. */
export type AgentRegistered = Fact<
  'AgentRegistered',
  { agentId: string; capacity: number | null },
  { name: string; email: string | null }
>;
export type AgentRenamed = Fact<'AgentRenamed', { agentId: string }, { from: string; to: string }>;
export type AgentCapacityChanged = Fact<
  'AgentCapacityChanged',
  { agentId: string; from: number | null; to: number | null }
>;
export type AgentDeactivated = Fact<'AgentDeactivated', { agentId: string }>;
export type AgentReactivated = Fact<'AgentReactivated', { agentId: string }>;
