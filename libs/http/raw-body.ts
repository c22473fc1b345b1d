import { isUtf8 } from 'node:buffer';
import { applyDecorators } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiConsumes } from '@nestjs/swagger';
import { Problem } from './problem.js';

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
 * @throws Problem `malformed_json`
 */
export function parseJsonBody(body: Buffer): unknown {
  if (!isUtf8(body)) throw new Problem('malformed_json', 'The body must be encoded as UTF-8.');
  const text = body.toString('utf8');
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem('malformed_json', 'The body is not valid JSON.');
  }
}
