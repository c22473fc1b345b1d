import { isUtf8 } from 'node:buffer';
import { applyDecorators } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiConsumes } from '@nestjs/swagger';
import { findJsonFaults, quoteInexactNumbers } from './json-faults.js';
import { invalidInput, Problem } from './problem.js';

type MediaType = 'application/json' | 'application/x-www-form-urlencoded';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly rawBody?: MediaType;
  }
}

/** Passes the body, which must have this media type, to the controller as the bytes received, over which it is signed. */
export const RawBody = (mediaType: MediaType): MethodDecorator =>
  applyDecorators(
    RouteConfig({ rawBody: mediaType }),
    ApiConsumes(mediaType),
    ApiBody({ schema: { description: "The provider's own payload." } }),
  );

/**
 * An empty body counts as {}.
 * @throws Problem `malformed_json`; `validation_failed` if a number or a repeated name would be changed by reading it
 */
export function parseJsonBody(body: Buffer): unknown {
  const text = decodeBody(body);
  const parsed = parseJson(text);
  if (typeof parsed !== 'object') return parsed;
  const faults = findJsonFaults(text, parsed);
  if (faults.length > 0) throw invalidInput(...faults);
  return parsed;
}

/**
 * Providers send the same body again until it is accepted, so nothing in it is rejected: a number that JavaScript cannot hold becomes
 * a string of its digits, and of a repeated name the last one counts.
 * @throws Problem `malformed_json`
 */
export const parseProviderBody = (body: Buffer): unknown => parseJson(quoteInexactNumbers(decodeBody(body)));

function decodeBody(body: Buffer): string {
  if (!isUtf8(body)) throw new Problem('malformed_json', 'The body must be encoded as UTF-8.');
  return body.toString('utf8');
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem('malformed_json', 'The body is not valid JSON.');
  }
}
