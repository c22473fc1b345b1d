import { createParamDecorator, type ExecutionContext, type PipeTransform, type ArgumentMetadata } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { validate, type Class } from './validation.js';

/** A request and its reply, for whoever reads headers and sets them. */
export interface HttpContext {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Hands a controller's method the exchange. */
export const Http = createParamDecorator((_: unknown, context: ExecutionContext): HttpContext => {
  const http = context.switchToHttp();
  return { request: http.getRequest<FastifyRequest>(), reply: http.getResponse<FastifyReply>() };
});

/** Bodies and query strings arrive as valid instances of the class that the method names. */
export class InputValidationPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (!metatype || (type !== 'body' && type !== 'query')) return value;
    return validate(
      metatype as Class,
      value === undefined ? {} : value,
      type === 'query' ? 'unknown_parameter' : 'unknown_field',
    );
  }
}
