import type { BulkSummary, BulkResultResource } from './bulk/bulk.results.js';
import type { FinalStatus } from './lead/lead.state.js';

/**
 * Every refusal: its code, and the sentence that callers read. What HTTP makes of a code stands in libs/http, in a map that
 * does not compile when a code is missing there.
 */
export const refusals = {
  not_found: (of: { what: 'lead' | 'contact' | 'agent' | 'follow-up' | 'interaction' | 'broadcast' | 'bulk' }) =>
    `There is no such ${of.what}.`,

  lead_inactive: (of: LeadInactiveDetails) =>
    `The lead is ${of.leadStatus} since ${of.inactiveSince}: its status can't change, no follow-up can be created and no agent assigned.` +
    (of.activeLeadId ? ' The contact has another, active lead.' : ''),

  active_lead_exists: (_: { activeLeadId: string }) =>
    'The contact has an active lead, and can have only one at a time.',

  agent_inactive: (_: { agentId: string }) => 'The agent is deactivated.',
  agent_exists: (_: { agentId: string }) => 'An agent with this id is registered already.',

  follow_up_completed: (_: { followUpId: string }) => 'The follow-up is completed.',
  follow_up_cancelled: (_: { followUpId: string }) => 'The follow-up is cancelled.',

  broadcast_exists: (_: { broadcastId: string }) => 'A broadcast with this id exists already, and can not be changed.',
  message_exists: (_: { messageId: string }) => 'A message with this id was sent to another recipient.',

  too_many_follow_ups: (of: { most: number }) => `The lead has ${of.most} open follow-ups already.`,

  bulk_rejected: (of: BulkRejectedDetails) =>
    `Of ${of.summary.total} items ${of.summary.rejected} would be rejected. Nothing was done.`,

  selection_changed: (of: { expectedCount: number; count: number }) =>
    `The filter selects ${of.count} active leads now, not ${of.expectedCount}. Nothing was done.`,
  bulk_running: (_: { bulkId: string }) => 'The bulk is not at its end yet.',
  bulk_closed: (of: { bulkId: string; state: string }) => `The bulk is ${of.state}.`,

  version_mismatch: (of: { version: number }) => `The lead has moved on: it is at version ${of.version} now.`,
  conflict: (_: object) => 'Others kept changing the same contact in that moment. Nothing was done; ask again.',
  idempotency_in_flight: (_: object) => 'A request with this Idempotency-Key is being worked on.',
  idempotency_key_reused: (_: object) => 'This Idempotency-Key was used with another request.',

  validation_failed: (of: { errors: readonly InvalidField[] }) =>
    of.errors.length === 1 ? `${of.errors[0]!.field}: ${of.errors[0]!.message}` : 'Some of the input is not valid.',
};

/** What would have come of all items if they had been carried out. */
export interface BulkRejectedDetails {
  readonly bulkId: string;
  readonly summary: BulkSummary;
  readonly results: readonly BulkResultResource[];
}

export interface LeadInactiveDetails {
  readonly leadId: string;
  readonly leadStatus: FinalStatus;
  readonly inactiveSince: string;
  readonly activeLeadId: string | null;
}

/** `field` as the caller named it; `code` for programs, `message` for people. */
export interface InvalidField {
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

export type RefusalCode = keyof typeof refusals;
export type RefusalDetails<Code extends RefusalCode> = Parameters<(typeof refusals)[Code]>[0];

/** A rule said no. Nothing was changed. */
export class Refusal<Code extends RefusalCode = RefusalCode> extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: Code,
    readonly details: RefusalDetails<Code>,
  ) {
    super((refusals[code] as (of: RefusalDetails<Code>) => string)(details));
  }
}

export const refuse = <Code extends RefusalCode>(code: Code, details: RefusalDetails<Code>): Refusal<Code> =>
  new Refusal(code, details);

/** Bad input that only a rule could see. */
export const invalidField = (field: string, code: string, message: string): Refusal<'validation_failed'> =>
  new Refusal('validation_failed', { errors: [{ field, code, message }] });

const fiveMinutes = 5 * 60_000;

/** A sender's or provider's time, which may run ahead of ours a little. */
export function requireNotInFuture(field: string, at: string, now: string): string {
  if (Date.parse(at) > Date.parse(now) + fiveMinutes)
    throw invalidField(field, 'in_future', 'must not lie more than 5 minutes in the future');
  return at;
}

/** What is still to come. */
export function requireNotInPast(field: string, at: string, now: string): string {
  if (at < now) throw invalidField(field, 'in_past', 'must not lie in the past');
  return at;
}

export const isRefusal = (error: unknown): error is Refusal => error instanceof Refusal;
