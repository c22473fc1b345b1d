import type { EventType, RecordedEvent } from '#domain/event';
import type { Position } from '#domain/event-envelope';
import { isFinal } from '#domain/lead/lead.vocabulary';
import type { Table, View } from '#read-model/view';

/** How far an AI has read a lead, and how far there is to read. */
export interface LeadReadProgress {
  readonly org: string;
  readonly leadId: string;
  readonly active: boolean;
  readonly interactions: number;
  /** How many of them any AI result had read, or was asked for in vain. */
  readonly read: number;
  readonly newest: NewestInteraction | null;
}

/** The newest interaction. */
export interface NewestInteraction {
  readonly id: string;
  readonly type: EventType;
  readonly position: Position;
  readonly recordedAt: string;
  readonly correlation: string;
}

const ofLead = ({ data }: { readonly data: { readonly leadId: string } }): readonly string[] => [data.leadId];

const newestOf = ({ id, type, position, meta }: RecordedEvent): NewestInteraction => ({
  id,
  type,
  position,
  recordedAt: meta.recordedAt,
  correlation: meta.correlation,
});

/** How many interactions an AI result had read, or was given in vain. */
function readBy(event: RecordedEvent): number {
  if (event.type === 'LeadScored') return event.data.ai?.read ?? 0;
  return 'read' in event.data ? event.data.read : 0;
}

const leads: Table<LeadReadProgress> = {
  keys: {
    LeadOpened: ofLead,
    InteractionRecorded: ofLead,
    LeadStatusChanged: ofLead,
    LeadScored: ofLead,
    ScoreSuggested: ofLead,
    AiResultDropped: ofLead,
    QualificationFailed: ofLead,
  },
  createdBy: ['LeadOpened'],

  evolve(row, event) {
    if (event.type === 'LeadOpened') {
      const { leadId } = event.data;
      return { org: event.org, leadId, active: true, interactions: 0, read: 0, newest: null };
    }
    if (!row) return undefined;
    if (event.type === 'InteractionRecorded')
      return { ...row, interactions: row.interactions + 1, newest: newestOf(event) };
    if (event.type === 'LeadStatusChanged') return isFinal(event.data.to) ? { ...row, active: false } : row;
    const read = readBy(event);
    return read > row.read ? { ...row, read } : row;
  },

  columns: {
    active: (row) => (row.active ? 1 : 0),
    unreadSince: ({ active, interactions, read, newest }) =>
      active && interactions > read ? newest!.recordedAt : null,
  },

  // Of all organizations: what the clock is to have judged.
  indexes: [{ prefix: [], sort: 'unreadSince', where: { active: 1 } }],
};

/** Which active leads have interactions that no AI has read, and since when. */
export const qualificationDue: View = { name: 'qualification-due', version: 1, tables: { leads } };
