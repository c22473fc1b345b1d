import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import * as json from './json-schema.js';
import type { JsonSchema } from './json-schema.js';
import { documentationExtension, type RouteDocumentation } from './openapi.decorators.js';
import { statusByProblemCode, type ProblemCode } from './problem.js';
import { problemRefs } from './problem.schemas.js';
import { printableAsciiPattern, visibleAsciiPattern } from './request.js';

interface Parameter {
  readonly name?: string;
  readonly in?: string;
  description?: string;
  readonly schema?: { example?: unknown };
  readonly $ref?: string;
}

interface Operation {
  tags?: readonly string[];
  parameters?: readonly Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema: { $ref?: string } }> };
  responses: Record<string, unknown>;
  [documentationExtension]?: RouteDocumentation;
}

const introduction = `Conventions of this API:

- **Format.** Request and response bodies are JSON. Times are RFC 3339 in UTC. Unknown body fields and unknown query parameters are
  rejected, and the error names them. Every path that supports GET also supports HEAD.
- **Errors** are \`application/problem+json\` (RFC 9457). Use \`code\` in programs; \`detail\` is for people. A path called with a method
  that it does not support returns 405 \`method_not_allowed\` with the header \`Allow\`.
- **Any request** may also return 408 \`request_timeout\` if it does not arrive in time, 431 \`headers_too_large\`, 503 \`unavailable\` if the
  process has too many requests in progress, and 422 \`validation_failed\` for a header that is sent twice. While authentication is off, a
  request with a \`Host\` other than a loopback name or address returns 421 \`misdirected_request\`, one with \`Authorization\` 401
  \`unauthorized\`, and one from a page of another origin that would change something 403 \`forbidden_origin\`.
- **Reading your own writes.** A command returns the new state and a \`position\`. Pass it as \`after=<position>\` to any GET: the response
  then includes everything up to that position.
- **Idempotency.** A command with an \`Idempotency-Key\` is safe to retry: a retry returns the first response and changes nothing.`;

const header = (name: string, description: string, schema: JsonSchema): JsonSchema => ({
  name,
  in: 'header',
  description,
  schema,
});
const patternOf = (pattern: string): JsonSchema => ({ ...json.string(), pattern });

const requestHeaders: Readonly<Record<string, JsonSchema>> = {
  IdempotencyKey: header(
    'Idempotency-Key',
    'Makes the request idempotent. A repeated request with the same key returns the stored response and changes nothing. The same key with a different request returns `idempotency_key_reused`.',
    { ...json.string(), minLength: 1, maxLength: 255, pattern: printableAsciiPattern },
  ),
  IfMatch: header(
    'If-Match',
    '`"<version>"`, in quotes, as returned in `ETag`. The command returns `version_mismatch` if the resource has changed since that version. Without this header, or with `*`, the command applies to the current version.',
    patternOf('^("\\d{1,15}"|\\*)$'),
  ),
  Actor: header(
    'X-Actor',
    '`agent:<agentId>`: the agent on whose behalf a trusted service acts.',
    patternOf('^agent:(?!(?:\\.{1,2}|none)$)\\P{Cc}{1,128}$'),
  ),
  OccurredAt: header(
    'X-Occurred-At',
    "Backdates the command, for imports. Must not be in the future or before the contact's last command.",
    json.timestamp(),
  ),
  CausationId: header(
    'X-Causation-Id',
    'ID of the event or command that caused this command. Stored with its events as `causationId`.',
    { ...json.string(), minLength: 1, maxLength: 128, pattern: printableAsciiPattern },
  ),
  CorrelationId: header(
    'X-Correlation-Id',
    'Groups everything that results from one request. Stored with the events as `correlationId`, logged and returned. Generated if omitted. A command with an invalid value is rejected; any other request gets a generated value instead.',
    { ...json.string(), minLength: 1, maxLength: 128, pattern: visibleAsciiPattern },
  ),
};

