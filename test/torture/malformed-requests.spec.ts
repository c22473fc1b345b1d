import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { setupApp } from '../support/app.js';
import { postBulk } from '../support/bulk-steps.js';
import { canExport } from '../support/engines.js';
import { providerSettings } from '../support/provider-webhooks.js';
import { sendAndReset, sendRaw } from '../support/raw-http.js';
import {
  expectSuccess,
  getAllLeads,
  getContactHistory,
  getLeadHistory,
  openLead,
  postAgent,
  postFollowUp,
  postInteraction,
} from '../support/api-steps.js';
import {
  malformedBodies,
  malformedMethods,
  malformedPaths,
  malformedQueries,
  malformedHttp,
  commandRoutes,
  validRequest,
  existingIds,
  requestPath,
  queryRoutes,
  type MalformedRequest,
  requestWithBody,
} from './malformed-requests.js';

/**
 * Sends malformed requests. None may get a 5xx, a stack trace or a database's error message, and none may hang.
 */
const app = setupApp(providerSettings);

/** Multiplies the runs of each property; 1 means about two thousand requests. */
const effort = Number(process.env['TORTURE_EFFORT'] ?? 1);
const concurrency = 16;

/** Text that only internal errors contain. */
const internals =
  /\bat \S+ \(|\.[jt]s:\d|node_modules|sqlite|constraint|TypeError|RangeError|SyntaxError|EventEmitter/i;
/** SQL and error codes of Node.js, in capitals only, because English texts contain "select", "from" and "reconnect". */
const internalsInCapitals = /\bSELECT\b.*\bFROM\b|\bECONN/;

async function expectGoodResponse({ pieces, isHttp }: MalformedRequest): Promise<void> {
  const response = await sendRaw(app.url, pieces);
  if (!response) return expect(isHttp).toBe(false);
  const { status, head, body } = response;
  const exchange = `${Buffer.concat(pieces).toString('latin1').slice(0, 400)}\n=> ${status} ${body.slice(0, 600)}`;
  if (status >= 500 || internals.test(body) || internalsInCapitals.test(body)) throw new Error(exchange);
  // A response to HEAD has no body. If HTTP itself is malformed, Node may respond before our code runs.
  if (isHttp && status >= 400 && body !== '' && !head.includes('content-type: application/problem+json'))
    throw new Error(exchange);
}

const testRequests = (name: string, request: fc.Arbitrary<MalformedRequest>, runs: number) =>
  test(
    name,
    async () => {
      const batch = fc.array(
        request.map((value) => ({ ...value, [fc.toStringMethod]: () => '…' })),
        { minLength: concurrency, maxLength: concurrency },
      );
      await fc.assert(
        fc.asyncProperty(batch, async (requests) => {
          await Promise.all(requests.map(expectGoodResponse));
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

test('the resources that the malformed requests need can be created', async () => {
  await postAgent(app, { id: 'malformed' });
  const template = { name: 't', language: 'en' };
  const broadcast = { id: 'malformed', name: 'Malformed', campaign: { id: 'c', name: 'C' }, template, channel: 'sms' };
  expectSuccess(await app.post('/v1/broadcasts', broadcast));
  const lead = await openLead(app, { contactId: 'malformed' });
  const { followUp } = await postFollowUp(app, lead.id, { assigneeId: 'malformed' });
  const bulk = await postBulk(app, { action: { type: 'unassign' }, target: { ids: [lead.id] } });
  Object.assign(existingIds, { id: lead.id, fid: followUp.id, bulkId: bulk.body.bulkId });
});

test('malformed requests cover every documented route except the stream, and exports where there are none', async () => {
  const { paths } = (await app.get<{ readonly paths: Readonly<Record<string, object>> }>('/openapi.json')).body;
  const withoutParameterNames = (path: string): string => path.replaceAll(/\{\w+\}|:\w+/g, '*');
  const documentedRoutes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${withoutParameterNames(path)}`),
  );
  const testedRoutes = [...commandRoutes, ...queryRoutes].map(
    ({ method, path }) => `${method} ${withoutParameterNames(path)}`,
  );
  const untestedRoutes = canExport ? ['GET /v1/stream'] : ['GET /v1/leads/export', 'GET /v1/stream'];
  expect(documentedRoutes.filter((route) => !testedRoutes.includes(route))).toEqual(untestedRoutes);
});

testRequests(
  'bodies with odd values, members, JSON, content types and headers get proper responses',
  malformedBodies,
  60,
);
testRequests('paths with odd segments and queries get proper responses', malformedPaths, 30);
testRequests('queries with odd parameter values and forged cursors get proper responses', malformedQueries, 60);
testRequests('methods that a path does not support get proper responses', malformedMethods, 15);
testRequests('garbage, wrong lengths and requests in pieces get proper responses or none', malformedHttp, 15);

const manyKeys = `{${Array.from({ length: 100_000 }, (_, index) => `"${index}":0`).join()}}`;

test.each([
  ['arrays nested 300,000 deep', `{"media":${'['.repeat(300_000)}${']'.repeat(300_000)}}`],
  ['unclosed nested objects', '{"media":'.repeat(100_000)],
  ['unclosed nested arrays', '['.repeat(1_000_000)],
  ['a hundred thousand members', manyKeys],
  ['a hundred thousand members in a nested object', `{"profile":${manyKeys}}`],
  ['a hundred thousand members in a free-form field', `{"media":${manyKeys}}`],
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
])('a huge body with %s gets a proper response', async (_, text) => {
  for (const path of ['/v1/interactions', '/v1/leads/:id/qualification', '/v1/agents'])
    await expectGoodResponse({
      pieces: [
        requestWithBody(
          'POST',
          requestPath({ method: 'POST', path }, []),
          'application/json',
          [['idempotency-key', 'huge']],
          Buffer.from(text),
        ),
      ],
      isHttp: true,
    });
});

test('requests whose connection is reset do not harm the service', async () => {
  const whole = validRequest();
  await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      sendAndReset(app.url, whole.subarray(0, 1 + ((index * 7) % whole.length))),
    ),
  );
});

test('a request that is not HTTP gets problem details', async () => {
  const response = await sendRaw(app.url, ['not HTTP at all\r\n\r\n']);
  expect(response).toMatchObject({ status: 400, head: expect.stringContaining('application/problem+json') });
  expect(JSON.parse(response!.body)).toMatchObject({ code: 'malformed_json', status: 400 });
});

test('pipelined requests get their responses in order', async () => {
  const pipelined = `GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nGET /nope HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`;
  expect(await sendRaw(app.url, [pipelined])).toMatchObject({
    status: 200,
    body: expect.stringContaining('HTTP/1.1 404'),
  });
});

test('after all malformed requests the service is ready, all data can be read and no error was logged', async () => {
  const { position, lead } = await postInteraction(app);
  expect((await app.get('/healthz')).status).toBe(200);
  expect(await app.get('/readyz')).toMatchObject({ status: 200, body: { ready: true } });
  const leads = await getAllLeads(app, { after: position });
  expect(leads.map((lead) => lead.id)).toContain(lead.id);
  for (const { id, contactId } of leads) {
    expect((await getLeadHistory(app, id)).length).toBeGreaterThan(0);
    expect((await getContactHistory(app, contactId)).length).toBeGreaterThan(0);
  }
  expect(app.output.split('\n').filter((line) => /"level":[56]0/.test(line))).toEqual([]);
});
