import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import { sendRaw } from '../support/raw-http.js';
import {
  expectSuccess,
  inHours,
  interactionBody,
  openClosedLead,
  openLead,
  postAgent,
  postFollowUp,
  postInteraction,
  uniqueId,
  withApp,
} from '../support/api-steps.js';

const app = setupApp();
const mebibyte = 1024 * 1024;
const bodyOfLength = (length: number): string => {
  const text = JSON.stringify({ contactId: uniqueId('contact') });
  return text + ' '.repeat(length - text.length);
};

describe('error responses', () => {
  test.each([
    ['an unknown path', 404, 'not_found', () => app.get('/v1/nothing')],
    ['an unknown lead', 404, 'not_found', () => app.get('/v1/leads/nope')],
    ['an unsupported method', 405, 'method_not_allowed', () => app.call('PUT', '/v1/leads')],
    ['a body that is too large', 413, 'payload_too_large', () => app.post('/v1/leads', bodyOfLength(mebibyte + 1))],
    [
      'a body of another media type',
      415,
      'unsupported_media_type',
      () => app.post('/v1/leads', 'a=1', { 'content-type': 'text/plain' }),
    ],
    ['broken JSON', 400, 'malformed_json', () => app.post('/v1/leads', '{"contactId":')],
    ['an unknown parameter', 422, 'validation_failed', () => app.get('/v1/leads', { colour: 'red' })],
    ['an unknown field', 422, 'validation_failed', () => app.post('/v1/leads', { contactId: 'x', colour: 'red' })],
    [
      'an invalid header',
      422,
      'validation_failed',
      () => app.post('/v1/leads', { contactId: 'x' }, { 'x-actor': 'me' }),
    ],
    [
      'a rejected command',
      409,
      'lead_inactive',
      async () => app.post(`/v1/leads/${(await openClosedLead(app)).id}/status`, { status: 'new' }),
    ],
    [
      'an outdated If-Match',
      412,
      'version_mismatch',
      async () => app.post(`/v1/leads/${(await openLead(app)).id}/status`, { status: 'new' }, { 'if-match': '"9"' }),
    ],
    ['a path that cannot be decoded', 404, 'not_found', () => app.get('/v1/leads/%ff')],
  ])('%s returns problem details', async (_, status, code, send) => {
    const response = await send();
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(response).toMatchObject({
      status,
      body: {
        type: expect.stringMatching(/^[a-z]+:/),
        title: expect.stringMatching(/\w/),
        status,
        detail: expect.stringMatching(/\w.*\w/),
        instance: expect.stringMatching(/^\/v1\//),
        code,
      },
    });
    expect(response.text).not.toMatch(/stack|\.js|node_modules|sqlite/i);
    if (code === 'validation_failed')
      for (const error of response.body.errors)
        expect(error).toEqual({
          field: expect.any(String),
          code: expect.stringMatching(/^[a-z_]+$/),
          message: expect.stringMatching(/\w/),
        });
  });
});

describe('unknown fields and parameters', () => {
  test('every unknown field of a body is named, at any depth', async () => {
    const response = await app.post('/v1/interactions', {
      ...interactionBody(),
      colour: 'red',
      profile: { nickname: 'A', name: 'Ana' },
      size: 1,
    });
    expect(response).toMatchObject(invalid('colour', 'size', 'profile.nickname'));
  });

  test('a body with `constructor` or `__proto__` is rejected', async () => {
    expect(await app.post('/v1/leads', '{"contactId":"x","constructor":{"name":"Array"}}')).toMatchObject(
      invalid('constructor'),
    );
    expect(await app.post('/v1/leads', '{"contactId":"x","__proto__":{"note":"y"}}')).toMatchObject(
      invalid('__proto__'),
    );
    expect(await app.post('/v1/leads', '{"contactId":"x","profile":{"__proto__":{"name":"y"}}}')).toMatchObject({
      status: 422,
    });
  });

  test('free-form fields accept any members and are stored unchanged', async () => {
    const integration = { constructor: 'ACME', toString: 1, length: 3, deep: [{ then: null }] };
    const { leadId, position } = await postInteraction(app, { integration, text: '"__proto__": x' });
    const { body } = await app.get<{ items: { data: object }[] }>(`/v1/leads/${leadId}/history`, { after: position });
    expect(body.items[0]).toMatchObject({ data: { text: '"__proto__": x' } });
    expect((body.items[0]!.data as { integration: object }).integration).toEqual(integration);
  });

  test.each([
    '/v1/leads',
    '/v1/leads/x',
    '/v1/leads/x/history',
    '/v1/contacts/x/history',
    '/v1/agents',
    '/v1/agents/x',
    '/v1/follow-ups',
  ])('GET %s rejects unknown query parameters, naming them', async (path) => {
    expect(await app.get(path, { colour: 'red', Limit: 3 })).toMatchObject(invalid('colour', 'Limit'));
  });

  test.each([
    ['POST', '/v1/leads'],
    ['POST', '/v1/interactions'],
    ['POST', '/v1/leads/x/status'],
    ['DELETE', '/v1/leads/x/assignment'],
    ['POST', '/v1/agents'],
    ['PATCH', '/v1/agents/x'],
    ['POST', '/v1/broadcasts'],
    ['POST', '/v1/receipts'],
    ['POST', '/v1/bulk'],
  ])('%s %s rejects query parameters, naming them', async (method, path) => {
    const body = {
      '/v1/leads': { contactId: uniqueId('contact') },
      '/v1/interactions': interactionBody(),
      '/v1/leads/x/status': { status: 'lost' },
      '/v1/agents': { name: 'Aino' },
      '/v1/broadcasts': {
        name: 'B',
        channel: 'sms',
        campaign: { id: 'c', name: 'C' },
        template: { name: 't', language: 'en' },
      },
      '/v1/receipts': {
        receipts: [{ channel: 'sms', messageId: uniqueId('m'), status: 'sent', occurredAt: '2026-01-01T00:00:00Z' }],
      },
      '/v1/bulk': { action: { type: 'unassign' }, target: { ids: ['x'] } },
    }[path];
    const response = await app.call(method, `${path}?colour=red&note=x`, body ?? {});
    expect(response).toMatchObject(invalid('colour', 'note'));
  });

  test('a query parameter that occurs twice is rejected', async () => {
    expect(await app.get('/v1/leads?limit=1&limit=2')).toMatchObject(invalid('limit'));
    expect(await app.get('/v1/leads?status=new&status=lost')).toMatchObject(invalid('status'));
    expect(await app.get('/v1/leads/x/history?asOf=1&asOf=2')).toMatchObject(invalid('asOf'));
  });
});

describe('a request body', () => {
  test('a body of 1 MiB is accepted, one of a byte more is rejected', async () => {
    expect(await app.post('/v1/leads', bodyOfLength(mebibyte))).toMatchObject({ status: 201 });
    expect(await app.post('/v1/leads', bodyOfLength(mebibyte + 1))).toMatchObject(refused('payload_too_large'));
  });

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/jsonp',
    'json',
  ])('a body with content type %s is rejected', async (type) => {
    expect(await app.post('/v1/leads', JSON.stringify({ contactId: 'x' }), { 'content-type': type })).toMatchObject(
      refused('unsupported_media_type'),
    );
  });

  test('a body without a content type is rejected', async () => {
    const response = await sendRaw(app.url, [
      'POST /v1/leads HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 17\r\n\r\n{"contactId":"x"}',
    ]);
    expect(response?.status).toBe(415);
  });

  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset=UTF-8'])(
    'a body with content type %s is accepted',
    async (type) => {
      expect(
        await app.post('/v1/leads', JSON.stringify({ contactId: uniqueId('contact') }), { 'content-type': type }),
      ).toMatchObject({ status: 201 });
    },
  );

  test('a compressed body is rejected', async () => {
    expect(await app.post('/v1/leads', '{}', { 'content-encoding': 'gzip' })).toMatchObject(
      refused('unsupported_media_type'),
    );
  });

  test.each([
    '{',
    '{"contactId":"x",}',
    "{'contactId':'x'}",
    '{"contactId":"x"}}',
    'undefined',
    'NaN',
    '{"contactId":"x"} x',
    '\u0000',
  ])('the body %j is rejected as malformed_json', async (text) => {
    expect(await app.post('/v1/leads', text)).toMatchObject(refused('malformed_json'));
  });

  test('a body that is not UTF-8 is rejected as malformed_json', async () => {
    for (const bytes of [
      Buffer.from('{"contactId":"\xff"}', 'latin1'),
      Buffer.from('{"contactId":"\xed\xa0\x80"}', 'latin1'),
      Buffer.from('{"contactId":"x"}', 'utf16le'),
    ])
      expect(await app.post('/v1/leads', bytes)).toMatchObject(refused('malformed_json'));
  });

  test.each(['[]', '"text"', '7', 'true', 'null', '[{"contactId":"x"}]'])(
    'the JSON body %s is rejected because it is not an object',
    async (text) => {
      expect(await app.post('/v1/leads', text)).toMatchObject(invalid('body'));
    },
  );

  test('a deeply nested body is rejected', async () => {
    const text = `{"contactId":"x","profile":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(await app.post('/v1/leads', text)).toMatchObject(invalid('body'));
  });

  test('an empty body counts as {}', async () => {
    const { id } = await openLead(app);
    const { followUp: created } = await postFollowUp(app, id);
    expect(await app.post(`/v1/leads/${id}/follow-ups/${created.id}/complete`)).toMatchObject({ status: 200 });
    const second = (await postFollowUp(app, id)).followUp;
    expect(await app.post(`/v1/leads/${id}/follow-ups/${second.id}/cancel`, '')).toMatchObject({ status: 200 });
    expect(await app.post('/v1/leads', '')).toMatchObject(invalid('contactId'));
    expect(await app.post('/v1/leads')).toMatchObject(invalid('contactId'));
    expect(await app.post('/v1/leads', ' \n ')).toMatchObject(invalid('contactId'));
  });
});

describe('a number that cannot be stored exactly', () => {
  test.each([
    ['/v1/interactions', '"media":{"id":17841400000000001}', 'media.id'],
    ['/v1/interactions', '"integration":[{"amounts":[1,1e400]}]', 'integration[0].amounts[1]'],
    ['/v1/interactions', '"colour":12345678901234567', 'colour'],
  ])('in the body of %s with %s is rejected by name, and nothing is stored', async (path, member, field) => {
    const contactId = uniqueId('contact');
    const { messageId } = interactionBody();
    const body = `{"contactId":"${contactId}","channel":"whatsapp","kind":"chat","messageId":"${messageId}",${member}}`;
    const headers = { 'idempotency-key': uniqueId('exact') };
    const response = await app.post(path, body, headers);
    expect(response).toMatchObject(refused('validation_failed', { errors: [{ field, code: 'inexact_number' }] }));
    expect((await app.post(path, interactionBody({ contactId }), headers)).status).toBe(201);
  });

  test('in a batch rejects the whole body', async () => {
    const broadcastless = `{"messages":[{"contactId":"c","messageId":"${uniqueId('m')}","parameters":{"n":1e400}}]}`;
    expect(await app.post('/v1/broadcasts/b/messages', broadcastless)).toMatchObject(
      refused('validation_failed', { errors: [{ field: 'messages[0].parameters.n', code: 'inexact_number' }] }),
    );
  });
});

test('a field that occurs twice in an object is rejected by name', async () => {
  expect(await app.post('/v1/leads', '{"contactId":"dup-a","contactId":"dup-b"}')).toMatchObject(
    refused('validation_failed', { errors: [{ field: 'contactId', code: 'duplicate_field' }] }),
  );
});

describe('an ID that no path can contain', () => {
  test.each(['.', '..'])('the ID "%s" is rejected for contacts, agents, broadcasts and messages', async (id) => {
    expect(await app.post('/v1/leads', { contactId: id })).toMatchObject(invalid('contactId'));
    expect(await app.post('/v1/interactions', interactionBody({ contactId: id, messageId: id }))).toMatchObject(
      invalid('contactId', 'messageId'),
    );
    expect(await app.post('/v1/agents', { id, name: 'Ana' })).toMatchObject(invalid('id'));
    expect(await app.post('/v1/bulk', { action: { type: 'unassign' }, target: { ids: [id] } })).toMatchObject(
      invalid('target.ids'),
    );
    expect(await app.post('/v1/leads', { contactId: 'x' }, { 'x-actor': `agent:${id}` })).toMatchObject(
      invalid('X-Actor'),
    );
  });

  test('no agent can have the ID "none", which means unassigned in filters', async () => {
    expect(await app.post('/v1/agents', { id: 'none', name: 'Nona' })).toMatchObject(invalid('id'));
    expect(await app.post('/v1/leads', { contactId: 'x' }, { 'x-actor': 'agent:none' })).toMatchObject(
      invalid('X-Actor'),
    );
    expect((await app.get('/v1/leads', { agentId: 'none' })).status).toBe(200);
  });
});

describe('an unsupported method', () => {
  test.each([
    ['PUT', '/v1/leads', ['GET', 'POST']],
    ['DELETE', '/v1/leads', ['GET', 'POST']],
    ['POST', '/v1/leads/x', ['GET']],
    ['PATCH', '/v1/leads/x', ['GET']],
    ['GET', '/v1/interactions', ['POST']],
    ['GET', '/v1/leads/x/status', ['POST']],
    ['PUT', '/v1/leads/x/assignment', ['POST', 'DELETE']],
    ['GET', '/v1/leads/x/follow-ups/y/complete', ['POST']],
    ['DELETE', '/v1/agents/x', ['GET', 'PATCH']],
    ['POST', '/v1/leads/x/history', ['GET']],
    ['OPTIONS', '/v1/leads', ['GET', 'POST']],
    ['POST', '/healthz', ['GET']],
  ])('%s %s gets 405 with the supported methods in Allow', async (method, path, allowed) => {
    const response = await app.call(method, path);
    expect(response).toMatchObject(refused('method_not_allowed'));
    const allowHeader = response.headers.get('allow')!.split(', ');
    expect(allowHeader).toEqual(expect.arrayContaining(allowed));
    expect(allowHeader).not.toContain(method);
  });

  test.each(['/', '/v1', '/v2/leads', '/v1/lead', '/v1/leads/x/y', '/v1/leads/x/status/y', '/favicon.ico'])(
    'the unknown path %s returns not_found for every method',
    async (path) => {
      expect(await app.call('PUT', path)).toMatchObject(refused('not_found'));
      expect(await app.get(path)).toMatchObject(refused('not_found'));
    },
  );
});

describe('an invalid header', () => {
  test.each([
    ['If-Match', '1'],
    ['If-Match', 'W/"1"'],
    ['If-Match', '"x"'],
    ['If-Match', '"1", "2"'],
    ['If-Match', ''],
    ['X-Actor', 'ana'],
    ['X-Actor', 'agent:'],
    ['X-Actor', 'system:ana'],
    ['X-Actor', `agent:${'x'.repeat(129)}`],
    ['X-Occurred-At', 'yesterday'],
    ['X-Occurred-At', '2026-01-01'],
    ['X-Occurred-At', '2999-01-01T00:00:00Z'],
    ['Idempotency-Key', ''],
    ['Idempotency-Key', 'x'.repeat(256)],
    ['Idempotency-Key', 'schlüssel'],
  ])('the header %s: %s is rejected, naming it, and nothing changes', async (name, value) => {
    const { id, version } = await openLead(app);
    const response = await app.post(`/v1/leads/${id}/status`, { status: 'contacted' }, { [name]: value });
    expect(response).toMatchObject(invalid(name));
    expect(expectSuccess(await app.post(`/v1/leads/${id}/status`, { status: 'new' }))).toMatchObject({
      changed: false,
      version,
    });
  });

  test('If-Match is rejected on requests that create something', async () => {
    for (const [path, body] of [
      ['/v1/interactions', interactionBody()],
      ['/v1/leads', { contactId: uniqueId('c') }],
      ['/v1/agents', { name: 'Ana' }],
    ] as const)
      expect(await app.post(path, body, { 'if-match': '"1"' })).toMatchObject(invalid('If-Match'));
  });
});

describe('a command’s response', () => {
  test('a command’s response has version and position in the body and as headers', async () => {
    const ana = await postAgent(app);
    const lead = await openLead(app);
    const { followUp: created } = await postFollowUp(app, lead.id);
    const leadPath = `/v1/leads/${lead.id}`;
    for (const [method, path, body] of [
      ['POST', '/v1/interactions', interactionBody()],
      ['POST', '/v1/leads', { contactId: uniqueId('contact') }],
      ['POST', `${leadPath}/status`, { status: 'contacted' }],
      ['POST', `${leadPath}/assignment`, { agentId: ana.id }],
      ['DELETE', `${leadPath}/assignment`, undefined],
      ['POST', `${leadPath}/qualification`, { score: 5, model: 'm' }],
      ['DELETE', `${leadPath}/qualification/pin`, undefined],
      ['POST', `${leadPath}/follow-ups`, { dueAt: inHours(1) }],
      ['POST', `${leadPath}/follow-ups/${created.id}/reschedule`, { dueAt: inHours(1) }],
      ['POST', `${leadPath}/follow-ups/${created.id}/complete`, {}],
      ['POST', `${leadPath}/messages`, { messageId: uniqueId('out') }],
      ['POST', '/v1/agents', { name: 'Ben' }],
      ['PATCH', `/v1/agents/${ana.id}`, { name: 'Anna' }],
    ] as const) {
      const response = await app.call(method, path, body);
      const { version, position, changed } = response.body;
      expect([path, response.status < 300, typeof changed]).toEqual([path, true, 'boolean']);
      expect(response.headers.get('etag')).toBe(`"${version}"`);
      expect(response.headers.get('x-position')).toBe(position);
      expect(position).toMatch(/^[A-Za-z0-9._~-]+$/);
      expect(Number.isNaN(Date.parse(position)) || !/^\d{4}-/.test(position)).toBe(true);
      expect(response.headers.has('location')).toBe(response.status === 201);
      if (response.body.lead) expect(response.body.lead.version).toBe(version);
    }
  });

  test('the Location of a created resource can be read', async () => {
    for (const [path, body] of [
      ['/v1/leads', { contactId: uniqueId('contact') }],
      ['/v1/interactions', interactionBody()],
      ['/v1/agents', { name: 'Ana' }],
    ] as const) {
      const response = await app.post(path, body);
      expect(response.status).toBe(201);
      const found = await app.get(response.headers.get('location')!, { after: response.body.position });
      expect(found.status).toBe(200);
    }
  });

  test('positions of successive commands increase', async () => {
    const positions: string[] = [];
    for (let index = 0; index < 5; index++) positions.push((await postInteraction(app)).position);
    expect(positions.toSorted()).toEqual(positions);
    expect(new Set(positions).size).toBe(5);
  });
});

describe('a correlation id', () => {
  test('a response returns the request’s correlation id, or a generated one', async () => {
    const response = await app.get('/healthz', {}, { 'x-correlation-id': 'order-4711' });
    expect(response.headers.get('x-correlation-id')).toBe('order-4711');
    const [first, second] = [await app.get('/healthz'), await app.get('/healthz')];
    expect(first.headers.get('x-correlation-id')).not.toBe(second.headers.get('x-correlation-id'));
  });

  test('an error response and its log line have the correlation id', async () => {
    const response = await app.get('/v1/nothing', {}, { 'x-correlation-id': 'lost-1' });
    expect(response.headers.get('x-correlation-id')).toBe('lost-1');
    await app.waitForOutput('"correlationId":"lost-1"');
  });
});

describe('reading after a position', () => {
  test('a read with after=position includes the write at that position', async () => {
    for (let index = 0; index < 20; index++) {
      const { leadId, position: after } = await postInteraction(app);
      const [lead, list, history] = await Promise.all([
        app.get(`/v1/leads/${leadId}`, { after }),
        app.get('/v1/leads', { after, limit: 1 }),
        app.get(`/v1/leads/${leadId}/history`, { after }),
      ]);
      expect([lead.status, list.status, history.status]).toEqual([200, 200, 200]);
      for (const { headers } of [lead, list, history]) expect(headers.get('x-position')! >= after).toBe(true);
    }
  });

  test('a read from any view returns the position of the view as X-Position', async () => {
    const { leadId, lead } = await postInteraction(app);
    for (const path of [
      '/v1/leads',
      `/v1/leads/${leadId}`,
      `/v1/leads/${leadId}/history`,
      `/v1/contacts/${lead.contactId}/history`,
      '/v1/agents',
      '/v1/follow-ups',
    ])
      expect((await app.get(path, { after: (await postInteraction(app)).position })).headers.get('x-position')).toMatch(
        /^[A-Za-z0-9._~-]+$/,
      );
  });

  test('positions that are invalid or of another log are rejected', async () => {
    const { position } = await postInteraction(app);
    await withApp(async (otherApp) => {
      const foreign = (await postInteraction(otherApp)).position;
      const ahead = `${position.slice(0, -1)}~`;
      const invalidPositions = [
        'x',
        '0',
        '',
        '2026-01-01T00:00:00Z',
        `${position}0`,
        position.toUpperCase(),
        ` ${position}`,
        '~',
        'ü',
        foreign,
        ahead,
        position.replace(/.{4}$/, 'zzzz'),
      ];
      for (const after of invalidPositions)
        expect([after, await app.get('/v1/leads', { after })]).toMatchObject([after, invalid('after')]);
      expect(await app.get('/v1/leads/x/history', { asOf: foreign })).toMatchObject(invalid('asOf'));
    });
  });

  test('wait accepts 0 to 30000 ms', async () => {
    const { position: after } = await postInteraction(app);
    for (const wait of ['0', '1', '30000'])
      expect([200, 503]).toContain((await app.get('/v1/leads', { after, wait })).status);
    for (const wait of ['-1', '30001', '1.5', '1e3', 'long', '', '0x10'])
      expect(await app.get('/v1/leads', { after, wait })).toMatchObject(invalid('wait'));
  });

  test('a read with wait=0 either succeeds or gets projection_behind with Retry-After', async () => {
    for (let index = 0; index < 50; index++) {
      const { position: after } = await postInteraction(app);
      const response = await app.get('/v1/leads', { after, wait: 0 });
      if (response.status === 200) continue;
      expect(response).toMatchObject(refused('projection_behind'));
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    }
  });
});
