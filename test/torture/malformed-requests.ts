import fc from 'fast-check';
import { canExport } from '../support/engines.js';
import { inHours } from '../support/api-steps.js';

/* Generators of malformed requests. */

interface Route {
  readonly method: string;
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** Every route that takes a body, with a valid body. */
export const commandRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/interactions',
    body: {
      contactId: 'malformed',
      channel: 'sms',
      kind: 'chat',
      messageId: 'm-1',
      occurredAt: inHours(-1),
      text: 'Hello',
      media: { url: 'https://example.org' },
      profile: { name: 'Ana', phone: '+49151', email: 'ana@example.org' },
      inReplyTo: 'm-0',
      integration: { form: 'f' },
    },
  },
  {
    method: 'POST',
    path: '/v1/leads',
    body: { contactId: 'malformed', profile: { name: 'Ana' }, channel: 'sms', origin: 'manual', note: 'n' },
  },
  {
    method: 'POST',
    path: '/v1/leads/:id/status',
    body: { status: 'contacted', qualificationScore: 7, reason: 'r', note: 'n' },
  },
  { method: 'POST', path: '/v1/leads/:id/assignment', body: { agentId: 'malformed', moveFollowUps: true, note: 'n' } },
  { method: 'DELETE', path: '/v1/leads/:id/assignment', body: {} },
  {
    method: 'POST',
    path: '/v1/leads/:id/qualification',
    body: {
      score: 1,
      model: 'm',
      modelVersion: '1',
      rationale: 'r',
      factors: [{ label: 'l', weight: 0.5 }],
      readUpTo: 'x',
    },
  },
  { method: 'DELETE', path: '/v1/leads/:id/qualification/pin', body: {} },
  {
    method: 'POST',
    path: '/v1/leads/:id/follow-ups',
    body: { dueAt: inHours(9), note: 'n', assigneeId: 'malformed', alsoSetStatus: true },
  },
  { method: 'POST', path: '/v1/leads/:id/follow-ups/:fid/complete', body: { note: 'n' } },
  { method: 'POST', path: '/v1/leads/:id/follow-ups/:fid/cancel', body: { reason: 'r' } },
  { method: 'POST', path: '/v1/leads/:id/follow-ups/:fid/reschedule', body: { dueAt: inHours(9), reason: 'r' } },
  {
    method: 'POST',
    path: '/v1/leads/:id/messages',
    body: { messageId: 'o-1', channel: 'sms', text: 'Hi', sentAt: inHours(-1) },
  },
  {
    method: 'POST',
    path: '/v1/agents',
    body: { id: 'malformed-2', name: 'Ben', email: 'ben@example.org', capacity: 3 },
  },
  {
    method: 'POST',
    path: '/v1/broadcasts',
    body: {
      id: 'malformed-3',
      name: 'Spring',
      campaign: { id: 'c', name: 'Spring' },
      template: { name: 't', language: 'en', category: 'x', body: 'Hi' },
      channel: 'sms',
    },
  },
  {
    method: 'POST',
    path: '/v1/broadcasts/:contactId/messages',
    body: {
      messages: [{ contactId: 'malformed', messageId: 'b-1', sentAt: inHours(-1), attempt: 1, parameters: { a: 'b' } }],
    },
  },
  {
    method: 'POST',
    path: '/v1/receipts',
    body: {
      receipts: [
        {
          channel: 'sms',
          messageId: 'b-1',
          status: 'failed',
          occurredAt: inHours(-1),
          error: { code: '1', detail: 'd' },
        },
      ],
    },
  },
  { method: 'POST', path: '/v1/webhooks/whatsapp', body: { object: 'whatsapp_business_account', entry: [] } },
  {
    method: 'POST',
    path: '/v1/webhooks/twilio',
    body: { MessageSid: `SM${'0'.repeat(32)}`, From: '+4915112345', Body: 'Hi' },
  },
  { method: 'POST', path: '/v1/webhooks/sendgrid', body: { event: 'delivered', sg_message_id: 's-1', timestamp: 1 } },
  {
    method: 'POST',
    path: '/v1/bulk',
    body: {
      action: { type: 'change_status', status: 'contacted', reason: 'r' },
      target: { ids: ['malformed'] },
      mode: 'best_effort',
      requestedBy: { type: 'agent', id: 'malformed' },
    },
  },
  {
    method: 'POST',
    path: '/v1/bulk',
    body: {
      action: { type: 'create_follow_up', dueAt: inHours(9), note: 'n', assigneeId: 'malformed' },
      target: { filter: { status: 'new', q: 'ana' }, expectedCount: 1 },
      mode: 'all_or_nothing',
    },
  },
  { method: 'POST', path: '/v1/bulk/:bulkId/cancel', body: {} },
  { method: 'POST', path: '/v1/bulk/:bulkId/retry', body: {} },
  { method: 'PATCH', path: '/v1/agents/:contactId', body: { name: 'Ben', capacity: null, active: true } },
];
const exports = canExport ? ['/v1/leads/export'] : [];
export const queryRoutes: readonly Route[] = [
  ...exports,
  '/v1/leads',
  '/v1/leads/:id',
  '/v1/leads/:id/history',
  '/v1/leads/:id/replay',
  '/v1/contacts/:contactId/history',
  '/v1/follow-ups',
  '/v1/agents',
  '/v1/agents/:contactId',
  '/v1/leads/:id/broadcasts',
  '/v1/broadcasts',
  '/v1/broadcasts/:contactId',
  '/v1/broadcasts/:contactId/recipients',
  '/v1/bulk/:bulkId',
  '/v1/bulk/:bulkId/results',
  '/v1/events',
  '/v1/stats/funnel',
  '/v1/stats/time-in-status',
  '/v1/stats/agents',
  '/v1/stats/sources',
  '/v1/webhooks/whatsapp',
  '/healthz',
  '/readyz',
  '/metrics',
  '/openapi.json',
  '/docs',
  '/docs/:contactId',
].map((path) => ({ method: 'GET', path }));
const parameters = [
  'status active agentId contactId channel origin campaignId scoreMin scoreMax scored createdFrom createdTo updatedFrom',
  'updatedTo followUpDue timeZone q sort limit cursor count after wait order type actor from to asOf state due assigneeId leadId',
  'format columns scope hub.mode hub.verify_token hub.challenge',
  '__proto__ constructor toString hasOwnProperty',
].flatMap((line) => line.split(' '));

