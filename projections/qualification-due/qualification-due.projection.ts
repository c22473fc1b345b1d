import type { EventType, RecordedEvent } from '#domain/event';
import type { Position } from '#domain/event-envelope';
import { countInteractionsRead } from '#domain/lead/lead.read-count';
import { isFinal } from '#domain/lead/lead.vocabulary';
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

/** How many interactions a lead has, and how many of them an AI has read. */
export interface LeadReadProgress {
  readonly org: string;
  readonly leadId: string;
  readonly active: boolean;
  readonly interactions: number;
  /** The highest number of interactions that an AI had read when it returned a result or failed. */
  readonly read: number;
  readonly newest: NewestInteraction | null;
}

export interface NewestInteraction {
  readonly id: string;
  readonly type: EventType;
  readonly position: Position;
  readonly recordedAt: string;
  readonly correlation: string;
}

const toNewestInteraction = ({ id, type, position, meta }: RecordedEvent): NewestInteraction => ({
  id,
  type,
  position,
  recordedAt: meta.recordedAt,
  correlation: meta.correlation,
});

type ReadEvent = RecordedEvent<'LeadScored' | 'ScoreSuggested' | 'AiResultDropped' | 'QualificationFailed'>;

const recordRead: EventHandler<LeadReadProgress, ReadEvent> = {
  key: leadKey,
  apply: (row, event) => {
    const read = countInteractionsRead(event);
    return row && read > row.read ? { ...row, read } : row;
  },
};

const leads = defineTable<LeadReadProgress>()({
  on: {
    LeadOpened: {
      key: leadKey,
      apply: (_, { org, data }) => ({
        org,
        leadId: data.leadId,
        active: true,
        interactions: 0,
        read: 0,
        newest: null,
      }),
    },
    InteractionRecorded: {
      key: leadKey,
      apply: (row, event) => row && { ...row, interactions: row.interactions + 1, newest: toNewestInteraction(event) },
    },
    LeadStatusChanged: {
      key: leadKey,
      apply: (row, event) => (row && isFinal(event.data.to) ? { ...row, active: false } : row),
    },
    LeadScored: recordRead,
    ScoreSuggested: recordRead,
    AiResultDropped: recordRead,
    QualificationFailed: recordRead,
  },
  createdBy: ['LeadOpened'],

  columns: {
    active: (row) => (row.active ? 1 : 0),
    unreadSince: ({ active, interactions, read, newest }) =>
      active && interactions > read ? newest!.recordedAt : null,
  },

  // For the scheduler, which looks for unread leads of all organizations.
  indexes: [{ prefix: [], sort: 'unreadSince', where: { active: 1 } }],
});

/** Active leads with interactions that no AI has read, and since when. */
export const qualificationDueView = defineView({
  name: 'qualification-due',
  version: 1,
  tables: { leads },
  ignores: [
    ...contactEvents,
    'OutboundMessageRecorded',
    'ScoreUnpinned',
    'LeadAssigned',
    'LeadUnassigned',
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
