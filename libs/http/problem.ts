import { STATUS_CODES } from 'node:http';
import type { InvalidField, RefusalCode } from '#domain/refusal';

/** Refusals that HTTP makes of its own, and what the domain's refusals are in its numbers: no code is missing here. */
export const statusByProblemCode = {
  malformed_json: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  lead_inactive: 409,
  active_lead_exists: 409,
  agent_inactive: 409,
  agent_exists: 409,
  follow_up_completed: 409,
  follow_up_cancelled: 409,
  broadcast_exists: 409,
  message_exists: 409,
  too_many_follow_ups: 409,
  bulk_rejected: 409,
  selection_changed: 409,
  bulk_running: 409,
  bulk_closed: 409,
  conflict: 409,
  idempotency_in_flight: 409,
  version_mismatch: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  validation_failed: 422,
  idempotency_key_reused: 422,
  rate_limited: 429,
  internal: 500,
  projection_behind: 503,
  unavailable: 503,
} satisfies Record<RefusalCode, number> & Record<string, number>;

export type ProblemCode = keyof typeof statusByProblemCode;

/** RFC 9457. `details` are further members; `retryAfter` in seconds. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  constructor(
    readonly code: ProblemCode,
    detail: string,
    readonly details: object = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.status = statusByProblemCode[code];
  }

  toJSON(instance: string): object {
    const { code, status, message: detail, details } = this;
    const title = STATUS_CODES[status] ?? code;
    return { type: `urn:leadstream:problem:${code}`, title, status, detail, instance, code, ...details };
  }
}

export const invalidInput = (...errors: readonly InvalidField[]): Problem =>
  new Problem(
    'validation_failed',
    errors.map(({ field, message }) => `${field}: ${message}`).join('; ') || 'Some of the input is not valid.',
    { errors },
  );
