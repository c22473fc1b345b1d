import { expect } from '@jest/globals';

/** The contract's codes and their numbers, said again so that no change of the code goes unseen. */
const statusOf = {
  malformed_json: 400,
  not_found: 404,
  method_not_allowed: 405,
  lead_inactive: 409,
  active_lead_exists: 409,
  agent_inactive: 409,
  agent_exists: 409,
  follow_up_completed: 409,
  follow_up_cancelled: 409,
  bulk_rejected: 409,
  selection_changed: 409,
  bulk_running: 409,
  bulk_closed: 409,
  idempotency_in_flight: 409,
  version_mismatch: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  validation_failed: 422,
  idempotency_key_reused: 422,
  projection_behind: 503,
} as const;
export type ExpectedCode = keyof typeof statusOf;

/** For toMatchObject: an answer that is this refusal, and says this too. */
export const refused = (code: ExpectedCode, more: object = {}): object => ({
  status: statusOf[code],
  body: { code, status: statusOf[code], ...more },
});

/** For toMatchObject: bad input, with just these fields named in this order. */
export const invalid = (...fields: readonly string[]): object =>
  refused('validation_failed', { errors: fields.map((field) => expect.objectContaining({ field })) });
