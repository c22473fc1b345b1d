import type { FollowUp } from '#domain/lead/lead.state';
import type { EventType, RecordedEvent } from '#domain/event';
import type { Position } from '#domain/event-envelope';
import { defineTable, defineView } from '#read-model/view';
import { agentNames } from '../agent-names.js';
import { broadcastEvents, bulkEvents, contactEvents, exportEvents, messageEvents } from '../event-families.js';
import { followUpKey } from '../row-keys.js';

export interface FollowUpRow extends FollowUp {
  readonly org: string;
  readonly leadId: string;
  readonly contactId: string;
  /** The event that set `dueAt`. */
  readonly dueBy: DueDateEvent;
}

export interface DueDateEvent {
  readonly id: string;
  readonly type: EventType;
  readonly position: Position;
  readonly correlation: string;
}

const toDueDateEvent = ({ id, type, position, meta }: RecordedEvent): DueDateEvent => ({
  id,
  type,
  position,
  correlation: meta.correlation,
});

const followUps = defineTable<FollowUpRow>()({
  on: {
    FollowUpCreated: {
      key: followUpKey,
      apply: (_, event) => {
        const { followUpId: id, leadId, dueAt, assigneeId } = event.data;
        return {
          org: event.org,
          leadId,
          id,
          dueAt,
          dueBy: toDueDateEvent(event),
          assigneeId,
          ...event.personal,
          state: 'open',
          createdAt: event.meta.occurredAt,
          closedAt: null,
          closedReason: null,
          remindedAt: null,
        };
      },
    },
    FollowUpRescheduled: {
      key: followUpKey,
      apply: (row, event) => row && { ...row, dueAt: event.data.to, dueBy: toDueDateEvent(event), remindedAt: null },
    },
    FollowUpReminded: {
      key: followUpKey,
      apply: (row, event) => row && { ...row, remindedAt: event.meta.occurredAt },
    },
    FollowUpCompleted: {
      key: followUpKey,
      apply: (row, event) => row && { ...row, state: 'completed', closedAt: event.meta.occurredAt, closedReason: null },
    },
    FollowUpCancelled: {
      key: followUpKey,
      apply: (row, { data, personal, meta }) => {
        const closedReason = data.why === 'lead_inactive' ? data.why : personal.reason;
        return row && { ...row, state: 'cancelled', closedAt: meta.occurredAt, closedReason };
      },
    },
    LeadAssigned: {
      key: ({ data }) => data.followUps,
      apply: (row, event) => row && { ...row, assigneeId: event.data.to },
    },
  },
  createdBy: ['FollowUpCreated'],

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
    // For the scheduler, which looks for due reminders of all organizations.
    { prefix: [], sort: 'remindAt', where: { state: 'open' } },
  ],
});

export const followUpsView = defineView({
  name: 'follow-ups',
  version: 2,
  tables: { followUps, agents: agentNames },
  ignores: [
    ...contactEvents,
    'LeadOpened',
    'InteractionRecorded',
    'OutboundMessageRecorded',
    'LeadStatusChanged',
    'LeadScored',
    'ScoreSuggested',
    'ScoreUnpinned',
    'AiResultDropped',
    'QualificationFailed',
    'LeadUnassigned',
    'AgentCapacityChanged',
    'AgentDeactivated',
    'AgentReactivated',
    ...broadcastEvents,
    ...messageEvents,
    ...bulkEvents,
    ...exportEvents,
  ],
});
