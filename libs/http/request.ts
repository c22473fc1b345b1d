import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Actor } from '#domain/event-envelope';
import type { CommandContext } from '#commands/command-context';
import { createCommandId } from '#commands/ids';
import { isAgentId } from './fields.js';
import { parseInstant } from './instant.js';
import { invalidInput } from './problem.js';

/** The authenticated caller. */
export interface Identity {
  readonly org: string;
  readonly actor: Actor;
  /** What the caller may do. Not checked yet: without authentication, every scope is granted. */
  readonly scopes: ReadonlySet<string>;
}

/** Identifies the caller of a request. */
export abstract class Authenticator {
  /** @throws Problem `unauthorized`, `forbidden` */
  abstract identify(request: FastifyRequest): Identity;
}

/** Authentication off: everything belongs to one organization and is allowed. Only for loopback addresses. */
export class NoAuthentication extends Authenticator {
  identify(request: FastifyRequest): Identity {
    const agentId = parseActingAgent(request);
    const actor: Actor = agentId === null ? { type: 'service', id: 'api' } : { type: 'agent', id: agentId };
    return { org: 'default', actor, scopes: new Set(['import']) };
  }
}

function parseActingAgent(request: FastifyRequest): string | null {
  const header = getHeader(request, 'x-actor');
  if (header === null) return null;
  const [, agentId] = /^agent:(.*)$/.exec(decodeUtf8(header)) ?? [];
  if (!isAgentId(agentId)) throw invalidHeader('X-Actor', 'must be agent:<agentId>');
  return agentId;
}

/** Node decodes headers as Latin-1, but clients send other characters as UTF-8. */
function decodeUtf8(header: string): string {
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : header;
}

/** For the OpenAPI document, where the length has keywords of its own. */
export const printableAsciiPattern = '^[\\x20-\\x7e]*$';
export const visibleAsciiPattern = '^[\\x21-\\x7e]*$';

const isPrintable = (text: string, maxLength: number): boolean =>
  text.length >= 1 && text.length <= maxLength && /^[\x20-\x7e]*$/.test(text);

export const isCorrelationId = (text: unknown): text is string =>
  typeof text === 'string' && /^[\x21-\x7e]{1,128}$/.test(text);

/**
 * Reads the headers of a command. If-Match is accepted only if the command `isVersioned`: changes something that has a version.
 * @throws Problem `validation_failed`, naming the header
 */
export function createCommandContext(
  request: FastifyRequest,
  identity: Identity,
  now: string,
  isVersioned: boolean,
): CommandContext {
  const key = getHeader(request, 'idempotency-key');
  if (key !== null && !isPrintable(key, 255))
    throw invalidHeader('Idempotency-Key', 'must be 1 to 255 printable ASCII characters');
  const occurredAt = parseOccurredAt(request, now);
  const expectedVersion = parseExpectedVersion(request);
  if (expectedVersion !== null && !isVersioned) throw invalidHeader('If-Match', 'is not supported for this request');
  const causationId = getHeader(request, 'x-causation-id');
  if (causationId !== null && !isPrintable(causationId, 128))
    throw invalidHeader('X-Causation-Id', 'must be 1 to 128 printable ASCII characters');
  const correlationId = getHeader(request, 'x-correlation-id');
  if (correlationId !== null && !isCorrelationId(correlationId))
    throw invalidHeader('X-Correlation-Id', 'must be 1 to 128 visible ASCII characters');
  const commandId = createCommandId(identity.org, key);
  return {
    org: identity.org,
    actor: identity.actor,
    commandId,
    requestHash: key === null ? null : hashRequest(request),
    now: occurredAt ?? now,
    backdated: occurredAt !== null,
    correlation: request.id,
    causation: causationId ?? commandId,
    expectedVersion,
  };
}

function parseOccurredAt(request: FastifyRequest, now: string): string | null {
  const header = getHeader(request, 'x-occurred-at');
  if (header === null) return null;
  const at = parseInstant(header)?.at;
  if (at === undefined) throw invalidHeader('X-Occurred-At', 'must be an RFC 3339 timestamp with an offset');
  if (at > now) throw invalidHeader('X-Occurred-At', 'must not be in the future');
  return at;
}

function parseExpectedVersion(request: FastifyRequest): number | null {
  const header = getHeader(request, 'if-match');
  if (header === null || header === '*') return null;
  const version = /^"(\d{1,15})"$/.exec(header)?.[1];
  if (version === undefined) throw invalidHeader('If-Match', 'must be "<version>", in quotes');
  return Number(version);
}

/** Two requests with the same idempotency key are the same request if their hashes are equal. */
const hashRequest = ({ method, url, body, headers }: FastifyRequest): string =>
  createHash('sha256')
    .update(
      JSON.stringify([method, url, body ?? {}, headers['x-actor'], headers['x-occurred-at'], headers['if-match']]),
    )
    .digest('hex');

/** Our own headers are sent once: see repeated-headers.ts. Any other repeated header is returned joined with a comma. */
export function getHeader(request: FastifyRequest, name: string): string | null {
  const value = request.headers[name];
  return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value;
}

const invalidHeader = (field: string, message: string): Error =>
  invalidInput({ field, code: 'invalid_header', message });
