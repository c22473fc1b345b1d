import type { FollowUp } from '#domain/lead/lead.state';
import type { Table, View } from '#read-model/view';
import { agentNames } from '../agent-names.js';

/** A follow-up with its lead and contact. */
export interface FollowUpRow extends FollowUp {
  readonly org: string;
  readonly leadId: string;
  readonly contactId: string;
}

const itself = ({ data }: { readonly data: { readonly followUpId: string } }): readonly string[] => [data.followUpId];

const followUps: Table<FollowUpRow> = {
  keys: {
    FollowUpCreated: itself,
    FollowUpRescheduled: itself,
    FollowUpCompleted: itself,
    FollowUpCancelled: itself,
    LeadAssigned: ({ data }) => data.followUps,
  },

  evolve(row, event) {
    const at = event.meta.occurredAt;
    if (event.type === 'FollowUpCreated') {
      const { followUpId: id, leadId, dueAt, assigneeId } = event.data;
      const created = { state: 'open', createdAt: at, closedAt: null, closedReason: null } as const;
      return { org: event.org, leadId, id, dueAt, assigneeId, ...event.personal, ...created };
    }
    if (!row) return undefined;
    if (event.type === 'FollowUpRescheduled') return { ...row, dueAt: event.data.to };
    if (event.type === 'LeadAssigned') return { ...row, assigneeId: event.data.to };
    if (event.type === 'FollowUpCompleted') return { ...row, state: 'completed', closedAt: at, closedReason: null };
    if (event.type !== 'FollowUpCancelled') return row;
    const closedReason = event.data.why === 'lead_inactive' ? event.data.why : event.personal.reason;
    return { ...row, state: 'cancelled', closedAt: at, closedReason };
  },

  columns: {
    org: (row) => row.org,
    leadId: (row) => row.leadId,
    assigneeId: (row) => row.assigneeId,
    assigned: (row) => (row.assigneeId === null ? 0 : 1),
    state: (row) => row.state,
    dueAt: (row) => row.dueAt,
  },

  indexes: [
    { equal: ['org'], sort: 'dueAt' },
    { equal: ['org', 'state'], sort: 'dueAt' },
    { equal: ['org', 'assigneeId'], sort: 'dueAt' },
    { equal: ['org', 'assigneeId', 'state'], sort: 'dueAt' },
    { equal: ['org', 'leadId'], sort: 'dueAt' },
  ],
};

export const followUpsView: View = { name: 'follow-ups', version: 1, tables: { followUps, agents: agentNames } };
