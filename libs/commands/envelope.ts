import type { Actor } from '#domain/event';

/** The circumstances of a command. */
export interface Envelope {
  readonly org: string;
  readonly actor: Actor;
  readonly commandId: string;
  /** Given when the caller sent an Idempotency-Key: SHA-256 of the request in hex. The answer is then kept. */
  readonly request: string | null;
  /** The command's time, RFC 3339 in UTC with milliseconds. */
  readonly now: string;
  /** The caller dated the command back. */
  readonly backdated: boolean;
  readonly correlation: string;
  readonly causation: string;
  /** Only if the lead (or agent) is at this version: If-Match. */
  readonly expectedVersion: number | null;
}
