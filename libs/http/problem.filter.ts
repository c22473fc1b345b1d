import { Catch, HttpException, NotFoundException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { StreamBusy } from '#commands/decider-service';
import { ReplayedRefusal } from '#commands/idempotency-service';
import { UnreadableEvent } from '#domain/event-codec';
import { isRefusal } from '#domain/refusal';
import { MissingEvents, Unavailable } from '#event-store/event-store';
import { SnapshotRefused, ViewBeingBuilt, ViewsUnavailable } from '#read-model/view-store';
import { Problem, type ProblemCode } from './problem.js';
import { refusalToProblem } from './refusal-problem.js';
import type { Routes } from './routes.js';

/** The only place that turns errors into responses. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly routes: Routes) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = this.routes.findMethodProblem(error instanceof NotFoundException, request) ?? toProblem(error);
    // A Problem that replaces another error does not say why: log that error instead.
    const reason = error === problem ? { detail: problem.message } : { err: error };
    const fields = { ...reason, correlationId: request.id };
    if (problem.code === 'internal') request.log.error(fields, problem.code);
    else if (problem.status >= 500) request.log.warn(fields, problem.code);
    if (error instanceof ReplayedRefusal) void reply.header('idempotent-replayed', 'true');
    sendProblem(reply, problem, request.url);
  }
}

export function sendProblem(reply: FastifyReply, problem: Problem, url: string): void {
  const path = url.split('?', 1)[0] ?? url;
  void reply
    .code(problem.status)
    .headers(problem.headers)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(JSON.stringify(problem.toJSON(path)));
}

/** Fastify's errors for requests that it cannot read. */
const fastifyErrors: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['payload_too_large', 'The body must be at most 1 MiB.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'The content type must be application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed_json', 'The length of the body does not match Content-Length.'],
  FST_ERR_BAD_URL: ['not_found', 'The path is not a valid URL path.'],
  FST_ERR_MAX_PARAM_LENGTH: ['not_found', 'There is no resource at this path.'],
};

export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isRefusal(error)) return refusalToProblem(error);
  if (error instanceof ViewBeingBuilt)
    return new Problem('projection_behind', 'The view is still being built. Retry later.', {}, { 'retry-after': '1' });
  if (error instanceof SnapshotRefused) return new Problem('unavailable', error.message, {}, { 'retry-after': '5' });
  if (error instanceof StreamBusy) return new Problem('unavailable', error.message, {}, { 'retry-after': '1' });
  if (error instanceof Unavailable || error instanceof ViewsUnavailable)
    return new Problem(
      'unavailable',
      'A data store is temporarily unavailable. The request was not acknowledged; retry it.',
      {},
      { 'retry-after': '1' },
    );
  if (error instanceof UnreadableEvent)
    return new Problem(
      'unavailable',
      `The event at position ${error.location.position} of the log cannot be read. An operator must upgrade or repair it.`,
      { position: error.location.position },
      { 'retry-after': '60' },
    );
  if (error instanceof MissingEvents)
    return new Problem(
      'unavailable',
      'Events of this resource are missing from the log. An operator must restore them.',
      {},
      { 'retry-after': '60' },
    );
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  const known = typeof code === 'string' ? fastifyErrors[code] : undefined;
  if (known) return new Problem(known[0], known[1]);
  if (error instanceof NotFoundException) return new Problem('not_found', 'There is no resource at this path.');
  if (error instanceof HttpException && error.getStatus() < 500) {
    const cause = toProblem(error.cause ?? undefined);
    return cause.status < 500 ? cause : new Problem('malformed_json', 'The request could not be parsed.');
  }
  if (statusCodeOf(error) === 400) return new Problem('malformed_json', 'The request could not be parsed.');
  return new Problem('internal', 'An internal error occurred. Quote the X-Correlation-Id header when you report it.');
}

const statusCodeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined;
