import { evolveAgent, type KnownAgent } from '#domain/agent/agent.decide';
import type { AgentEvent } from '#domain/agent/agent.events';
import type { RecordedEvent } from '#domain/event';
import { isFinal } from '#domain/lead/lead.vocabulary';
import type { Table, View } from '#read-model/view';

export interface AgentRow {
  readonly org: string;
  readonly agent: KnownAgent;
}

/** Whose an active lead is, and since when: what an agent's number of leads is counted over. */
export interface LeadOfAgent {
  readonly org: string;
  readonly leadId: string;
  readonly active: boolean;
  readonly agentId: string | null;
  readonly assignedAt: string | null;
  /** Where in the log the assignment stands. */
  readonly assignedIn: string | null;
}

export const agentKey = (org: string, agentId: string): string => `${org}/${agentId}`;

const itself = ({ org, data }: RecordedEvent<AgentEvent['type']>): readonly string[] => [agentKey(org, data.agentId)];
const ofLead = ({ data }: { readonly data: { readonly leadId: string } }): readonly string[] => [data.leadId];

const agents: Table<AgentRow> = {
  keys: {
    AgentRegistered: itself,
    AgentRenamed: itself,
    AgentCapacityChanged: itself,
    AgentDeactivated: itself,
    AgentReactivated: itself,
  },
  evolve(row, event) {
    const agent = evolveAgent(row?.agent ?? { known: false }, event as AgentEvent);
    return agent.known ? { org: event.org, agent } : row;
  },
  columns: {
    org: (row) => row.org,
    active: ({ agent }) => (agent.active ? 1 : 0),
    createdAt: ({ agent }) => agent.createdAt,
  },
  indexes: [
    { prefix: ['org'], sort: 'createdAt' },
    { prefix: ['org', 'active'], sort: 'createdAt' },
  ],
};

const leads: Table<LeadOfAgent> = {
  keys: { LeadAssigned: ofLead, LeadUnassigned: ofLead, LeadStatusChanged: ofLead },
  evolve(row, event) {
    const { org } = event;
    if (event.type === 'LeadAssigned') {
      const { leadId, to: agentId } = event.data;
      return { org, leadId, active: true, agentId, assignedAt: event.meta.occurredAt, assignedIn: event.position };
    }
    if (!row) return undefined;
    if (event.type === 'LeadUnassigned') return { ...row, agentId: null, assignedAt: null, assignedIn: null };
    return event.type === 'LeadStatusChanged' && isFinal(event.data.to) ? { ...row, active: false } : row;
  },
  columns: {
    org: (row) => row.org,
    agentId: (row) => row.agentId,
    active: (row) => (row.active ? 1 : 0),
    assignedIn: (row) => row.assignedIn,
  },
  indexes: [{ prefix: ['org', 'agentId', 'active'], sort: 'assignedIn' }],
};

export const agentsView: View = { name: 'agents', version: 1, tables: { agents, leads } };
