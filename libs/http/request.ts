import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Actor } from '#domain/event-envelope';
import type { CommandContext } from '#commands/command-context';
import { createCommandId } from '#commands/ids';
import { isId } from './fields.js';
import { parseInstant } from './instant.js';
import { invalidInput } from './problem.js';

/** Who asks: an organization, and the person or service acting. */
export interface Identity {
  readonly org: string;
  readonly actor: Actor;
  readonly scopes: ReadonlySet<string>;
}

/** Tells who asks. Authentication off is one such rule; keys and tokens will be another. */
export abstract class Authenticator {
  /** @throws Problem `unauthorized`, `forbidden` */
  abstract identify(request: FastifyRequest): Identity;
}

/** Authentication off: everything belongs to one organization and everything is allowed. Only for loopback. */
export class NoAuthentication extends Authenticator {
  identify(request: FastifyRequest): Identity {
    const agentId = actingAgent(request);
    const actor: Actor = agentId === null ? { type: 'service', id: 'api' } : { type: 'agent', id: agentId };
    return { org: 'default', actor, scopes: new Set(['import']) };
  }
}

function actingAgent(request: FastifyRequest): string | null {
  const header = getHeader(request, 'x-actor');
  if (header === null) return null;
  const [, agentId] = /^agent:(.*)$/.exec(utf8In(header)) ?? [];
  if (!isId(agentId)) throw invalidHeader('X-Actor', 'must be agent:<agentId>');
  return agentId;
}

/** Node reads headers as Latin-1; whoever sends other letters sends them as UTF-8. */
function utf8In(header: string): string {
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : header;
}

/** The circumstances of a command as the request's headers tell them. `versioned`: there is a version for If-Match to speak of. */
export function createCommandContext(
  request: FastifyRequest,
  identity: Identity,
  now: string,
  versioned: boolean,
): CommandContext {
  const key = getHeader(request, 'idempotency-key');
  if (key !== null && !/^[\x20-\x7e]{1,255}$/.test(key))
    throw invalidHeader('Idempotency-Key', 'must have 1 to 255 printable ASCII characters');
  const occurredAt = occurredAtOf(request, now);
  const expectedVersion = expectedVersionOf(request);
  if (expectedVersion !== null && !versioned)
    throw invalidHeader('If-Match', 'makes no sense here: there is no version to match');
  const commandId = createCommandId(identity.org, key);
  return {
    org: identity.org,
    actor: identity.actor,
    commandId,
    requestHash: key === null ? null : fingerprintOf(request),
    now: occurredAt ?? now,
    backdated: occurredAt !== null,
    correlation: request.id,
    causation: getHeader(request, 'x-causation-id')?.slice(0, 128) ?? commandId,
    expectedVersion,
  };
}

function occurredAtOf(request: FastifyRequest, now: string): string | null {
  const header = getHeader(request, 'x-occurred-at');
  if (header === null) return null;
  const at = parseInstant(header)?.at;
  if (at === undefined) throw invalidHeader('X-Occurred-At', 'must be a time as RFC 3339 has it, with an offset');
  if (at > now) throw invalidHeader('X-Occurred-At', 'must not lie in the future');
  return at;
}

function expectedVersionOf(request: FastifyRequest): number | null {
  const header = getHeader(request, 'if-match');
  if (header === null || header === '*') return null;
  const version = /^"(\d{1,15})"$/.exec(header)?.[1];
  if (version === undefined) throw invalidHeader('If-Match', 'must be "<version>", in quotes');
  return Number(version);
}

/** Two requests are the same when all of this is. */
const fingerprintOf = ({ method, url, body, headers }: FastifyRequest): string =>
  createHash('sha256')
    .update(
      JSON.stringify([method, url, body ?? {}, headers['x-actor'], headers['x-occurred-at'], headers['if-match']]),
    )
    .digest('hex');

/** A header sent twice arrives joined, and is then not one of ours. */
export function getHeader(request: FastifyRequest, name: string): string | null {
  const value = request.headers[name];
  return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value;
}

const invalidHeader = (field: string, message: string): Error =>
  invalidInput({ field, code: 'invalid_header', message });
