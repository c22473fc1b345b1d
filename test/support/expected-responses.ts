import { expect } from '@jest/globals';

/** The status of each code, repeated here so that a change in the service does not go unnoticed. */
const statusOf = {
  malformed_json: 400,
  unauthorized: 401,
  forbidden_origin: 403,
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
  misdirected_request: 421,
  validation_failed: 422,
  idempotency_key_reused: 422,
  projection_behind: 503,
} as const;
export type ExpectedCode = keyof typeof statusOf;

/** For `toMatchObject`: a response with this code and these members in its body. */
export const refused = (code: ExpectedCode, members: object = {}): object => ({
  status: statusOf[code],
  body: { code, status: statusOf[code], ...members },
});

/** For `toMatchObject`: a validation error that names exactly these fields, in this order. */
export const invalid = (...fields: readonly string[]): object =>
  refused('validation_failed', { errors: fields.map((field) => expect.objectContaining({ field })) });