/** Values that no valid field or parameter has. */
const oddText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\ud800',
    'a\udfffb',
    '\ufeff',
    '\u202e',
    '🙂',
    '__proto__',
    'constructor',
  ),
  fc.constantFrom(
    'null',
    'NaN',
    '-1',
    '1e3',
    '0x10',
    '9'.repeat(40),
    'true',
    "' OR 1=1 --",
    '"',
    '%',
    '_',
    '*',
    '%00',
    '${1}',
  ),
  fc.constantFrom(
    '2026-01-01',
    '2026-13-01T00:00:00Z',
    '+275760-09-13T00:00:00Z',
    '9999-12-31T23:59:59.999-23:59',
    '0000-01-01T00:00:00Z',
  ),
  fc.constantFrom('x'.repeat(129), 'x'.repeat(5_000), 'é'.repeat(40_000), '!'.repeat(60_000), 'a '.repeat(30_000)),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const deep = (depth: number, open: string, close: string): unknown =>
  JSON.parse(open.repeat(depth) + '1' + close.repeat(depth));
const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: oddText, weight: 3 },
  fc.constantFrom(null, true, false, 0, -0, -1, 0.5, 73.5, 1e21, 1e308, -1e308, 2 ** 53, 2 ** 31),
  fc.constantFrom(
    [],
    {},
    [[]],
    [null],
    [{}],
    { length: 3 },
    { toString: 1 },
    { valueOf: null },
    { then: 1 },
    { toJSON: 'x' },
    { constructor: 1 },
    { constructor: { name: 'Array' } },
    { a: { constructor: 'x', hasOwnProperty: 1 } },
  ),
  fc.constantFrom(
    deep(20, '[', ']'),
    deep(400, '{"a":', '}'),
    Array(5_000).fill(0),
    Array(200).fill({ label: 'x', weight: 1 }),
  ),
  fc.jsonValue({ maxDepth: 4 }),
);
const oddKey = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '',
    '0',
    'a.b',
    'a[0]',
    '\u0000',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

