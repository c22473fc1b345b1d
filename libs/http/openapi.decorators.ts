import { applyDecorators } from '@nestjs/common';
import { ApiExtension, ApiHeader, ApiOperation } from '@nestjs/swagger';
import type { ProblemCode } from './problem.js';
import { positionSchema, type ResponseSchemaName } from './openapi.schemas.js';

/** What the API's document is told of a route; its parameters and its body it sees for itself. */
export interface RouteDocumentation {
  /** A command: it takes the headers of commands, and may be refused as any command may. */
  readonly command: boolean;
  /** By status: JSON of this shape, or text of these media types. */
  readonly responses: Readonly<Record<number, ResponseSchemaName | readonly string[]>>;
  /** The refusals that are its own. With version_mismatch it takes If-Match. */
  readonly problems: readonly ProblemCode[];
  readonly headers: readonly ResponseHeader[];
}

/** What an answer that went well says in its headers. */
export type ResponseHeader = 'X-Position' | 'ETag' | 'Location' | 'Content-Disposition';

/** Where the document keeps it until it is whole. */
export const documentationExtension = 'x-told';

const tell = (summary: string, told: RouteDocumentation): MethodDecorator =>
  applyDecorators(ApiOperation({ summary }), ApiExtension(documentationExtension, told));

/** A command that makes something: 201; with `mayExist`, 200 when it was there already. */
export const ApiCreateCommand = (
  summary: string,
  answer: ResponseSchemaName,
  problems: readonly ProblemCode[] = [],
  { mayExist = false } = {},
): MethodDecorator =>
  tell(summary, {
    command: true,
    responses: mayExist ? { 200: answer, 201: answer } : { 201: answer },
    problems,
    headers: ['X-Position', 'ETag', 'Location'],
  });

/** A command that changes something. */
export const ApiCommand = (
  summary: string,
  answer: ResponseSchemaName,
  problems: readonly ProblemCode[],
): MethodDecorator =>
  tell(summary, { command: true, responses: { 200: answer }, problems, headers: ['X-Position', 'ETag'] });

/** A command on many items: 207 when some of them are bad. */
export const ApiBatchCommand = (summary: string, problems: readonly ProblemCode[] = []): MethodDecorator =>
  tell(summary, {
    command: true,
    responses: { 200: 'BatchAnswer', 207: 'BatchAnswer' },
    problems,
    headers: ['X-Position'],
  });

/** One command for many leads: 207 when some items are refused, 202 when it is a job. */
export const ApiBulkCommand = (summary: string, problems: readonly ProblemCode[]): MethodDecorator =>
  tell(summary, {
    command: true,
    responses: { 200: 'BulkAnswer', 202: 'BulkJobAnswer', 207: 'BulkAnswer' },
    problems,
    headers: ['X-Position', 'Location'],
  });

/** A command to a job; 202 when it goes on later. */
export const ApiJobCommand = (
  summary: string,
  statuses: readonly (200 | 202)[],
  problems: readonly ProblemCode[],
): MethodDecorator =>
  tell(summary, {
    command: true,
    responses: Object.fromEntries(statuses.map((status) => [status, 'BulkJobAnswer'])),
    problems,
    headers: ['X-Position', ...(statuses.includes(202) ? (['Location'] as const) : [])],
  });

/** A list of a view. */
export const ApiList = (
  summary: string,
  answer: ResponseSchemaName,
  problems: readonly ProblemCode[] = [],
): MethodDecorator =>
  tell(summary, {
    command: false,
    responses: { 200: answer },
    problems: ['validation_failed', 'projection_behind', 'unavailable', ...problems],
    headers: ['X-Position'],
  });

/** What a view shows as a file, of one of these media types. */
export const ApiDownload = (
  summary: string,
  media: readonly string[],
  problems: readonly ProblemCode[] = [],
): MethodDecorator =>
  tell(summary, {
    command: false,
    responses: { 200: media },
    problems: ['validation_failed', 'projection_behind', 'unavailable', ...problems],
    headers: ['X-Position', 'Content-Disposition'],
  });

/** One of a view, with its version. */
export const ApiGet = (summary: string, answer: ResponseSchemaName): MethodDecorator =>
  tell(summary, {
    command: false,
    responses: { 200: answer },
    problems: ['not_found', 'validation_failed', 'projection_behind', 'unavailable'],
    headers: ['X-Position', 'ETag'],
  });

/** Server-sent events. */
export const ApiStream = (summary: string): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: 'Last-Event-ID',
      description: 'The id of the event that came last: goes on behind it.',
      required: false,
      schema: positionSchema,
    }),
    tell(summary, {
      command: false,
      responses: { 200: ['text/event-stream'] },
      problems: ['validation_failed', 'unavailable'],
      headers: ['X-Position'],
    }),
  );

/** A provider's webhook, known by the headers that it is signed in. */
export const ApiProviderWebhook = (
  summary: string,
  answer: ResponseSchemaName | readonly string[],
  signedIn: readonly string[],
  problems: readonly ProblemCode[] = [],
): MethodDecorator =>
  applyDecorators(
    ...signedIn.map((name) => ApiHeader({ name, required: true })),
    tell(summary, {
      command: false,
      responses: { 200: answer },
      problems: ['unauthorized', 'payload_too_large', 'unsupported_media_type', ...problems, 'unavailable'],
      headers: [],
    }),
  );

/** What a process says of itself. */
export const ApiText = (
  summary: string,
  answers: RouteDocumentation['responses'],
  problems: readonly ProblemCode[] = [],
): MethodDecorator => tell(summary, { command: false, responses: answers, problems, headers: [] });
