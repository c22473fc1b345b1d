import type { Actor } from '#domain/event-envelope';
import { deriveId } from './ids.js';

/** The circumstances of a command. */
export interface CommandContext {
  readonly org: string;
  readonly actor: Actor;
  readonly commandId: string;
  /** Given when the caller sent an Idempotency-Key: SHA-256 of the request in hex. The answer is then kept. */
  readonly requestHash: string | null;
  /** The command's time, RFC 3339 in UTC with milliseconds. */
  readonly now: string;
  /** The caller dated the command back. */
  readonly backdated: boolean;
  readonly correlation: string;
  readonly causation: string;
  /** Only if the lead (or agent) is at this version: If-Match. */
  readonly expectedVersion: number | null;
}

/** What a command comes from that nobody sent. */
interface Cause {
  readonly org: string;
  /** The event, or the job, that it comes from. */
  readonly id: string;
  readonly correlation: string;
}

/**
 * The circumstances of a command that nobody sent. Its id is made of its cause and of `what` is done about it: so asking twice is
 * asking once.
 */
export const causedBy = ({ org, id, correlation }: Cause, what: string, actor: Actor, now: string): CommandContext => ({
  org,
  actor,
  commandId: deriveId(id, what),
  requestHash: null,
  now,
  backdated: false,
  correlation,
  causation: id,
  expectedVersion: null,
});

/** The automation of that name acts by itself. */
export const systemActor = (id: string): Actor => ({ type: 'system', id });
