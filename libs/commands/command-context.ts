import { randomUUID } from 'node:crypto';
import type { Actor } from '#domain/event-envelope';
import { deriveId } from './ids.js';

/** Who sends a command, when, and why. */
export interface CommandContext {
  readonly org: string;
  readonly actor: Actor;
  readonly commandId: string;
  /** SHA-256 of the request in hex if the caller sent an Idempotency-Key: the response is then stored. Otherwise null. */
  readonly requestHash: string | null;
  /** The command's time, RFC 3339 in UTC with milliseconds. */
  readonly now: string;
  /** The caller set `now` to a time in the past. */
  readonly backdated: boolean;
  readonly correlation: string;
  readonly causation: string;
  /** If-Match: the version that the lead or agent must have; null accepts any. */
  readonly expectedVersion: number | null;
}

type ContextFields = Pick<CommandContext, 'org' | 'actor' | 'now' | 'correlation'> & Partial<CommandContext>;

/** By default the command has a random id, is its own cause, and carries no Idempotency-Key, backdating or expected version. */
export const buildCommandContext = ({
  org,
  actor,
  commandId = randomUUID(),
  requestHash = null,
  now,
  backdated = false,
  correlation,
  causation = commandId,
  expectedVersion = null,
}: ContextFields): CommandContext => ({
  org,
  actor,
  commandId,
  requestHash,
  now,
  backdated,
  correlation,
  causation,
  expectedVersion,
});

interface Cause {
  readonly org: string;
  /** The event or job that triggers the command. */
  readonly id: string;
  readonly correlation: string;
}

/**
 * The context of a command that the system sends itself. The command id is derived from the cause and `purpose`, so sending
 * the command again has no further effect.
 */
export const causedBy = ({ org, id, correlation }: Cause, purpose: string, actor: Actor, now: string): CommandContext =>
  buildCommandContext({ org, actor, commandId: deriveId(id, purpose), now, correlation, causation: id });

/** The actor of the automation with this name. */
export const systemActor = (id: string): Actor => ({ type: 'system', id });
