import { applyDecorators } from '@nestjs/common';
import { ApiExtension, ApiHeader, ApiOperation } from '@nestjs/swagger';
import * as json from './json-schema.js';
import type { SchemaRef } from './json-schema.js';
import type { ProblemCode } from './problem.js';

/** What the OpenAPI document needs to know about a route besides its parameters and body, which Nest reads from the code. */
export interface RouteDocumentation {
  /** Whether the route is a command: it accepts the headers of commands and may be rejected like any command. */
  readonly isCommand: boolean;
  /** By status: a JSON response of this schema, or a text of these media types. */
  readonly responses: Readonly<Record<number, SchemaRef | readonly string[]>>;
  /** Problems specific to this route. A route that lists `version_mismatch` accepts If-Match. */
  readonly problems: readonly ProblemCode[];
  readonly headers: readonly ResponseHeader[];
}

/** A header of a successful response. */
export type ResponseHeader = 'X-Position' | 'ETag' | 'Location' | 'Content-Disposition';

/** A summary alone, or a summary and a description. */
export type OperationText = string | { readonly summary: string; readonly description: string };

/** Carries a route's documentation to openapi.document.ts, which removes it. */
export const documentationExtension = 'x-documentation';

const viewProblems: readonly ProblemCode[] = ['validation_failed', 'projection_behind', 'unavailable'];

const documentRoute = (text: OperationText, documentation: RouteDocumentation): MethodDecorator =>
  applyDecorators(
    ApiOperation(typeof text === 'string' ? { summary: text } : text),
    ApiExtension(documentationExtension, documentation),
  );

/** A command that creates a resource: 201, or with `mayExist` also 200 if it already existed. */
export const ApiCreateCommand = (
  text: OperationText,
  response: SchemaRef,
  problems: readonly ProblemCode[] = [],
  { mayExist = false } = {},
): MethodDecorator =>
  documentRoute(text, {
    isCommand: true,
    responses: mayExist ? { 200: response, 201: response } : { 201: response },
    problems,
    headers: ['X-Position', 'ETag', 'Location'],
  });

/** A command that changes a resource. */
export const ApiCommand = (
  text: OperationText,
  response: SchemaRef,
  problems: readonly ProblemCode[],
): MethodDecorator =>
  documentRoute(text, { isCommand: true, responses: { 200: response }, problems, headers: ['X-Position', 'ETag'] });

/** A command with many independent items: 207 if some of them are invalid. */
export const ApiBatchCommand = (
  text: OperationText,
  response: SchemaRef,
  problems: readonly ProblemCode[] = [],
): MethodDecorator =>
  documentRoute(text, {
    isCommand: true,
    responses: { 200: response, 207: response },
    problems,
    headers: ['X-Position'],
  });

/** One command for many leads: 207 if some items are rejected, 202 if it continues as a job. */
export const ApiBulkCommand = (
  text: OperationText,
  responses: { readonly outcome: SchemaRef; readonly job: SchemaRef },
  problems: readonly ProblemCode[],
): MethodDecorator =>
  documentRoute(text, {
    isCommand: true,
    responses: { 200: responses.outcome, 202: responses.job, 207: responses.outcome },
    problems,
    headers: ['X-Position', 'Location'],
  });

/** A command for a job: 202 if the job continues. */
export const ApiJobCommand = (
  text: OperationText,
  response: SchemaRef,
  statuses: readonly (200 | 202)[],
  problems: readonly ProblemCode[],
): MethodDecorator =>
  documentRoute(text, {
    isCommand: true,
    responses: Object.fromEntries(statuses.map((status) => [status, response])),
    problems,
    headers: statuses.includes(202) ? ['X-Position', 'Location'] : ['X-Position'],
  });

/** A list, or anything else that is read from a view and has no version. */
export const ApiList = (
  text: OperationText,
  response: SchemaRef,
  problems: readonly ProblemCode[] = [],
): MethodDecorator =>
  documentRoute(text, {
    isCommand: false,
    responses: { 200: response },
    problems: [...viewProblems, ...problems],
    headers: ['X-Position'],
  });

/** A file of one of these media types, read from a view. */
export const ApiDownload = (
  text: OperationText,
  mediaTypes: readonly string[],
  problems: readonly ProblemCode[] = [],
): MethodDecorator =>
  documentRoute(text, {
    isCommand: false,
    responses: { 200: mediaTypes },
    problems: [...viewProblems, ...problems],
    headers: ['X-Position', 'Content-Disposition'],
  });

/** One resource of a view, with its version in ETag. */
export const ApiGet = (text: OperationText, response: SchemaRef): MethodDecorator =>
  documentRoute(text, {
    isCommand: false,
    responses: { 200: response },
    problems: ['not_found', ...viewProblems],
    headers: ['X-Position', 'ETag'],
  });

/** A stream of server-sent events. */
export const ApiStream = (text: OperationText): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: 'Last-Event-ID',
      description: 'ID of the last event received. The stream resumes after it. Takes precedence over `from`.',
      required: false,
      schema: json.position(),
    }),
    documentRoute(text, {
      isCommand: false,
      responses: { 200: ['text/event-stream'] },
      problems: ['validation_failed', 'unavailable'],
      headers: ['X-Position'],
    }),
  );

/** A webhook that a provider calls, authenticated by `signatureHeaders`. */
export const ApiProviderWebhook = (
  text: OperationText,
  response: SchemaRef | readonly string[],
  signatureHeaders: readonly string[],
  problems: readonly ProblemCode[] = [],
): MethodDecorator =>
  applyDecorators(
    ...signatureHeaders.map((name) =>
      ApiHeader({ name, required: true, description: 'Signature data that the provider sends.' }),
    ),
    documentRoute(text, {
      isCommand: false,
      responses: { 200: response },
      problems: ['unauthorized', 'payload_too_large', 'unsupported_media_type', ...problems, 'unavailable'],
      headers: [],
    }),
  );

/** A route that reads no view: health, metrics, documentation and the like. */
export const ApiText = (
  text: OperationText,
  responses: RouteDocumentation['responses'],
  problems: readonly ProblemCode[] = [],
): MethodDecorator => documentRoute(text, { isCommand: false, responses, problems, headers: [] });
