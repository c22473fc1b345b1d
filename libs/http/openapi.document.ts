import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { documentationExtension, type RouteDocumentation } from './openapi.decorators.js';
import {
  responseSchemas,
  positionSchema,
  problemSchemaName,
  createProblemSchemas,
  schemaRef,
  type OpenApiSchema,
} from './openapi.schemas.js';
import { statusByProblemCode, type ProblemCode } from './problem.js';

interface Operation {
  tags?: readonly string[];
  parameters?: readonly (OpenApiSchema & { readonly schema?: { example?: unknown } })[];
  requestBody?: { required?: boolean; content: Record<string, { schema: { $ref?: string } }> };
  responses: Record<string, unknown>;
  [documentationExtension]?: RouteDocumentation;
}

const introduction = `What callers can rely on everywhere:

- JSON in and out; times are RFC 3339. Unknown body fields and query parameters are refused, naming them. A GET can be a HEAD.
- Errors are \`application/problem+json\` (RFC 9457) with a \`code\` for programs and a \`detail\` for people. A path that takes
  other methods answers \`method_not_allowed\` (405) with \`Allow\`.
- A command answers with the new state and a \`position\`. A GET with \`after=<position>\` is at least as new as that: so you read
  your own writes.
- A command with an \`Idempotency-Key\` can be sent again: it is answered as the first time and does nothing more.`;

const text = (more: OpenApiSchema = {}): OpenApiSchema => ({ type: 'string', ...more });
const header = (name: string, description: string, schema: OpenApiSchema): OpenApiSchema => ({
  name,
  in: 'header',
  description,
  schema,
});

/** Headers that callers send. */
const sent: Readonly<Record<string, OpenApiSchema>> = {
  IdempotencyKey: header(
    'Idempotency-Key',
    'The same key with the same request is answered the same again, and does nothing.',
    text({ minLength: 1, maxLength: 255, pattern: '^[\\x20-\\x7e]*$' }),
  ),
  IfMatch: header(
    'If-Match',
    '`"<version>"`, in quotes: only if nothing happened since that version. Without it, or with *, the order of arrival decides.',
    text({ pattern: '^("\\d{1,15}"|\\*)$' }),
  ),
  Actor: header(
    'X-Actor',
    '`agent:<agentId>`: the person that a trusted service acts for.',
    text({ pattern: '^agent:\\P{Cc}{1,128}$' }),
  ),
  OccurredAt: header(
    'X-Occurred-At',
    'Dates the command back, for imports. Not in the future.',
    text({ format: 'date-time' }),
  ),
  CausationId: header('X-Causation-Id', 'What made the caller ask; kept with the events.', text()),
  CorrelationId: header(
    'X-Correlation-Id',
    'Ties together what one request sets off; made up if it is left out, or is not 1 to 128 visible ASCII characters.',
    text(),
  ),
};

/** Headers that answers carry. */
const answered: Readonly<Record<string, OpenApiSchema>> = {
  'X-Correlation-Id': { description: "The request's, or one that was made up.", required: true, schema: text() },
  'X-Position': {
    description: 'Up to where in the log the answer knows everything. Opaque.',
    required: true,
    schema: positionSchema,
  },
  ETag: { description: '`"<version>"`, for If-Match.', schema: text({ pattern: '^"\\d+"$' }) },
  Location: {
    description: 'Where what was made can be found.',
    required: true,
    schema: text({ format: 'uri-reference' }),
  },
  'Content-Disposition': {
    description: 'That it is a file, and what to call it.',
    required: true,
    schema: text({ pattern: '^attachment; filename="[^"]+"$' }),
  },
  'Idempotent-Replayed': {
    description: 'true: this was answered before, and nothing was done.',
    schema: text({ enum: ['true'] }),
  },
  'Retry-After': { description: 'In seconds.', schema: text({ pattern: '^\\d+$' }) },
};
const tell = (...names: readonly string[]): OpenApiSchema =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** What any command may be refused with. */
const ofCommands: readonly ProblemCode[] = [
  'malformed_json',
  'conflict',
  'idempotency_in_flight',
  'payload_too_large',
  'unsupported_media_type',
  'validation_failed',
  'idempotency_key_reused',
  'unavailable',
];

