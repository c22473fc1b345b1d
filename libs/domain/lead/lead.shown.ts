import type { Profile } from '../contact/contact.events.js';
import type { FollowUp, Lead, Qualification } from './lead.state.js';

/** How callers see a lead. Absent facts are null, never missing. Times are RFC 3339, UTC, milliseconds. */
export interface LeadResource extends Pick<
  Lead,
  | 'id'
  | 'contactId'
  | 'ordinal'
  | 'previousLeadId'
  | 'channel'
  | 'origin'
  | 'status'
  | 'active'
  | 'statusChangedAt'
  | 'closedAt'
  | 'reason'
  | 'assignedAt'
  | 'lastInteractionAt'
  | 'createdAt'
  | 'updatedAt'
  | 'version'
> {
  readonly contact: Profile;
  readonly qualification: Qualification;
  readonly agent: AgentReference | null;
  readonly followUps: { readonly open: number; readonly nextDueAt: string | null; readonly nextId: string | null };
  /** What may be done with it now. */
  readonly actions: Readonly<
    Record<'changeStatus' | 'assign' | 'createFollowUp' | 'viewHistory' | 'openChat', boolean>
  >;
}

export interface FollowUpResource extends Pick<
  FollowUp,
  'id' | 'dueAt' | 'note' | 'state' | 'createdAt' | 'closedAt' | 'closedReason'
> {
  readonly leadId: string;
  readonly contactId: string;
  readonly assignee: AgentReference | null;
  readonly overdue: boolean;
}

/** The name is null while it is not known (here). */
export interface AgentReference {
  readonly id: string;
  readonly name: string | null;
}

/** What an agent is called. */
export type AgentNameResolver = (agentId: string) => string | null;

const named = (id: string | null, nameOf: AgentNameResolver): AgentReference | null =>
  id === null ? null : { id, name: nameOf(id) };

/** The open follow-up that is due first. */
export const findNextFollowUp = (lead: Lead): FollowUp | undefined =>
  lead.followUps
    .filter((it) => it.state === 'open')
    .reduce<FollowUp | undefined>((next, it) => (next && next.dueAt <= it.dueAt ? next : it), undefined);

export function toLeadResource(lead: Lead, nameOf: AgentNameResolver): LeadResource {
  const next = findNextFollowUp(lead);
  return {
    id: lead.id,
    contactId: lead.contactId,
    ordinal: lead.ordinal,
    previousLeadId: lead.previousLeadId,
    contact: lead.contact,
    channel: lead.channel,
    origin: lead.origin,
    status: lead.status,
    active: lead.active,
    statusChangedAt: lead.statusChangedAt,
    closedAt: lead.closedAt,
    reason: lead.reason,
    qualification: lead.qualification,
    agent: named(lead.agentId, nameOf),
    assignedAt: lead.assignedAt,
    followUps: {
      open: lead.followUps.filter((it) => it.state === 'open').length,
      nextDueAt: next?.dueAt ?? null,
      nextId: next?.id ?? null,
    },
    lastInteractionAt: lead.lastInteractionAt,
    createdAt: lead.createdAt,
    updatedAt: lead.updatedAt,
    version: lead.version,
    actions: {
      changeStatus: lead.active,
      assign: lead.active,
      createFollowUp: lead.active,
      viewHistory: true,
      openChat: true,
    },
  };
}

/** `now`: overdue is told from the clock, never stored. */
export function toFollowUpResource(
  followUp: FollowUp,
  lead: { readonly id: string; readonly contactId: string },
  nameOf: AgentNameResolver,
  now: string,
): FollowUpResource {
  const { id, dueAt, note, state, createdAt, closedAt, closedReason } = followUp;
  return {
    id,
    leadId: lead.id,
    contactId: lead.contactId,
    dueAt,
    assignee: named(followUp.assigneeId, nameOf),
    note,
    state,
    overdue: state === 'open' && dueAt < now,
    createdAt,
    closedAt,
    closedReason,
  };
}
