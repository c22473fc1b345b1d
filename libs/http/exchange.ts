import { createParamDecorator, type ExecutionContext, type PipeTransform, type ArgumentMetadata } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { valid, type Class } from './valid.js';

/** A request and its reply, for whoever reads headers and sets them. */
export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Hands a controller's method the exchange. */
export const Http = createParamDecorator((_: unknown, context: ExecutionContext): Exchange => {
  const http = context.switchToHttp();
  return { request: http.getRequest<FastifyRequest>(), reply: http.getResponse<FastifyReply>() };
});

/** Bodies and query strings arrive as valid instances of the class that the method names. */
export class ValidInput implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (!metatype || (type !== 'body' && type !== 'query')) return value;
    return valid(
      metatype as Class,
      value === undefined ? {} : value,
      type === 'query' ? 'unknown_parameter' : 'unknown_field',
    );
  }
}
