import type { FollowUp } from '#domain/lead/lead.state';
import { toAgentReference, type AgentNameResolver, type AgentReference } from './agent-reference.js';

type FollowUpFields = 'id' | 'dueAt' | 'note' | 'state' | 'createdAt' | 'closedAt' | 'closedReason';

export interface FollowUpResource extends Pick<FollowUp, FollowUpFields> {
  readonly leadId: string;
  readonly contactId: string;
  readonly assignee: AgentReference | null;
  readonly overdue: boolean;
}

/** `overdue` depends on `now` and is therefore never stored. */
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
    assignee: toAgentReference(followUp.assigneeId, nameOf),
    note,
    state,
    overdue: state === 'open' && dueAt < now,
    createdAt,
    closedAt,
    closedReason,
  };
}
