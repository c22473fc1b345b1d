import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anApp } from '../support/app.js';
import { bulk } from '../support/bulk.js';
import { canExport } from '../support/engines.js';
import { providerSettings } from '../support/providers.js';
import { breakOff, sendRaw } from '../support/raw.js';
import {
  allLeads,
  anAgent,
  contactHistory,
  done,
  followUp,
  inHours,
  leadHistory,
  openLead,
  writes,
} from '../support/story.js';

/** Requests that no decent client sends. None may be answered with a 5xx, a stack trace or a database's words, none may hang. */
const app = anApp(providerSettings);

/** How often the properties run: with the default about two thousand requests. */
const effort = Number(process.env['TORTURE_EFFORT'] ?? 1);
const atOnce = 16;

interface Route {
  readonly method: string;
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** Every route with a body that would be taken. */
const commands: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/interactions',
    body: {
      contactId: 'bent',
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
    body: { contactId: 'bent', profile: { name: 'Ana' }, channel: 'sms', origin: 'manual', note: 'n' },
  },
  {
    method: 'POST',
    path: '/v1/leads/:id/status',
    body: { status: 'contacted', qualificationScore: 7, reason: 'r', note: 'n' },
  },
  { method: 'POST', path: '/v1/leads/:id/assignment', body: { agentId: 'bent', moveFollowUps: true, note: 'n' } },
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
    body: { dueAt: inHours(9), note: 'n', assigneeId: 'bent', alsoSetStatus: true },
  },
  { method: 'POST', path: '/v1/leads/:id/follow-ups/:fid/complete', body: { note: 'n' } },
  { method: 'POST', path: '/v1/leads/:id/follow-ups/:fid/cancel', body: { reason: 'r' } },
  { method: 'POST', path: '/v1/leads/:id/follow-ups/:fid/reschedule', body: { dueAt: inHours(9), reason: 'r' } },
  {
    method: 'POST',
    path: '/v1/leads/:id/messages',
    body: { messageId: 'o-1', channel: 'sms', text: 'Hi', sentAt: inHours(-1) },
  },
  { method: 'POST', path: '/v1/agents', body: { id: 'bent-2', name: 'Ben', email: 'ben@example.org', capacity: 3 } },
  {
    method: 'POST',
    path: '/v1/broadcasts',
    body: {
      id: 'bent-3',
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
      messages: [{ contactId: 'bent', messageId: 'b-1', sentAt: inHours(-1), attempt: 1, parameters: { a: 'b' } }],
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
  { method: 'POST', path: '/v1/webhooks/twilio', body: { MessageSid: 'SM1', From: '+49151', Body: 'Hi' } },
  { method: 'POST', path: '/v1/webhooks/sendgrid', body: { event: 'delivered', sg_message_id: 's-1', timestamp: 1 } },
  {
    method: 'POST',
    path: '/v1/bulk',
    body: {
      action: { type: 'change_status', status: 'contacted', reason: 'r' },
      target: { ids: ['bent'] },
      mode: 'best_effort',
      requestedBy: { type: 'agent', id: 'bent' },
    },
  },
  {
    method: 'POST',
    path: '/v1/bulk',
    body: {
      action: { type: 'create_follow_up', dueAt: inHours(9), note: 'n', assigneeId: 'bent' },
      target: { filter: { status: 'new', q: 'ana' }, expectedCount: 1 },
      mode: 'all_or_nothing',
    },
  },
  { method: 'POST', path: '/v1/bulk/:bulkId/cancel', body: {} },
  { method: 'POST', path: '/v1/bulk/:bulkId/retry', body: {} },
  { method: 'PATCH', path: '/v1/agents/:contactId', body: { name: 'Ben', capacity: null, active: true } },
];
const exports = canExport ? ['/v1/leads/export'] : [];
const queries: readonly Route[] = [
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

/** Values that a field or parameter never has. */
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

/** A good body with some of its members bent; written by hand, since an object can't have all these keys. */
const bentBody = (good: Readonly<Record<string, unknown>>): fc.Arbitrary<string> => {
  const names = Object.keys(good);
  const bent = names.length > 0 ? fc.tuple(fc.constantFrom(...names), oddValue) : fc.tuple(oddKey, oddValue);
  return fc
    .tuple(fc.array(bent, { maxLength: 3 }), fc.array(fc.tuple(oddKey, oddValue), { maxLength: 1 }))
    .map(([changes, more]) => {
      const entries = [...Object.entries({ ...good, ...Object.fromEntries(changes) }), ...more];
      return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()}}`;
    });
};
const brokenBody = (good: object): fc.Arbitrary<Buffer> => {
  const text = JSON.stringify(good);
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
      .map((it) => Buffer.from(it)),
    fc.constantFrom(
      Buffer.from([0xff, 0xfe, 0x7b]),
      Buffer.from('{"a":"\xff"}', 'latin1'),
      Buffer.from(text, 'utf16le'),
      Buffer.alloc(64),
    ),
    fc.uint8Array({ maxLength: 200 }).map((it) => Buffer.from(it)),
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
      .filter((it) => it !== 0x7f)
      .map((it) => String.fromCharCode(it)),
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

/** The ids that exist are filled in before sending. */
const ids = { id: '', fid: '', bulkId: '', contactId: 'bent' };
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

/** A cursor is opaque, but anybody can make one. */
const cursor = fc
  .record(
    {
      asked: fc.oneof(
        oddValue,
        fc.dictionary(fc.constantFrom(...parameters), oddText, { maxKeys: 3, noNullPrototype: true }),
      ),
      now: fc.oneof(oddValue, fc.constant('2026-01-01T00:00:00.000Z')),
      value: fc.oneof(oddValue, fc.constantFrom(1, 'x', null)),
      key: fc.oneof(oddValue, fc.constant('x')),
    },
    { requiredKeys: [] },
  )
  .map((it) => `cursor=${Buffer.from(JSON.stringify(it)).toString('base64url').slice(0, 6_000)}`);

interface Sent {
  readonly pieces: readonly Buffer[];
  /** Then an answer is owed, and in our form. */
  readonly isHttp: boolean;
}

const request = (line: string, headerLines: readonly string[], body?: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`${line}\r\n${['host: x', 'connection: close', ...headerLines].join('\r\n')}\r\n\r\n`, 'latin1'),
    body ?? Buffer.alloc(0),
  ]);

const withBody = (
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

const pathOf = (route: Route, segments: readonly (string | undefined)[]): string => {
  let nth = 0;
  return utf8InLatin1(route.path.replace(/:(\w+)/g, (_, name: keyof typeof ids) => segments[nth++] ?? ids[name]));
};
const utf8InLatin1 = (text: string): string => Buffer.from(text).toString('latin1');

const bentBodies = fc.constantFrom(...commands).chain((route) =>
  fc
    .tuple(
      fc.oneof({ arbitrary: bentBody(route.body!).map((it) => Buffer.from(it)), weight: 3 }, brokenBody(route.body!)),
      contentType,
      headers,
      fc.array(oddSegment, { minLength: 2, maxLength: 2 }),
    )
    .map(([body, type, more, segments]): Sent => ({
      pieces: [withBody(route.method, pathOf(route, segments), type, more, body)],
      isHttp: true,
    })),
);
const bentPaths = fc
  .tuple(
    fc.constantFrom(...commands, ...queries),
    fc.array(oddSegment, { minLength: 2, maxLength: 2 }),
    fc.oneof(
      oddQuery,
      cursor.map((it) => `?${it}`),
    ),
    headers,
  )
  .map(([route, segments, query, more]): Sent => ({
    pieces: [
      request(
        `${route.method} ${pathOf(route, segments)}${utf8InLatin1(query)} HTTP/1.1`,
        more.map(([name, value]) => `${name}: ${value}`),
      ),
    ],
    isHttp: true,
  }));
const bentQueries = fc
  .tuple(
    fc.constantFrom(...queries.map(({ path }) => path)),
    fc.oneof(
      oddQuery,
      cursor.map((it) => `?${it}`),
    ),
  )
  .map(([path, query]): Sent => ({
    pieces: [request(`GET ${pathOf({ method: 'GET', path }, [])}${utf8InLatin1(query)} HTTP/1.1`, [])],
    isHttp: true,
  }));
const bentMethods = fc
  .tuple(
    fc.constantFrom('GET', 'HEAD', 'PUT', 'OPTIONS', 'TRACE', 'PROPFIND', 'POST', 'PATCH', 'DELETE', 'PURGE', 'QUERY'),
    fc.constantFrom(...commands, ...queries),
    fc.constantFrom('', '/', '//', '/x', '?x'),
  )
  .map(([method, route, end]): Sent => ({
    pieces: [request(`${method} ${pathOf(route, [])}${end} HTTP/1.1`, ['content-length: 0'])],
    isHttp: true,
  }));

const good = (): Buffer =>
  withBody(
    'POST',
    '/v1/interactions',
    'application/json',
    [],
    Buffer.from('{"contactId":"bent","channel":"sms","kind":"chat","messageId":"raw"}'),
  );
const brokenHttp = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 300 }).map((it) => [Buffer.from(it), Buffer.from('\r\n\r\n')]),
    fc
      .constantFrom(
        'get / HTTP/1.1\r\n\r\n',
        'FOO / HTTP/1.1\r\nhost: x\r\n\r\n',
        'GET / HTTP/9.9\r\n\r\n',
        'GET /\r\n\r\n',
        'GET  / HTTP/1.1\r\n\r\n',
        'GET /v1/leads HTTP/1.1\r\n\r\n',
        'GET /v1/leads HTTP/1.0\r\n\r\n',
        'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n',
        'GET http://evil.example/v1/leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
        'OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
        'GET /v1/leads HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n',
        'GET /v1/leads HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n',
        'GET / HTTP/1.1\r\nhost: x\r\nexpect: tea\r\nconnection: close\r\n\r\n',
        `GET /v1/leads HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
        `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
        `GET /v1/leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${'x: y\r\n'.repeat(3_000)}\r\n`,
        'GET /v1/leads HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n',
        'GET /v1/leads HTTP/1.1\r\nhost: x\r\nx: a\u0000b\r\n\r\n',
        '\r\n\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
        'POST /v1/leads HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
        'POST /v1/leads HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}x',
        'POST /v1/leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n{"contactId":"x"}',
        'POST /v1/leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n',
        'POST /v1/leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
        'POST /v1/leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}',
        'POST /v1/leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: gzip\r\n\r\n{}',
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      )
      .map((text) => [Buffer.from(text, 'latin1')]),
    // A good request, but one piece after another.
    fc.array(fc.nat({ max: good().length }), { minLength: 1, maxLength: 6 }).map((cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), good().length];
      return at.slice(1).map((end, nth) => good().subarray(at[nth], end));
    }),
  )
  .map((pieces): Sent => ({ pieces: [...pieces, Buffer.alloc(0)], isHttp: false }));

const betrays =
  /\bat \S+ \(|\.[jt]s:\d|node_modules|sqlite|constraint|\bselect\b.*\bfrom\b|TypeError|RangeError|SyntaxError|ECONN|EventEmitter/i;

async function survives({ pieces, isHttp }: Sent): Promise<void> {
  const answer = await sendRaw(app.url, pieces);
  if (!answer) return expect(isHttp).toBe(false);
  const { status, head, body } = answer;
  const said = `${Buffer.concat(pieces).toString('latin1').slice(0, 400)}\n=> ${status} ${body.slice(0, 600)}`;
  if (status >= 500 || betrays.test(body)) throw new Error(said);
  // A HEAD's answer has no body; where HTTP itself is broken, Node may answer before we are asked.
  if (isHttp && status >= 400 && body !== '' && !head.includes('content-type: application/problem+json'))
    throw new Error(said);
}

const endure = (name: string, bent: fc.Arbitrary<Sent>, runs: number) =>
  test(
    name,
    async () => {
      const many = fc.array(
        bent.map((it) => ({ ...it, [fc.toStringMethod]: () => '…' })),
        { minLength: atOnce, maxLength: atOnce },
      );
      await fc.assert(
        fc.asyncProperty(many, async (requests) => {
          await Promise.all(requests.map(survives));
        }),
        {
          numRuns: runs * effort,
          endOnFailure: true,
          ...(process.env['TORTURE_SEED'] ? { seed: Number(process.env['TORTURE_SEED']) } : {}),
        },
      );
    },
    120_000 * effort,
  );

test('there is a lead to bend', async () => {
  await anAgent(app, { id: 'bent' });
  const template = { name: 't', language: 'en' };
  const broadcast = { id: 'bent', name: 'Bent', campaign: { id: 'c', name: 'C' }, template, channel: 'sms' };
  done(await app.post('/v1/broadcasts', broadcast));
  const lead = await openLead(app, { contactId: 'bent' });
  const { followUp: open } = await followUp(app, lead.id, { assigneeId: 'bent' });
  const made = await bulk(app, { action: { type: 'unassign' }, target: { ids: [lead.id] } });
  Object.assign(ids, { id: lead.id, fid: open.id, bulkId: made.body.bulkId });
});

test('every route is bent, but for the one that never ends, and exports where there are none', async () => {
  const { paths } = (await app.get<{ readonly paths: Readonly<Record<string, object>> }>('/openapi.json')).body;
  const nameless = (path: string): string => path.replaceAll(/\{\w+\}|:\w+/g, '*');
  const known = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${nameless(path)}`),
  );
  const bent = [...commands, ...queries].map(({ method, path }) => `${method} ${nameless(path)}`);
  const left = canExport ? ['GET /v1/stream'] : ['GET /v1/leads/export', 'GET /v1/stream'];
  expect(known.filter((it) => !bent.includes(it))).toEqual(left);
});

