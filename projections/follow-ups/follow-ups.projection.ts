import type { FollowUp } from '#domain/lead/lead.state';
import type { EventType, RecordedEvent } from '#domain/event';
import type { Position } from '#domain/event-envelope';
import type { Table, View } from '#read-model/view';
import { agentNames } from '../agent-names.js';

/** A follow-up with its lead and contact. */
export interface FollowUpRow extends FollowUp {
  readonly org: string;
  readonly leadId: string;
  readonly contactId: string;
  /** The event that says when it is due. */
  readonly dueBy: DueDateEvent;
}

export interface DueDateEvent {
  readonly id: string;
  readonly type: EventType;
  readonly position: Position;
  readonly correlation: string;
}

const dueBy = ({ id, type, position, meta }: RecordedEvent): DueDateEvent => ({
  id,
  type,
  position,
  correlation: meta.correlation,
});

const itself = ({ data }: { readonly data: { readonly followUpId: string } }): readonly string[] => [data.followUpId];

const followUps: Table<FollowUpRow> = {
  keys: {
    FollowUpCreated: itself,
    FollowUpRescheduled: itself,
    FollowUpReminded: itself,
    FollowUpCompleted: itself,
    FollowUpCancelled: itself,
    LeadAssigned: ({ data }) => data.followUps,
  },
  createdBy: ['FollowUpCreated'],

  evolve(row, event) {
    const at = event.meta.occurredAt;
    if (event.type === 'FollowUpCreated') {
      const { followUpId: id, leadId, dueAt, assigneeId } = event.data;
      const created = { state: 'open', createdAt: at, closedAt: null, closedReason: null, remindedAt: null } as const;
      return { org: event.org, leadId, id, dueAt, dueBy: dueBy(event), assigneeId, ...event.personal, ...created };
    }
    if (!row) return undefined;
    if (event.type === 'FollowUpRescheduled')
      return { ...row, dueAt: event.data.to, dueBy: dueBy(event), remindedAt: null };
    if (event.type === 'FollowUpReminded') return { ...row, remindedAt: at };
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
    remindAt: (row) => (row.state === 'open' && row.remindedAt === null ? row.dueAt : null),
  },

  indexes: [
    { prefix: ['org'], sort: 'dueAt' },
    { prefix: ['org', 'state'], sort: 'dueAt' },
    { prefix: ['org', 'assigneeId'], sort: 'dueAt' },
    { prefix: ['org', 'assigneeId', 'state'], sort: 'dueAt' },
    { prefix: ['org', 'leadId'], sort: 'dueAt' },
    // Of all organizations: what the clock is to remind of.
    { prefix: [], sort: 'remindAt', where: { state: 'open' } },
  ],
};

export const followUpsView: View = { name: 'follow-ups', version: 2, tables: { followUps, agents: agentNames } };
