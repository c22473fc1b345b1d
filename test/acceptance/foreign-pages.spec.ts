import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { App, setupApp, type StringMap } from '../support/app.js';
import { expectSuccess, interactionBody, openLead, postFollowUp, postInteraction } from '../support/api-steps.js';
import { invalid, refused } from '../support/expected-responses.js';
import { providerSettings, twilioHeaders, whatsAppHeaders } from '../support/provider-webhooks.js';
import { sendRaw, type RawResponse } from '../support/raw-http.js';

const app = setupApp({ ...providerSettings, PUBLIC_URL: 'https://leads.example' });

/** Sends the headers unchanged, also those that `fetch` does not let a program set. */
function send(
  method: string,
  path: string,
  headers: readonly (readonly [name: string, value: string])[],
  body = '',
): Promise<RawResponse> {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const end = `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
  return sendRaw(app.url, [`${method} ${path} HTTP/1.1\r\n${lines}${end}`]);
}

const codeOf = (response: RawResponse): unknown => (JSON.parse(response?.body ?? '') as { code?: unknown }).code;

describe('the Host header while authentication is off', () => {
  test.each(['127.0.0.1', '127.0.0.1:3000', '127.8.9.10', 'localhost:3000', 'LocalHost', '[::1]', '[::1]:80'])(
    'a request to %s is answered',
    async (host) => {
      expect((await send('GET', '/v1/leads', [['host', host]]))?.status).toBe(200);
    },
  );

  test.each([
    'evil.example:3000',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '192.168.1.7',
    '0.0.0.0',
    '[::]',
    '[::ffff:10.0.0.1]',
    'a b/%',
    'user@localhost',
    'localhost:80:80',
    '',
    'leads.example',
  ])('a request to the host "%s" is rejected and changes nothing', async (host) => {
    const body = JSON.stringify(interactionBody({ contactId: 'rebound' }));
    const json = ['content-type', 'application/json'] as const;
    for (const response of [
      await send('GET', '/v1/leads', [['host', host]]),
      await send('GET', '/docs', [['host', host]]),
      await send('POST', '/v1/interactions', [['host', host], json], body),
    ])
      expect([response?.status, codeOf(response)]).toEqual([421, 'misdirected_request']);
    expect((await app.get('/v1/contacts/rebound/history')).status).toBe(404);
  });

  test('a request whose target names another host is rejected', async () => {
    const response = await send('GET', 'http://evil.example/v1/leads', [['host', 'localhost']]);
    expect(response?.status).toBe(421);
  });

  test('a webhook is also accepted at the host of PUBLIC_URL, and no other request is', async () => {
    const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [] });
    const headers = Object.entries(whatsAppHeaders(body));
    const webhook = (host: string) => send('POST', '/v1/webhooks/whatsapp', [['host', host], ...headers], body);
    expect((await webhook('leads.example'))?.status).toBe(200);
    expect((await webhook('LEADS.example:443'))?.status).toBe(200);
    expect((await webhook('other.example'))?.status).toBe(421);
    expect((await send('GET', '/v1/agents', [['host', 'leads.example']]))?.status).toBe(421);
    expect((await send('GET', '/v1/webhooks/unknown', [['host', 'leads.example']]))?.status).toBe(421);
  });

  test('a Twilio webhook with a malformed Host is rejected, not answered with an internal error', async () => {
    const form = new URLSearchParams({ Body: 'x' });
    const headers = Object.entries(twilioHeaders('https://leads.example/v1/webhooks/twilio', form));
    const response = await send('POST', '/v1/webhooks/twilio', [['host', 'a b/%'], ...headers], form.toString());
    expect(response?.status).toBe(421);
  });

  test('two Host headers are rejected with 400', async () => {
    for (const second of ['localhost', 'evil.example'])
      expect(
        (
          await send('GET', '/v1/leads', [
            ['host', 'localhost'],
            ['Host', second],
          ])
        )?.status,
      ).toBe(400);
  });
});

describe('a request from a page in a browser', () => {
  const agent = (headers: StringMap) => app.post('/v1/agents', { name: 'Ana' }, headers);

  test.each(['https://evil.example', 'null', 'http://localhost:1', 'http://127.0.0.1:1', 'https://leads.example', ''])(
    'a command from the origin "%s" is rejected',
    async (origin) => {
      expect(await agent({ origin })).toMatchObject(refused('forbidden_origin'));
    },
  );

  test('a command from the own origin is accepted', async () => {
    expect(expectSuccess(await agent({ origin: app.url }))).toMatchObject({ changed: true });
    expect((await agent({ origin: app.url, 'sec-fetch-site': 'same-origin' })).status).toBe(201);
  });

  test('a cross-site command without a body and without an origin is rejected', async () => {
    const { id } = await openLead(app);
    const { followUp } = await postFollowUp(app, id);
    for (const action of ['complete', 'cancel']) {
      const path = `/v1/leads/${id}/follow-ups/${followUp.id}/${action}`;
      const response = await app.post(path, undefined, { 'sec-fetch-site': 'cross-site' });
      expect(response).toMatchObject(refused('forbidden_origin'));
    }
    expect((await app.post(`/v1/leads/${id}/follow-ups/${followUp.id}/complete`)).status).toBe(200);
  });

  test('a cross-site export is rejected and records no event, because an export is recorded', async () => {
    const { position } = await postInteraction(app);
    const response = await app.get('/v1/leads/export', { after: position }, { 'sec-fetch-site': 'cross-site' });
    expect(response).toMatchObject(refused('forbidden_origin'));
    const { body } = await app.get<{ items: unknown[] }>('/v1/events', { type: 'LeadsExported' });
    expect(body.items).toEqual([]);
  });

  test('a link on another site to a page that changes nothing works', async () => {
    expect((await app.get('/docs', {}, { 'sec-fetch-site': 'cross-site' })).status).toBe(200);
  });
});

describe('a request with a credential while authentication is off', () => {
  test.each(['Bearer abc', 'Basic YTpi', ''])('Authorization "%s" is rejected', async (authorization) => {
    const response = await app.get('/v1/leads', {}, { authorization });
    expect(response).toMatchObject(refused('unauthorized'));
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await app.post('/v1/agents', { name: 'Ana' }, { authorization })).toMatchObject(refused('unauthorized'));
  });
});

describe('security headers', () => {
  test.each(['/v1/leads', '/v1/nothing', '/healthz', '/openapi.json', '/docs', '/docs/swagger-ui.css'])(
    'the response of %s cannot be embedded by other origins, and its type is not guessed',
    async (path) => {
      const { headers } = await app.get(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    },
  );

  test('no page can show the documentation page in a frame', async () => {
    expect((await app.get('/docs')).headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });
});

describe('headers that are sent twice', () => {
  test.each([
    ['X-Actor', 'agent:ana', 'agent:ben'],
    ['Idempotency-Key', 'a', 'b'],
    ['Idempotency-Key', 'a', 'a'],
    ['X-Causation-Id', 'a', 'b'],
    ['X-Correlation-Id', 'a', 'b'],
    ['X-Occurred-At', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
    ['If-Match', '"1"', '"1"'],
    ['Authorization', 'Bearer a', 'Bearer b'],
    ['Content-Type', 'application/json', 'text/plain'],
    ['Origin', 'http://localhost', 'http://localhost'],
  ])('two %s headers (%s, %s) are rejected by name', async (name, first, second) => {
    const json = name === 'Content-Type' ? [] : [['content-type', 'application/json'] as const];
    const headers = [['host', 'localhost'], ...json, [name, first], [name.toLowerCase(), second]] as const;
    const response = await send('POST', '/v1/agents', headers, '{"name":"Ana"}');
    expect({ status: response?.status, body: JSON.parse(response!.body) as unknown }).toMatchObject(invalid(name));
  });

  test.each(['', 'x'.repeat(129), '\x9b2J', 'schlüssel'])('the X-Causation-Id %j is rejected', async (value) => {
    const headers = [
      ['host', 'localhost'],
      ['content-type', 'application/json'],
      ['x-causation-id', Buffer.from(value).toString('latin1')],
    ] as const;
    const response = await send('POST', '/v1/agents', headers, '{"name":"Ana"}');
    expect(JSON.parse(response!.body)).toMatchObject({ errors: [{ field: 'X-Causation-Id', code: 'invalid_header' }] });
  });
});

describe('requests that cannot be read', () => {
  test('headers of more than 16 KiB get 431 with a code of their own', async () => {
    const response = await send('GET', '/v1/leads', [
      ['host', 'localhost'],
      ['x-large', 'y'.repeat(20_000)],
    ]);
    expect([response?.status, codeOf(response)]).toEqual([431, 'headers_too_large']);
  });
});

describe('without PUBLIC_URL', () => {
  const local = new App(providerSettings);
  beforeAll(() => local.start());
  afterAll(() => local.dispose());

  test('a Twilio signature over the address of another service is not accepted', async () => {
    const form = new URLSearchParams({ From: '+447700900123', Body: 'hi', MessageSid: `SM${'0'.repeat(32)}` });
    const headers = Object.entries(twilioHeaders('http://other.example/v1/webhooks/twilio', form));
    const lines = [['host', 'other.example'], ...headers].map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const text = form.toString();
    const response = await sendRaw(local.url, [
      `POST /v1/webhooks/twilio HTTP/1.1\r\n${lines}content-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`,
    ]);
    expect(response?.status).toBe(421);
  });
});
