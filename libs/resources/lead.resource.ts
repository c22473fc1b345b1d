import { findNextFollowUp, openFollowUpsOf, type Lead, type Qualification } from '#domain/lead/lead.state';
import type { Profile } from '#domain/vocabulary';
import { toAgentReference, type AgentNameResolver, type AgentReference } from './agent-reference.js';

type LeadFields =
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
  | 'version';

/** Absent values are null. Times are RFC 3339, UTC, milliseconds. */
export interface LeadResource extends Pick<Lead, LeadFields> {
  readonly contact: Profile;
  readonly qualification: Qualification;
  readonly agent: AgentReference | null;
  readonly followUps: { readonly open: number; readonly nextDueAt: string | null; readonly nextId: string | null };
  /** Which actions the lead allows now. */
  readonly actions: Readonly<
    Record<'changeStatus' | 'assign' | 'createFollowUp' | 'viewHistory' | 'openChat', boolean>
  >;
}

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
    agent: toAgentReference(lead.agentId, nameOf),
    assignedAt: lead.assignedAt,
    followUps: {
      open: openFollowUpsOf(lead).length,
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