/** A valid body with some members replaced. It is serialized here, because an object cannot have a key such as `__proto__`. */
const bodyWithOddMembers = (valid: Readonly<Record<string, unknown>>): fc.Arbitrary<string> => {
  const names = Object.keys(valid);
  const replacement = names.length > 0 ? fc.tuple(fc.constantFrom(...names), oddValue) : fc.tuple(oddKey, oddValue);
  return fc
    .tuple(fc.array(replacement, { maxLength: 3 }), fc.array(fc.tuple(oddKey, oddValue), { maxLength: 1 }))
    .map(([changes, more]) => {
      const entries = [...Object.entries({ ...valid, ...Object.fromEntries(changes) }), ...more];
      return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()}}`;
    });
};
const brokenBody = (valid: object): fc.Arbitrary<Buffer> => {
  const text = JSON.stringify(valid);
  return fc.oneof(
    fc.nat({ max: text.length }).map((end) => Buffer.from(text.slice(0, end))),
    fc
      .constantFrom(
        '[]',
        '"text"',
        '7',
        'null',
        'true',
        'NaN',
        "{'a':1}",
        '{"a":1,}',
        '{a:1}',
        '\ufeff{}',
        '{"a":1}{"b":2}',
        '\u0000',
      )
      .map((text) => Buffer.from(text)),
    fc.constantFrom(
      Buffer.from([0xff, 0xfe, 0x7b]),
      Buffer.from('{"a":"\xff"}', 'latin1'),
      Buffer.from(text, 'utf16le'),
      Buffer.alloc(64),
    ),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
};

const headerNames = [
  'idempotency-key',
  'if-match',
  'x-actor',
  'x-occurred-at',
  'x-correlation-id',
  'x-causation-id',
  'authorization',
  'accept',
  'content-encoding',
  'accept-encoding',
  'range',
  'cookie',
  'if-none-match',
  'origin',
  'x-forwarded-for',
  'x-http-method-override',
];
const headerValue = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '"1"',
    'W/"1"',
    '*',
    '"-1"',
    '"99999999999999999999"',
    'agent:',
    'agent:ben',
    'agent:ben, agent:ana',
    'system:x',
    'gzip',
    'br',
  ),
  fc.constantFrom(
    '2020-01-01T00:00:00Z',
    '2999-01-01T00:00:00Z',
    'Bearer x',
    'x'.repeat(256),
    'x'.repeat(4_000),
    'k',
    '__proto__',
    'ÿ',
  ),
  fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((code) => code !== 0x7f)
      .map((code) => String.fromCharCode(code)),
    maxLength: 30,
  }),
);
const headers = fc.array(fc.tuple(fc.constantFrom(...headerNames), headerValue), { maxLength: 3 });
const contentType = fc.oneof(
  { arbitrary: fc.constant('application/json'), weight: 6 },
  fc.constantFrom(
    '',
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    'application/json;',
    'APPLICATION/JSON',
    'application/jsonx',
    'json',
    '/',
    ';',
    'a/b/c',
    'application/json, text/plain',
    'application/problem+json',
    'x'.repeat(500),
  ),
);

/** Filled in with existing ids before the first request is sent. */
export const existingIds = { id: '', fid: '', bulkId: '', contactId: 'malformed' };
const oddSegment = fc.oneof(
  { arbitrary: fc.constant(undefined), weight: 4 },
  fc.constantFrom(
    '%00',
    '%ff',
    '%',
    '%2',
    '%2e%2e',
    '..',
    '.',
    '%2F',
    '%252e',
    '*',
    ':id',
    '__proto__',
    'constructor',
    '-',
    '-1',
    'x'.repeat(2_100),
    '🙂',
    encodeURIComponent('🙂'),
    '%ed%a0%80',
    '%20',
    ';',
    '@',
    '%0d%0a',
    "'",
  ),
  fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 12 }).map(encodeURIComponent),
);
const oddQuery = fc.oneof(
  { arbitrary: fc.constant(''), weight: 2 },
  fc
    .array(fc.tuple(fc.constantFrom(...parameters), oddText.map(wellFormed)), { minLength: 1, maxLength: 3 })
    .map(
      (pairs) => `?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value).slice(0, 6_000)}`).join('&')}`,
    ),
  fc.constantFrom(
    '?',
    '?&&&',
    '?=',
    '?limit',
    '?limit[]=1',
    '?limit[a]=1',
    '?%00',
    '?limit=%ff',
    '?limit=%',
    '?a=1&a=2',
    '?limit=1&limit=2',
    '?status=new,,new',
    '?__proto__[x]=1',
    `?${'a=1&'.repeat(2_000)}`,
    `?q=${'x'.repeat(8_000)}`,
    '?limit=1?limit=2',
    '?#',
    '?asOf=pabc.1',
    '?after=~',
    '?after=',
  ),
);
function wellFormed(text: string): string {
  return text.replace(/\p{Cs}/gu, '');
}

