import { evolveAgent, type KnownAgent } from '#domain/agent/agent.decide';
import type { RecordedEvent } from '#domain/event';
import { isFinal } from '#domain/lead/lead.vocabulary';
import { defineTable, defineView, type EventHandler } from '#read-model/view';
import { broadcastEvents, bulkEvents, contactEvents, exportEvents, messageEvents } from '../event-families.js';
import { leadKey } from '../row-keys.js';

/** Contains the agent as `evolveAgent` folds it. */
export interface AgentRow {
  readonly org: string;
  readonly agent: KnownAgent;
}

/** A lead that was ever assigned. An agent's active leads are counted over these rows. */
export interface AssignedLead {
  readonly org: string;
  readonly leadId: string;
  readonly active: boolean;
  readonly agentId: string | null;
  readonly assignedAt: string | null;
  /** Position of the assignment. It separates leads assigned before a deactivation from those assigned after a reactivation. */
  readonly assignedIn: string | null;
}

export const agentKey = (org: string, agentId: string): string => `${org}/${agentId}`;

type AgentFoldEvent = RecordedEvent<Parameters<typeof evolveAgent>[1]['type']>;

const foldAgent: EventHandler<AgentRow, AgentFoldEvent> = {
  key: ({ org, data }) => agentKey(org, data.agentId),
  apply: (row, event) => {
    const agent = evolveAgent(row?.agent ?? { known: false }, event);
    return agent.known ? { org: event.org, agent } : row;
  },
};

const agents = defineTable<AgentRow, AgentFoldEvent['type']>()({
  on: {
    AgentRegistered: foldAgent,
    AgentRenamed: foldAgent,
    AgentCapacityChanged: foldAgent,
    AgentDeactivated: foldAgent,
    AgentReactivated: foldAgent,
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
});

const leads = defineTable<AssignedLead>()({
  on: {
    LeadAssigned: {
      key: leadKey,
      apply: (_, { org, data, meta, position }) => ({
        org,
        leadId: data.leadId,
        active: true,
        agentId: data.to,
        assignedAt: meta.occurredAt,
        assignedIn: position,
      }),
    },
    LeadUnassigned: {
      key: leadKey,
      apply: (row) => row && { ...row, agentId: null, assignedAt: null, assignedIn: null },
    },
    LeadStatusChanged: {
      key: leadKey,
      apply: (row, event) => (row && isFinal(event.data.to) ? { ...row, active: false } : row),
    },
  },
  columns: {
    org: (row) => row.org,
    agentId: (row) => row.agentId,
    active: (row) => (row.active ? 1 : 0),
    assignedIn: (row) => row.assignedIn,
  },
  indexes: [{ prefix: ['org', 'agentId', 'active'], sort: 'assignedIn' }],
});

export const agentsView = defineView({
  name: 'agents',
  version: 1,
  tables: { agents, leads },
  ignores: [
    ...contactEvents,
    'LeadOpened',
    'InteractionRecorded',
    'OutboundMessageRecorded',
    'LeadScored',
    'ScoreSuggested',
    'ScoreUnpinned',
    'AiResultDropped',
    'QualificationFailed',
    'FollowUpCreated',
    'FollowUpRescheduled',
    'FollowUpReminded',
    'FollowUpCompleted',
    'FollowUpCancelled',
    ...broadcastEvents,
    ...messageEvents,
    ...bulkEvents,
    ...exportEvents,
  ],
});