const responseHeaders: Readonly<Record<string, JsonSchema>> = {
  'X-Correlation-Id': {
    description: 'Correlation ID of the request, as sent or generated.',
    required: true,
    schema: json.string(),
  },
  'X-Position': {
    description: 'Log position up to which the response is complete. Opaque.',
    required: true,
    schema: json.position(),
  },
  ETag: { description: '`"<version>"` of the resource, for `If-Match`.', schema: patternOf('^"\\d+"$') },
  Location: {
    description: 'Path of the created resource.',
    required: true,
    schema: { ...json.string(), format: 'uri-reference' },
  },
  'Content-Disposition': {
    description: 'Marks the response as a file and names it.',
    required: true,
    schema: patternOf('^attachment; filename="[^"]+"$'),
  },
  'Idempotent-Replayed': {
    description: '`true` if this is the stored response of an earlier request with the same idempotency key.',
    schema: json.enumOf(['true']),
  },
  'Retry-After': { description: 'Seconds to wait before retrying.', schema: patternOf('^\\d+$') },
};

const headerRefs = (names: readonly string[]): JsonSchema =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** Problems that the server returns before it runs an operation. The introduction describes them, and no operation refers to them. */
const generalProblems: readonly ProblemCode[] = [
  'forbidden_origin',
  'headers_too_large',
  'method_not_allowed',
  'misdirected_request',
  'request_timeout',
];

/** Problems that any command may return. */
const commandProblems: readonly ProblemCode[] = [
  'malformed_json',
  'conflict',
  'idempotency_in_flight',
  'payload_too_large',
  'unsupported_media_type',
  'validation_failed',
  'idempotency_key_reused',
  'unavailable',
];

/** By path segment and parameter. */
const pathParameters: Readonly<Record<string, string>> = {
  'leads/{id}': 'ID of the lead.',
  'contacts/{id}': 'ID of the contact.',
  'agents/{id}': 'ID of the agent.',
  'broadcasts/{id}': 'ID of the broadcast.',
  'bulk/{id}': 'ID of the bulk job.',
  'follow-ups/{fid}': 'ID of the follow-up.',
  'docs/{file}': 'Name of the file.',
};