/** The field of a cursor that holds the parameters of the list. */
const cursorParameters = 'asked';
/** Cursors are opaque, but a caller can forge one. */
const cursor = fc
  .record(
    {
      [cursorParameters]: fc.oneof(
        oddValue,
        fc.dictionary(fc.constantFrom(...parameters), oddText, { maxKeys: 3, noNullPrototype: true }),
      ),
      now: fc.oneof(oddValue, fc.constant('2026-01-01T00:00:00.000Z')),
      value: fc.oneof(oddValue, fc.constantFrom(1, 'x', null)),
      key: fc.oneof(oddValue, fc.constant('x')),
    },
    { requiredKeys: [] },
  )
  .map((fields) => `cursor=${Buffer.from(JSON.stringify(fields)).toString('base64url').slice(0, 6_000)}`);

export interface MalformedRequest {
  readonly pieces: readonly Buffer[];
  /** The server must respond, and an error must have problem details. */
  readonly isHttp: boolean;
}

const request = (line: string, headerLines: readonly string[], body?: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(
      `${line}\r\n${['host: localhost', 'connection: close', ...headerLines].join('\r\n')}\r\n\r\n`,
      'latin1',
    ),
    body ?? Buffer.alloc(0),
  ]);

export const requestWithBody = (
  method: string,
  path: string,
  type: string,
  more: readonly (readonly [string, string])[],
  body: Buffer,
): Buffer =>
  request(
    `${method} ${path} HTTP/1.1`,
    [
      ...(type === '' ? [] : [`content-type: ${type}`]),
      ...more.map(([name, value]) => `${name}: ${value}`),
      `content-length: ${body.length}`,
    ],
    body,
  );

export const requestPath = (route: Route, segments: readonly (string | undefined)[]): string => {
  let index = 0;
  return utf8InLatin1(
    route.path.replace(/:(\w+)/g, (_, name: keyof typeof existingIds) => segments[index++] ?? existingIds[name]),
  );
};
const utf8InLatin1 = (text: string): string => Buffer.from(text).toString('latin1');

export const malformedBodies = fc.constantFrom(...commandRoutes).chain((route) =>
  fc
    .tuple(
      fc.oneof(
        { arbitrary: bodyWithOddMembers(route.body!).map((text) => Buffer.from(text)), weight: 3 },
        brokenBody(route.body!),
      ),
      contentType,
      headers,
      fc.array(oddSegment, { minLength: 2, maxLength: 2 }),
    )
    .map(([body, type, more, segments]): MalformedRequest => ({
      pieces: [requestWithBody(route.method, requestPath(route, segments), type, more, body)],
      isHttp: true,
    })),
);
export const malformedPaths = fc
  .tuple(
    fc.constantFrom(...commandRoutes, ...queryRoutes),
    fc.array(oddSegment, { minLength: 2, maxLength: 2 }),
    fc.oneof(
      oddQuery,
      cursor.map((parameter) => `?${parameter}`),
    ),
    headers,
  )
  .map(([route, segments, query, more]): MalformedRequest => ({
    pieces: [
      request(
        `${route.method} ${requestPath(route, segments)}${utf8InLatin1(query)} HTTP/1.1`,
        more.map(([name, value]) => `${name}: ${value}`),
      ),
    ],
    isHttp: true,
  }));
