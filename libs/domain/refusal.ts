import type { BulkResult, BulkSummary } from './bulk/bulk.results.js';
import type { FinalStatus } from './lead/lead.vocabulary.js';

/** Every refusal: its code and the message for callers. `libs/http` maps each code to a status. */
export const refusals = {
  not_found: ({ what }: { what: 'lead' | 'contact' | 'agent' | 'follow-up' | 'interaction' | 'broadcast' | 'bulk' }) =>
    `There is no such ${what === 'bulk' ? 'bulk job' : what}.`,

  lead_inactive: ({ leadStatus, inactiveSince, activeLeadId }: LeadInactiveDetails) =>
    `The lead has been ${leadStatus} since ${inactiveSince}. You cannot change its status, assign an agent or create follow-ups.` +
    (activeLeadId ? ' The contact has another, active lead.' : ''),

  active_lead_exists: (_: { activeLeadId: string }) =>
    'The contact already has an active lead. A contact can have only one active lead at a time.',

  agent_inactive: (_: { agentId: string }) => 'The agent is deactivated.',
  agent_exists: (_: { agentId: string }) => 'An agent with this ID already exists.',

  follow_up_completed: (_: { followUpId: string }) => 'The follow-up is already completed.',
  follow_up_cancelled: (_: { followUpId: string }) => 'The follow-up is already cancelled.',

  broadcast_exists: (_: { broadcastId: string }) => 'A broadcast with this ID already exists and cannot be changed.',
  message_exists: (_: { messageId: string }) =>
    'A message with this ID was already sent to another recipient or for another broadcast.',

  too_many_follow_ups: (details: TooManyFollowUpsDetails) =>
    `The lead already has ${details.most} open follow-ups. Complete or cancel some of them first.`,

  bulk_rejected: ({ summary }: BulkRejectedDetails) =>
    `${summary.rejected} of ${summary.total} items would be rejected. Nothing was changed.`,

  selection_changed: ({ expectedCount, count }: { expectedCount: number; count: number }) =>
    `The filter now selects ${count} active leads, not ${expectedCount}. Nothing was changed.`,
  bulk_running: (_: { bulkId: string }) => 'The bulk job is still running.',
  bulk_closed: ({ state }: { bulkId: string; state: string }) => `The bulk job is already ${state}.`,

  version_mismatch: ({ version }: { version: number }) => `Version mismatch: the current version is ${version}.`,
  conflict: (_: object) => 'The resource was changed concurrently. Nothing was written; retry.',
  idempotency_in_flight: (_: object) => 'A request with this Idempotency-Key is still being processed.',
  idempotency_key_reused: (_: object) => 'This Idempotency-Key was already used for a different request.',

  validation_failed: ({ errors }: { errors: readonly InvalidField[] }) =>
    errors.length === 1 ? `${errors[0]!.field}: ${errors[0]!.message}` : 'Some fields are invalid.',
};

/** The results that the items would have had. */
export interface BulkRejectedDetails {
  readonly bulkId: string;
  readonly summary: BulkSummary;
  readonly results: readonly BulkResult[];
}

export interface LeadInactiveDetails {
  readonly leadId: string;
  readonly leadStatus: FinalStatus;
  readonly inactiveSince: string;
  /** The contact's active lead; null if it has none. */
  readonly activeLeadId: string | null;
}

export interface TooManyFollowUpsDetails {
  /** The maximum. Callers know it by this name. */
  // eslint-disable-next-line id-denylist -- a public field
  readonly most: number;
}

export interface InvalidField {
  /** The domain's name of the field. `libs/http` replaces it with the name that the caller used. */
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

export type RefusalCode = keyof typeof refusals;
export type RefusalDetails<Code extends RefusalCode> = Parameters<(typeof refusals)[Code]>[0];

/** A rule forbids the command. Nothing was changed. */
export class Refusal<Code extends RefusalCode = RefusalCode> extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: Code,
    readonly details: RefusalDetails<Code>,
  ) {
    super((refusals[code] as (details: RefusalDetails<Code>) => string)(details));
  }
}

export const refuse = <Code extends RefusalCode>(code: Code, details: RefusalDetails<Code>): Refusal<Code> =>
  new Refusal(code, details);

export const invalidField = (field: string, code: string, message: string): Refusal<'validation_failed'> =>
  new Refusal('validation_failed', { errors: [{ field, code, message }] });

/** The clocks of senders and providers may be ahead of ours by this much. */
const maxClockSkewMs = 5 * 60_000;

export function requireNotInFuture(field: string, at: string, now: string): string {
  if (Date.parse(at) > Date.parse(now) + maxClockSkewMs)
    throw invalidField(field, 'in_future', 'must be at most 5 minutes in the future');
  return at;
}

export function requireNotInPast(field: string, at: string, now: string): string {
  if (at < now) throw invalidField(field, 'in_past', 'must not be in the past');
  return at;
}

export const isRefusal = (error: unknown): error is Refusal => error instanceof Refusal;
