import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { setupApp } from '../support/app.js';
import { postBulk } from '../support/bulk-steps.js';
import { canExport } from '../support/engines.js';
import { providerSettings } from '../support/provider-webhooks.js';
import { sendAndReset, sendRaw } from '../support/raw-http.js';
import {
  getAllLeads,
  postAgent,
  getContactHistory,
  expectSuccess,
  postFollowUp,
  getLeadHistory,
  openLead,
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

/** Requests that no decent client sends. None may be answered with a 5xx, a stack trace or a database's words, none may hang. */
const app = setupApp(providerSettings);

/** How often the properties run: with the default about two thousand requests. */
const effort = Number(process.env['TORTURE_EFFORT'] ?? 1);
const atOnce = 16;

const betrays =
  /\bat \S+ \(|\.[jt]s:\d|node_modules|sqlite|constraint|\bselect\b.*\bfrom\b|TypeError|RangeError|SyntaxError|ECONN|EventEmitter/i;

async function survives({ pieces, isHttp }: MalformedRequest): Promise<void> {
  const response = await sendRaw(app.url, pieces);
  if (!response) return expect(isHttp).toBe(false);
  const { status, head, body } = response;
  const said = `${Buffer.concat(pieces).toString('latin1').slice(0, 400)}\n=> ${status} ${body.slice(0, 600)}`;
  if (status >= 500 || betrays.test(body)) throw new Error(said);
  // A HEAD's answer has no body; where HTTP itself is broken, Node may answer before we are asked.
  if (isHttp && status >= 400 && body !== '' && !head.includes('content-type: application/problem+json'))
    throw new Error(said);
}

const endure = (name: string, bent: fc.Arbitrary<MalformedRequest>, runs: number) =>
  test(
    name,
    async () => {
      const many = fc.array(
        bent.map((request) => ({ ...request, [fc.toStringMethod]: () => '…' })),
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
  await postAgent(app, { id: 'bent' });
  const template = { name: 't', language: 'en' };
  const broadcast = { id: 'bent', name: 'Bent', campaign: { id: 'c', name: 'C' }, template, channel: 'sms' };
  expectSuccess(await app.post('/v1/broadcasts', broadcast));
  const lead = await openLead(app, { contactId: 'bent' });
  const { followUp: open } = await postFollowUp(app, lead.id, { assigneeId: 'bent' });
  const made = await postBulk(app, { action: { type: 'unassign' }, target: { ids: [lead.id] } });
  Object.assign(existingIds, { id: lead.id, fid: open.id, bulkId: made.body.bulkId });
});

test('every route is bent, but for the one that never ends, and exports where there are none', async () => {
  const { paths } = (await app.get<{ readonly paths: Readonly<Record<string, object>> }>('/openapi.json')).body;
  const nameless = (path: string): string => path.replaceAll(/\{\w+\}|:\w+/g, '*');
  const known = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${nameless(path)}`),
  );
  const bent = [...commandRoutes, ...queryRoutes].map(({ method, path }) => `${method} ${nameless(path)}`);
  const left = canExport ? ['GET /v1/stream'] : ['GET /v1/leads/export', 'GET /v1/stream'];
  expect(known.filter((route) => !bent.includes(route))).toEqual(left);
});

endure('bodies: odd values, odd members, broken JSON, under odd types and headers', malformedBodies, 60);
endure('paths: odd segments and queries', malformedPaths, 30);
endure('queries: odd values of every parameter, cursors of all kinds', malformedQueries, 60);
endure('methods that a path does not take', malformedMethods, 15);
endure('what is hardly HTTP: garbage, lies about lengths, requests in pieces', malformedHttp, 15);

const manyKeys = `{${Array.from({ length: 100_000 }, (_, index) => `"${index}":0`).join()}}`;

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

test('requests that are broken off', async () => {
  const whole = validRequest();
  await Promise.all(
    Array.from({ length: 100 }, (_, index) => sendAndReset(app.url, whole.subarray(0, 1 + ((index * 7) % whole.length)))),
  );
});

test('what is no HTTP is answered as a problem too', async () => {
  const response = await sendRaw(app.url, ['no HTTP at all\r\n\r\n']);
  expect(response).toMatchObject({ status: 400, head: expect.stringContaining('application/problem+json') });
  expect(JSON.parse(response!.body)).toMatchObject({ code: 'malformed_json', status: 400 });
});

test('pipelined requests are answered in order', async () => {
  const two = `GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /nope HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
  expect(await sendRaw(app.url, [two])).toMatchObject({ status: 200, body: expect.stringContaining('HTTP/1.1 404') });
});

test('afterwards it is as healthy as before: everything stored can be read, and nothing was an error', async () => {
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
