import type { InvalidField, RefusalCode } from '#domain/refusal';

/** The HTTP status of every problem code: those of the domain's refusals and those of HTTP itself. */
export const statusByProblemCode = {
  malformed_json: 400,
  unauthorized: 401,
  forbidden: 403,
  forbidden_origin: 403,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
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
  misdirected_request: 421,
  validation_failed: 422,
  idempotency_key_reused: 422,
  rate_limited: 429,
  headers_too_large: 431,
  internal: 500,
  projection_behind: 503,
  unavailable: 503,
} satisfies Record<RefusalCode, number> & Record<string, number>;

export type ProblemCode = keyof typeof statusByProblemCode;

/** What each code means, in one phrase: the same for every occurrence (RFC 9457, section 3.1.3). */
export const titleByProblemCode: Readonly<Record<ProblemCode, string>> = {
  malformed_json: 'Malformed request',
  unauthorized: 'Unauthorized',
  forbidden: 'Forbidden',
  forbidden_origin: 'Forbidden origin',
  not_found: 'Not found',
  method_not_allowed: 'Method not allowed',
  request_timeout: 'Request timeout',
  lead_inactive: 'Lead is inactive',
  active_lead_exists: 'Contact already has an active lead',
  agent_inactive: 'Agent is inactive',
  agent_exists: 'Agent already exists',
  follow_up_completed: 'Follow-up is completed',
  follow_up_cancelled: 'Follow-up is cancelled',
  broadcast_exists: 'Broadcast already exists',
  message_exists: 'Message already exists',
  too_many_follow_ups: 'Too many open follow-ups',
  bulk_rejected: 'Bulk job rejected',
  selection_changed: 'Selection changed',
  bulk_running: 'Bulk job is still running',
  bulk_closed: 'Bulk job is closed',
  conflict: 'Concurrent change',
  idempotency_in_flight: 'Request already in progress',
  version_mismatch: 'Version mismatch',
  payload_too_large: 'Payload too large',
  unsupported_media_type: 'Unsupported media type',
  misdirected_request: 'Misdirected request',
  validation_failed: 'Validation failed',
  idempotency_key_reused: 'Idempotency key reused',
  rate_limited: 'Too many requests',
  headers_too_large: 'Headers too large',
  internal: 'Internal error',
  projection_behind: 'View not up to date',
  unavailable: 'Service unavailable',
};

/** An error response (RFC 9457). `details` are additional members of its body. */
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
    const title = titleByProblemCode[code];
    return { type: `urn:leadstream:problem:${code}`, title, status, detail, instance, code, ...details };
  }
}

export const invalidInput = (...errors: readonly InvalidField[]): Problem =>
  new Problem('validation_failed', errors.map(({ field, message }) => `${field}: ${message}`).join('; '), { errors });
