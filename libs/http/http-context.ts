import { createParamDecorator, type ExecutionContext, type PipeTransform, type ArgumentMetadata } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { validate, type Class } from './validation.js';

/** A request and its reply, for code that reads and sets headers. */
export interface HttpContext {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Passes the HttpContext to a parameter of a controller method. */
export const Http = createParamDecorator((_: unknown, context: ExecutionContext): HttpContext => {
  const http = context.switchToHttp();
  return { request: http.getRequest<FastifyRequest>(), reply: http.getResponse<FastifyReply>() };
});

/** Validates bodies and queries as the class that the controller method declares. */
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