/** The API as this process serves it, in OpenAPI 3.1: routes, parameters and bodies as Nest sees them, answers as they are told. */
export function createOpenApiDocument(app: INestApplication): object {
  const about = new DocumentBuilder().setOpenAPIVersion('3.1.0').setTitle('Leadstream').setVersion('1');
  const document = SwaggerModule.createDocument(app, about.setDescription(introduction).build(), {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  const requests = { ...document.components?.schemas } as Record<string, OpenApiSchema>;
  const codes = new Set<ProblemCode>(['method_not_allowed']);
  for (const schema of Object.values(requests)) Object.assign(schema, { additionalProperties: false });
  for (const [path, methods] of Object.entries(document.paths))
    for (const operation of Object.values(methods)) complete(path, operation as Operation, requests, codes);
  const { openapi, info, paths } = document;
  return {
    openapi,
    info,
    jsonSchemaDialect: 'https://spec.openapis.org/oas/3.1/dialect/base',
    servers: [{ url: '/' }],
    tags: [...new Set(Object.keys(paths).map(tagOf))].sort().map((name) => ({ name })),
    paths,
    components: {
      schemas: { ...requests, ...responseSchemas, ...createProblemSchemas(codes) },
      parameters: sent,
      headers: answered,
    },
  };
}

const tagOf = (path: string): string => /^\/v1\/([^/]+)/.exec(path)?.[1] ?? 'this process';

/** Adds what Nest does not see. `codes` learns which problems there are. */
function complete(
  path: string,
  operation: Operation,
  requests: Readonly<Record<string, OpenApiSchema>>,
  codes: Set<ProblemCode>,
): void {
  const { [documentationExtension]: told, requestBody } = operation;
  if (!told) throw new Error(`${path} does not say what it answers: see openapi.decorators.ts`);
  delete operation[documentationExtension];
  operation.tags = [tagOf(path)];

  // An empty body counts as {}: where nothing is required it may be left out.
  const body = requestBody?.content['application/json']?.schema.$ref?.split('/').at(-1);
  const { required, anyOf } = requests[body ?? ''] ?? {};
  if (requestBody && body) requestBody.required = Boolean(required ?? anyOf);

  const takes = [
    ...(told.command ? ['IdempotencyKey', 'OccurredAt', 'CausationId'] : []),
    ...(told.problems.includes('version_mismatch') ? ['IfMatch'] : []),
    ...(told.command || told.headers.length > 0 ? ['Actor'] : []),
    'CorrelationId',
  ];
  // The page would fill a query with them.
  for (const { schema } of operation.parameters ?? []) delete schema?.example;
  const headers = takes.map((name) => ({ $ref: `#/components/parameters/${name}` }));
  operation.parameters = [...(operation.parameters ?? []), ...headers];
  const problems = [...new Set([...(told.command ? ofCommands : []), ...told.problems, 'internal' as const])];
  for (const code of problems) codes.add(code);
  operation.responses = responsesOf(told, problems);
}

function responsesOf(
  { command, responses: answers, headers }: RouteDocumentation,
  problems: readonly ProblemCode[],
): Record<string, unknown> {
  const isOfView = !command && headers.includes('X-Position');
  const always = ['X-Correlation-Id', ...(command ? ['Idempotent-Replayed'] : [])];
  const good = Object.entries(answers).map(([status, answer]) => {
    const says = headers.filter((it) => it !== 'Location' || status === '201' || status === '202');
    const content =
      typeof answer === 'string'
        ? { 'application/json': { schema: schemaRef(answer) } }
        : Object.fromEntries(answer.map((media) => [media, { schema: text() }]));
    return [status, { description: described[status] ?? '', headers: tell(...always, ...says), content }];
  });

  const bad = [...new Set(problems.map((code) => statusByProblemCode[code]))].map((status) => {
    const these = problems.filter((code) => statusByProblemCode[code] === status);
    const refs = these.map((code) => schemaRef(problemSchemaName(code)));
    return [
      String(status),
      {
        description: these.join(', '),
        headers: tell(
          ...always,
          ...(status === 503 ? ['Retry-After'] : []),
          ...(isOfView && status === 404 ? ['X-Position'] : []),
        ),
        content: { 'application/problem+json': { schema: refs.length === 1 ? refs[0] : { oneOf: refs } } },
      },
    ];
  });
  return Object.fromEntries([...good, ...bad]) as Record<string, unknown>;
}

const described: Readonly<Record<string, string>> = {
  200: 'Done.',
  201: 'Made.',
  202: 'Accepted: it is done soon.',
  207: 'Done in part: some items are bad.',
  503: 'Not ready.',
};
