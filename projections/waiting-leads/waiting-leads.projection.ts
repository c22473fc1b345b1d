import { isFinal } from '#domain/lead/lead.vocabulary';
import { evolveWaitingSince } from '#domain/lead/lead.evolve';
import type { RecordedEvent } from '#domain/event';
import { defineTable, defineView, type EventHandler } from '#read-model/view';
import {
  agentEvents,
  broadcastEvents,
  bulkEvents,
  contactEvents,
  exportEvents,
  messageEvents,
} from '../event-families.js';
import { leadKey } from '../row-keys.js';

/**
 * Whether a lead waits for an agent, and its last automatic assignment. Both are in one row: a reader that sees that the lead no
 * longer waits also sees its assignment, even if the storage makes the rows of a batch visible one by one.
 */
export interface WaitingLead {
  readonly org: string;
  readonly leadId: string;
  /** Null: the lead does not wait. */
  readonly waitingSince: string | null;
  /** The last automatic assignment, and its position in the log; null if there was none. */
  readonly turn: { readonly agentId: string; readonly position: string } | null;
}

type WaitingEvent = RecordedEvent<'LeadOpened' | 'LeadAssigned' | 'LeadUnassigned' | 'LeadStatusChanged'>;

const foldWaiting: EventHandler<WaitingLead, WaitingEvent> = {
  key: leadKey,
  apply: (row, event) => {
    const waitingSince = evolveWaitingSince(event);
    if (waitingSince === undefined) return row;
    const turn = autoAssignmentIn(event) ?? row?.turn ?? null;
    return { org: event.org, leadId: event.data.leadId, waitingSince, turn };
  },
};

const leads = defineTable<WaitingLead>()({
  on: {
    LeadOpened: foldWaiting,
    LeadAssigned: foldWaiting,
    LeadUnassigned: foldWaiting,
    LeadStatusChanged: { ...foldWaiting, key: (event) => (isFinal(event.data.to) ? leadKey(event) : []) },
  },
  createdBy: ['LeadOpened'],
  columns: {
    org: (row) => row.org,
    waitingSince: (row) => row.waitingSince,
    turnOf: (row) => row.turn?.agentId ?? null,
    turn: (row) => row.turn?.position ?? null,
  },
  indexes: [
    { prefix: ['org'], sort: 'waitingSince' },
    { prefix: ['org', 'turnOf'], sort: 'turn' },
  ],
});

function autoAssignmentIn(event: WaitingEvent): WaitingLead['turn'] {
  if (event.type !== 'LeadAssigned') return null;
  const { mode, to: agentId } = event.data;
  return mode === 'round_robin' || mode === 'least_loaded' ? { agentId, position: event.position } : null;
}

export const waitingLeadsView = defineView({
  name: 'waiting-leads',
  version: 1,
  tables: { leads },
  ignores: [
    ...contactEvents,
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
    ...agentEvents,
    ...broadcastEvents,
    ...messageEvents,
    ...bulkEvents,
    ...exportEvents,
  ],
});