export const malformedQueries = fc
  .tuple(
    fc.constantFrom(...queryRoutes.map(({ path }) => path)),
    fc.oneof(
      oddQuery,
      cursor.map((parameter) => `?${parameter}`),
    ),
  )
  .map(([path, query]): MalformedRequest => ({
    pieces: [request(`GET ${requestPath({ method: 'GET', path }, [])}${utf8InLatin1(query)} HTTP/1.1`, [])],
    isHttp: true,
  }));
export const malformedMethods = fc
  .tuple(
    fc.constantFrom('GET', 'HEAD', 'PUT', 'OPTIONS', 'TRACE', 'PROPFIND', 'POST', 'PATCH', 'DELETE', 'PURGE', 'QUERY'),
    fc.constantFrom(...commandRoutes, ...queryRoutes),
    fc.constantFrom('', '/', '//', '/x', '?x'),
  )
  .map(([method, route, end]): MalformedRequest => ({
    pieces: [request(`${method} ${requestPath(route, [])}${end} HTTP/1.1`, ['content-length: 0'])],
    isHttp: true,
  }));

export const validRequest = (): Buffer =>
  requestWithBody(
    'POST',
    '/v1/interactions',
    'application/json',
    [],
    Buffer.from('{"contactId":"malformed","channel":"sms","kind":"chat","messageId":"raw"}'),
  );
export const malformedHttp = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => [Buffer.from(bytes), Buffer.from('\r\n\r\n')]),
    fc
      .constantFrom(
        'get / HTTP/1.1\r\n\r\n',
        'FOO / HTTP/1.1\r\nhost: localhost\r\n\r\n',
        'GET / HTTP/9.9\r\n\r\n',
        'GET /\r\n\r\n',
        'GET  / HTTP/1.1\r\n\r\n',
        'GET /v1/leads HTTP/1.1\r\n\r\n',
        'GET /v1/leads HTTP/1.0\r\n\r\n',
        'CONNECT x:1 HTTP/1.1\r\nhost: localhost\r\n\r\n',
        'GET http://evil.example/v1/leads HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
        'OPTIONS * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
        'GET /v1/leads HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n',
        'GET /v1/leads HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n',
        'GET / HTTP/1.1\r\nhost: localhost\r\nexpect: tea\r\nconnection: close\r\n\r\n',
        `GET /v1/leads HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
        `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
        `GET /v1/leads HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${'x: y\r\n'.repeat(3_000)}\r\n`,
        'GET /v1/leads HTTP/1.1\r\nhost: localhost\r\nbad header\r\n\r\n',
        'GET /v1/leads HTTP/1.1\r\nhost: localhost\r\nx: a\u0000b\r\n\r\n',
        '\r\n\r\n\r\nGET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
        'POST /v1/leads HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n',
        'POST /v1/leads HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}x',
        'POST /v1/leads HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n{"contactId":"x"}',
        'POST /v1/leads HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n',
        'POST /v1/leads HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
        'POST /v1/leads HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}',
        'POST /v1/leads HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: gzip\r\n\r\n{}',
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      )
      .map((text) => [Buffer.from(text, 'latin1')]),
    // A valid request that arrives in pieces.
    fc.array(fc.nat({ max: validRequest().length }), { minLength: 1, maxLength: 6 }).map((cuts) => {
      const offsets = [0, ...cuts.toSorted((a, b) => a - b), validRequest().length];
      return offsets.slice(1).map((end, index) => validRequest().subarray(offsets[index], end));
    }),
  )
  .map((pieces): MalformedRequest => ({ pieces: [...pieces, Buffer.alloc(0)], isHttp: false }));