endure('bodies: odd values, odd members, broken JSON, under odd types and headers', bentBodies, 60);
endure('paths: odd segments and queries', bentPaths, 30);
endure('queries: odd values of every parameter, cursors of all kinds', bentQueries, 60);
endure('methods that a path does not take', bentMethods, 15);
endure('what is hardly HTTP: garbage, lies about lengths, requests in pieces', brokenHttp, 15);

const manyKeys = `{${Array.from({ length: 100_000 }, (_, nth) => `"${nth}":0`).join()}}`;

test.each([
  ['lists in lists without end', `{"media":${'['.repeat(300_000)}${']'.repeat(300_000)}}`],
  ['objects in objects that never close', '{"media":'.repeat(100_000)],
  ['lists that never close', '['.repeat(1_000_000)],
  ['a hundred thousand members', manyKeys],
  ['a hundred thousand members within', `{"profile":${manyKeys}}`],
  ['as many within something free', `{"media":${manyKeys}}`],
  ['two hundred thousand factors', `{"factors":[${'{},'.repeat(200_000)}{}]}`],
  [
    'a hundred factors with ten thousand members each',
    `{"factors":[${Array(100)
      .fill(manyKeys.slice(0, 9_000).replace(/,"[^,]*$/, '}'))
      .join()}]}`,
  ],
  ['a text of a million letters', `{"contactId":"${'x'.repeat(1_000_000)}"}`],
  ['a key of a million letters', `{"${'x'.repeat(1_000_000)}":1}`],
  ['a number of a million digits', `{"score":${'9'.repeat(1_000_000)}}`],
  ['a million spaces', `${' '.repeat(1_000_000)}{}`],
  ['more than a mebibyte', `{"text":"${'x'.repeat(1_100_000)}"}`],
])('huge bodies: %s', async (_, text) => {
  for (const path of ['/v1/interactions', '/v1/leads/:id/qualification', '/v1/agents'])
    await survives({
      pieces: [
        withBody(
          'POST',
          pathOf({ method: 'POST', path }, []),
          'application/json',
          [['idempotency-key', 'huge']],
          Buffer.from(text),
        ),
      ],
      isHttp: true,
    });
});

