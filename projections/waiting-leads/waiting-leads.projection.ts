import { isFinal } from '#domain/lead/lead.vocabulary';
import { evolveWaitingSince } from '#domain/lead/lead.evolve';
import type { LeadEvent } from '#domain/lead/lead.events';
import type { RecordedEvent } from '#domain/event';
import type { Table, View } from '#read-model/view';

/**
 * Whether a lead waits for an agent, and the last turn that it was given by itself. Both in one row, so that whoever no longer finds
 * the lead waiting finds its turn, also where the rows of a batch show one by one.
 */
export interface WaitingLead {
  readonly org: string;
  readonly leadId: string;
  /** Null: it does not wait. */
  readonly waitingSince: string | null;
  readonly turn: { readonly agentId: string; readonly position: string } | null;
}

const ofLead = ({ data }: { readonly data: { readonly leadId: string } }): readonly string[] => [data.leadId];

const leads: Table<WaitingLead> = {
  keys: {
    LeadOpened: ofLead,
    LeadAssigned: ofLead,
    LeadUnassigned: ofLead,
    LeadStatusChanged: (event) => (isFinal(event.data.to) ? ofLead(event) : []),
  },
  createdBy: ['LeadOpened'],
  evolve(row, event) {
    const waitingSince = evolveWaitingSince(event as LeadEvent);
    if (waitingSince === undefined) return row;
    const leadId = (event as RecordedEvent<'LeadOpened'>).data.leadId;
    return { org: event.org, leadId, waitingSince, turn: turnIn(event) ?? row?.turn ?? null };
  },
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
};

function turnIn(event: RecordedEvent): WaitingLead['turn'] {
  if (event.type !== 'LeadAssigned') return null;
  const { mode, to: agentId } = event.data;
  return mode === 'round_robin' || mode === 'least_loaded' ? { agentId, position: event.position } : null;
}

export const waitingLeads: View = { name: 'waiting-leads', version: 1, tables: { leads } };