/** Creates the OpenAPI 3.1 document of the routes that this process serves. */
export function createOpenApiDocument(app: INestApplication): object {
  const builder = new DocumentBuilder().setOpenAPIVersion('3.1.0').setTitle('Leadstream').setVersion('1');
  const document = SwaggerModule.createDocument(app, builder.setDescription(introduction).build(), {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  const requestSchemas = { ...document.components?.schemas } as Record<string, JsonSchema>;
  for (const schema of Object.values(requestSchemas)) Object.assign(schema, { additionalProperties: false });
  for (const [path, methods] of Object.entries(document.paths))
    for (const operation of Object.values(methods)) completeOperation(path, operation as Operation, requestSchemas);
  const { openapi, info, paths } = document;
  return {
    openapi,
    info,
    jsonSchemaDialect: 'https://spec.openapis.org/oas/3.1/dialect/base',
    servers: [{ url: '/' }],
    tags: [...new Set(Object.keys(paths).map(tagOf))].sort().map((name) => ({ name })),
    paths,
    components: {
      schemas: { ...requestSchemas, ...json.findComponents([paths, generalProblems.map((code) => problemRefs[code])]) },
      parameters: requestHeaders,
      headers: responseHeaders,
    },
  };
}

const tagOf = (path: string): string => /^\/v1\/([^/]+)/.exec(path)?.[1] ?? 'operations';

/** Adds what Nest does not know about a route. */
function completeOperation(
  path: string,
  operation: Operation,
  requestSchemas: Readonly<Record<string, JsonSchema>>,
): void {
  const { [documentationExtension]: documentation, requestBody } = operation;
  if (!documentation) throw new Error(`${path} has no documentation. Use a decorator of openapi.decorators.ts.`);
  delete operation[documentationExtension];
  operation.tags = [tagOf(path)];

  // An empty body counts as {}, so a body without required fields may be omitted.
  const bodySchema = requestBody?.content['application/json']?.schema.$ref?.split('/').at(-1);
  const { required, anyOf } = requestSchemas[bodySchema ?? ''] ?? {};
  if (requestBody && bodySchema) requestBody.required = Boolean(required ?? anyOf);

  const { isCommand, problems: ownProblems, headers } = documentation;
  const acceptedHeaders = [
    ...(isCommand ? ['IdempotencyKey', 'OccurredAt', 'CausationId'] : []),
    ...(ownProblems.includes('version_mismatch') ? ['IfMatch'] : []),
    ...(isCommand || headers.length > 0 ? ['Actor'] : []),
    'CorrelationId',
  ];
  const headerParameters = acceptedHeaders.map((name) => ({ $ref: `#/components/parameters/${name}` }));
  const parameters = operation.parameters ?? [];
  for (const parameter of parameters) {
    // The documentation page would prefill queries with examples.
    delete parameter.schema?.example;
    if (parameter.in === 'path') parameter.description = describePathParameter(path, parameter.name);
  }
  operation.parameters = [...parameters, ...headerParameters];
  const problems = [...new Set([...(isCommand ? commandProblems : []), ...ownProblems, 'internal' as const])];
  operation.responses = { ...describeResponses(documentation), ...describeProblems(documentation, problems) };
}

function describePathParameter(path: string, name = ''): string {
  const [segment = ''] = new RegExp(`[^/]+/\\{${name}\\}`).exec(path) ?? [];
  const description = pathParameters[segment];
  if (description === undefined) throw new Error(`Describe ${segment} in openapi.document.ts.`);
  return description;
}

const commonHeaders = (isCommand: boolean): readonly string[] =>
  isCommand ? ['X-Correlation-Id', 'Idempotent-Replayed'] : ['X-Correlation-Id'];

function describeResponses({ isCommand, responses, headers }: RouteDocumentation): Record<string, unknown> {
  const entries = Object.entries(responses).map(([status, response]) => {
    const ownHeaders = headers.filter((name) => name !== 'Location' || status === '201' || status === '202');
    const content = isMediaTypes(response)
      ? Object.fromEntries(response.map((mediaType) => [mediaType, { schema: json.string() }]))
      : { 'application/json': { schema: response } };
    const description = responseDescriptions[status] ?? '';
    return [status, { description, headers: headerRefs([...commonHeaders(isCommand), ...ownHeaders]), content }];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function describeProblems(
  { isCommand, headers }: RouteDocumentation,
  problems: readonly ProblemCode[],
): Record<string, unknown> {
  const readsView = !isCommand && headers.includes('X-Position');
  const statuses = [...new Set(problems.map((code) => statusByProblemCode[code]))];
  const entries = statuses.map((status) => {
    const codes = problems.filter((code) => statusByProblemCode[code] === status);
    const refs = codes.map((code) => problemRefs[code]);
    const ownHeaders = [
      ...(status === 503 ? ['Retry-After'] : []),
      ...(readsView && status === 404 ? ['X-Position'] : []),
    ];
    return [
      String(status),
      {
        description: `Error codes: ${codes.join(', ')}`,
        headers: headerRefs([...commonHeaders(isCommand), ...ownHeaders]),
        content: { 'application/problem+json': { schema: refs.length === 1 ? refs[0] : { oneOf: refs } } },
      },
    ];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

const isMediaTypes = (response: RouteDocumentation['responses'][number]): response is readonly string[] =>
  Array.isArray(response);

const responseDescriptions: Readonly<Record<string, string>> = {
  200: 'OK.',
  201: 'Created.',
  202: 'Accepted. The job continues in the background.',
  207: 'Partial success: some items were rejected.',
  503: 'Not ready.',
};