test('requests that are broken off', async () => {
  const whole = good();
  await Promise.all(
    Array.from({ length: 100 }, (_, nth) => breakOff(app.url, whole.subarray(0, 1 + ((nth * 7) % whole.length)))),
  );
});

test('what is no HTTP is answered as a problem too', async () => {
  const answer = await sendRaw(app.url, ['no HTTP at all\r\n\r\n']);
  expect(answer).toMatchObject({ status: 400, head: expect.stringContaining('application/problem+json') });
  expect(JSON.parse(answer!.body)).toMatchObject({ code: 'malformed_json', status: 400 });
});

test('pipelined requests are answered in order', async () => {
  const two = `GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /nope HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
  expect(await sendRaw(app.url, [two])).toMatchObject({ status: 200, body: expect.stringContaining('HTTP/1.1 404') });
});

test('afterwards it is as healthy as before: everything stored can be read, and nothing was an error', async () => {
  const { position, lead } = await writes(app);
  expect((await app.get('/healthz')).status).toBe(200);
  expect(await app.get('/readyz')).toMatchObject({ status: 200, body: { ready: true } });
  const leads = await allLeads(app, { after: position });
  expect(leads.map((it) => it.id)).toContain(lead.id);
  for (const { id, contactId } of leads) {
    expect((await leadHistory(app, id)).length).toBeGreaterThan(0);
    expect((await contactHistory(app, contactId)).length).toBeGreaterThan(0);
  }
  expect(app.output.split('\n').filter((line) => /"level":[56]0/.test(line))).toEqual([]);
});
