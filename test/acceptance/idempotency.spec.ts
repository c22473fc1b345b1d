import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp } from '../support/app.js';
import {
  expectSuccess,
  getAllLeads,
  getContactHistory,
  getLead,
  getLeadHistory,
  idempotencyKey,
  inHours,
  inMinutes,
  inMs,
  interactionBody,
  occurredAtHeader,
  openClosedLead,
  openLead,
  postInteraction,
  postStatus,
  retryWhileUnavailable,
  uniqueId,
  withApp,
} from '../support/api-steps.js';

const app = setupApp();

describe('an idempotency key with the same request', () => {
  test('a repeated request gets the stored response, marked as replayed, and changes nothing', async () => {
    const key = idempotencyKey();
    const body = interactionBody();
    const first = await app.post('/v1/interactions', body, key);
    const again = await app.post('/v1/interactions', body, key);
    expect(first.status).toBe(201);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    for (const header of ['etag', 'x-position', 'location'])
      expect(again.headers.get(header)).toBe(first.headers.get(header));
    expect(await getLeadHistory(app, first.body.leadId, { after: first.body.position })).toHaveLength(2);
  });

  test('a repeated request gets the stored response even if the lead has changed since', async () => {
    const { id } = await openLead(app);
    const key = idempotencyKey();
    const send = () => app.post(`/v1/leads/${id}/status`, { status: 'contacted' }, key);
    const first = await send();
    await postStatus(app, id, 'qualified');
    const again = await send();
    expect(again.text).toBe(first.text);
    expect(await getLead(app, id, (await postStatus(app, id, 'qualified')).position)).toMatchObject({
      status: 'qualified',
      version: 4,
    });
  });

  test.each([
    ['creating a lead', 'POST', '/v1/leads', () => ({ contactId: uniqueId('contact') })],
    ['creating an agent', 'POST', '/v1/agents', () => ({ name: 'Ana' })],
  ])('%s twice under one idempotency key creates only one', async (_, method, path, body) => {
    const key = idempotencyKey();
    const requestBody = body();
    const [first, again] = [
      await app.call(method, path, requestBody, key),
      await app.call(method, path, requestBody, key),
    ];
    expect(first.status).toBe(201);
    expect([again.status, again.text]).toEqual([201, first.text]);
  });

  test('responses to PATCH and DELETE requests are replayed too', async () => {
    const { agent } = expectSuccess(await app.post('/v1/agents', { name: 'Ana' }));
    const renameKey = idempotencyKey();
    const renamed = await app.patch(`/v1/agents/${agent.id}`, { name: 'Ana Maria' }, renameKey);
    await app.patch(`/v1/agents/${agent.id}`, { name: 'Anna' });
    expect((await app.patch(`/v1/agents/${agent.id}`, { name: 'Ana Maria' }, renameKey)).text).toBe(renamed.text);

    const { id } = await openLead(app);
    const unassignKey = idempotencyKey();
    await app.post(`/v1/leads/${id}/assignment`, { agentId: agent.id });
    const unassigned = await app.delete(`/v1/leads/${id}/assignment`, undefined, unassignKey);
    const reassigned = expectSuccess(await app.post(`/v1/leads/${id}/assignment`, { agentId: agent.id }));
    const again = await app.delete(`/v1/leads/${id}/assignment`, undefined, unassignKey);
    expect(again.text).toBe(unassigned.text);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await getLead(app, id, reassigned.position)).toMatchObject({ agent: { name: 'Anna' } });
  });

  test('creating a follow-up twice under one key creates one', async () => {
    const { id } = await openLead(app);
    const key = idempotencyKey();
    const body = { dueAt: inHours(1) };
    const first = await app.post(`/v1/leads/${id}/follow-ups`, body, key);
    const again = await app.post(`/v1/leads/${id}/follow-ups`, body, key);
    expect(again.text).toBe(first.text);
    expect(await getLead(app, id, first.body.position)).toMatchObject({ followUps: { open: 1 }, version: 3 });
  });

  test('the response of a request without a change is stored', async () => {
    const { id } = await openLead(app);
    const key = idempotencyKey();
    expect(await app.post(`/v1/leads/${id}/status`, { status: 'new' }, key)).toMatchObject({
      body: { changed: false },
    });
    await postStatus(app, id, 'contacted');
    const again = await app.post(`/v1/leads/${id}/status`, { status: 'new' }, key);
    expect(again).toMatchObject({ status: 200, body: { changed: false, version: 2, lead: { status: 'new' } } });
  });

  test('a rejection is stored with its details', async () => {
    const { id, contactId } = await openClosedLead(app);
    const key = idempotencyKey();
    const send = () => app.post(`/v1/leads/${id}/status`, { status: 'new' }, key);
    const first = await send();
    expect(first).toMatchObject(refused('lead_inactive', { activeLeadId: null }));
    await postInteraction(app, { contactId });
    const again = await send();
    expect(again.text).toBe(first.text);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  test('not_found and version_mismatch responses are stored for idempotency keys', async () => {
    const { id } = await openLead(app);
    const [assignKey, matchKey] = [idempotencyKey(), { ...idempotencyKey(), 'if-match': '"1"' }];
    const assign = () => app.post(`/v1/leads/${id}/assignment`, { agentId: 'later' }, assignKey);
    const changeStatus = () => app.post(`/v1/leads/${id}/status`, { status: 'contacted' }, matchKey);
    expect(await assign()).toMatchObject(refused('not_found'));
    expect(await changeStatus()).toMatchObject(refused('version_mismatch', { version: 2 }));
    await app.post('/v1/agents', { id: 'later', name: 'Later' });
    expect(await assign()).toMatchObject(refused('not_found'));
    expect(await changeStatus()).toMatchObject(refused('version_mismatch', { version: 2 }));
  });

  test('validation errors are not stored, so a corrected request is carried out under the same idempotency key', async () => {
    const key = idempotencyKey();
    const body = interactionBody();
    expect(await app.post('/v1/interactions', { ...body, channel: 'fax' }, key)).toMatchObject(invalid('channel'));
    expect(await app.post('/v1/interactions', { ...body, occurredAt: inHours(1) }, key)).toMatchObject(
      invalid('occurredAt'),
    );
    expect(await app.post('/v1/interactions', '{"contactId":', key)).toMatchObject(refused('malformed_json'));
    expect(await app.post('/v1/interactions', body, key)).toMatchObject({ status: 201 });
  });

  test('a batch is replayed item by item; one without a valid item is a validation error and is not stored', async () => {
    const receipt = { channel: 'sms', messageId: uniqueId('message'), status: 'delivered', occurredAt: inMinutes(-1) };
    const mixedKey = idempotencyKey();
    const sendMixed = () => app.post('/v1/receipts', { receipts: [receipt, { ...receipt, status: 'lost' }] }, mixedKey);
    const first = await sendMixed();
    expect(first).toMatchObject({ status: 207, body: { results: [{ outcome: 'recorded' }, { outcome: 'invalid' }] } });
    const again = await sendMixed();
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');

    const invalidKey = idempotencyKey();
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      const rejected = await app.post('/v1/receipts', { receipts: [{ ...receipt, status: 'lost' }] }, invalidKey);
      expect(rejected).toMatchObject(refused('validation_failed'));
      expect(rejected.headers.get('idempotent-replayed')).toBeNull();
    }
    expect(await app.post('/v1/receipts', { receipts: [receipt] }, invalidKey)).toMatchObject({ status: 200 });
  });

  test('of 20 concurrent requests under one key one is carried out; the others get its response or idempotency_in_flight', async () => {
    const key = idempotencyKey();
    const body = interactionBody();
    const responses = await Promise.all(Array.from({ length: 20 }, () => app.post('/v1/interactions', body, key)));
    const first = responses.filter(
      (response) => response.status === 201 && !response.headers.has('idempotent-replayed'),
    );
    expect(first).toHaveLength(1);
    for (const response of responses.filter((response) => response !== first[0]))
      if (response.status === 201) expect(response.text).toBe(first[0]!.text);
      else expect(response).toMatchObject(refused('idempotency_in_flight'));
    const again = await app.post('/v1/interactions', body, key);
    expect(again.text).toBe(first[0]!.text);
  });

  test('a repeated request may differ in member order and whitespace', async () => {
    const { contactId, messageId } = interactionBody();
    const key = idempotencyKey();
    const first = await app.post('/v1/interactions', { contactId, channel: 'sms', kind: 'chat', messageId }, key);
    const again = await app.post(
      '/v1/interactions',
      ` { "contactId": "${contactId}",\n"channel": "sms", "kind": "chat", "messageId": "${messageId}" }`,
      key,
    );
    expect(again.text).toBe(first.text);
  });
});

describe('an idempotency key with another request', () => {
  test.each([
    ['another body', 'POST', (id: string) => `/v1/leads/${id}/status`, { status: 'lost' }, {}],
    ['another path', 'POST', (id: string) => `/v1/leads/${id}/assignment`, { agentId: 'x' }, {}],
    ['another method', 'DELETE', (id: string) => `/v1/leads/${id}/assignment`, undefined, {}],
    [
      'another actor',
      'POST',
      (id: string) => `/v1/leads/${id}/status`,
      { status: 'contacted' },
      { 'x-actor': 'agent:ana' },
    ],
    [
      'another version',
      'POST',
      (id: string) => `/v1/leads/${id}/status`,
      { status: 'contacted' },
      { 'if-match': '"2"' },
    ],
  ])('an idempotency key reused with %s is rejected and changes nothing', async (_, method, path, body, headers) => {
    const { id } = await openLead(app);
    const key = idempotencyKey();
    const { position } = expectSuccess(await app.post(`/v1/leads/${id}/status`, { status: 'contacted' }, key));
    const response = await app.call(method, path(id), body, { ...key, ...headers });
    expect(response).toMatchObject(refused('idempotency_key_reused'));
    expect(await getLead(app, id, position)).toMatchObject({ status: 'contacted', version: 3 });
  });

  test('of two different concurrent requests under one key one is carried out and the other rejected', async () => {
    const key = idempotencyKey();
    const responses = await Promise.all(
      [1, 2].map((index) =>
        app.post('/v1/interactions', interactionBody({ contactId: uniqueId(`contact-${index}`) }), key),
      ),
    );
    expect(responses.filter((response) => response.status === 201)).toHaveLength(1);
    expect(responses.filter((response) => response.body.code === 'idempotency_key_reused')).toHaveLength(1);
  });

  test('idempotency keys that differ in one character or in case are different keys', async () => {
    const { id } = await openLead(app);
    const { 'idempotency-key': key } = idempotencyKey();
    await app.post(`/v1/leads/${id}/status`, { status: 'contacted' }, idempotencyKey(key));
    expect(await app.post(`/v1/leads/${id}/status`, { status: 'qualified' }, idempotencyKey(`${key}x`))).toMatchObject({
      status: 200,
    });
    expect(
      await app.post(`/v1/leads/${id}/status`, { status: 'new' }, idempotencyKey(key.toUpperCase())),
    ).toMatchObject({
      status: 200,
    });
  });

  test('an idempotency key may have 1 to 255 characters', async () => {
    const send = (key: string) => app.post('/v1/interactions', interactionBody(), idempotencyKey(key));
    expect(await send('k')).toMatchObject({ status: 201 });
    expect(await send('k'.repeat(255))).toMatchObject({ status: 201 });
    expect(await send('k'.repeat(256))).toMatchObject(invalid('Idempotency-Key'));
    expect(await send('')).toMatchObject(invalid('Idempotency-Key'));
  });
});

describe('idempotency keys across a restart', () => {
  test('stored responses, rejections and reused keys survive a restart', async () => {
    await withApp(async (freshApp) => {
      const body = interactionBody();
      const [openKey, closeKey, rejectedKey] = [idempotencyKey(), idempotencyKey(), idempotencyKey()];
      const first = await freshApp.post('/v1/interactions', body, openKey);
      const { leadId } = first.body;
      const closed = await freshApp.post(`/v1/leads/${leadId}/status`, { status: 'lost' }, closeKey);
      const rejected = await freshApp.post(`/v1/leads/${leadId}/status`, { status: 'new' }, rejectedKey);
      await freshApp.stop();
      await freshApp.start();
      expect((await freshApp.post('/v1/interactions', body, openKey)).text).toBe(first.text);
      expect((await freshApp.post(`/v1/leads/${leadId}/status`, { status: 'lost' }, closeKey)).text).toBe(closed.text);
      expect((await freshApp.post(`/v1/leads/${leadId}/status`, { status: 'new' }, rejectedKey)).text).toBe(
        rejected.text,
      );
      expect(await freshApp.post('/v1/interactions', interactionBody(), openKey)).toMatchObject(
        refused('idempotency_key_reused'),
      );
    });
  });

  test('a command repeated under its key after a kill returns the response to its first execution', async () => {
    await withApp(async (freshApp) => {
      for (let round = 0; round < 4; round++) {
        const requests = Array.from({ length: 40 }, () => ({
          key: idempotencyKey(),
          body: { contactId: uniqueId('contact'), note: 'x' },
        }));
        const pending = requests.map(({ key, body }) => freshApp.post('/v1/leads', body, key).catch(() => undefined));
        // At the kill some requests have a response, some are in flight, and some have not started.
        await Promise.race(pending.slice(round * 8));
        await freshApp.kill();
        const before = await Promise.all(pending);
        await freshApp.start();
        const again = await Promise.all(
          requests.map(({ key, body }) => retryWhileUnavailable(() => freshApp.post('/v1/leads', body, key))),
        );
        for (const [index, { body }] of requests.entries()) {
          expect(again[index]).toMatchObject({
            status: 201,
            body: { changed: true, version: 1, lead: { ordinal: 1, contactId: body.contactId } },
          });
          if (before[index]?.status === 201) expect(again[index]!.text).toBe(before[index].text);
          expect(await getContactHistory(freshApp, body.contactId)).toHaveLength(2);
        }
      }
    });
  }, 240_000);
});

describe('X-Occurred-At', () => {
  test('X-Occurred-At dates a lead back and keeps the time of recording', async () => {
    const before = new Date().toISOString();
    const time = '2024-05-06T07:08:09+02:00';
    const { lead, position } = await postInteraction(app, {}, occurredAtHeader(time));
    const utc = '2024-05-06T05:08:09.000Z';
    expect(lead).toMatchObject({ createdAt: utc, updatedAt: utc, statusChangedAt: utc, lastInteractionAt: utc });
    for (const entry of await getLeadHistory(app, lead.id, { after: position })) {
      expect(entry.occurredAt).toBe(utc);
      expect(entry.recordedAt >= before).toBe(true);
    }
  });

  test('X-Occurred-At imports a lead’s past step by step', async () => {
    const lead = await openLead(app, {}, occurredAtHeader('2024-01-01T00:00:00Z'));
    const step = (path: string, body: object, time: string) =>
      app.post(`/v1/leads/${lead.id}/${path}`, body, occurredAtHeader(time));
    expectSuccess(await step('status', { status: 'contacted' }, '2024-01-02T00:00:00Z'));
    expectSuccess(await step('status', { qualificationScore: 60 }, '2024-01-03T00:00:00Z'));
    const closed = expectSuccess(await step('status', { status: 'lost' }, '2024-01-04T00:00:00Z'));
    expect(closed.lead).toMatchObject({
      statusChangedAt: '2024-01-04T00:00:00.000Z',
      closedAt: '2024-01-04T00:00:00.000Z',
    });
    expect(closed.lead.qualification.scoredAt).toBe('2024-01-03T00:00:00.000Z');
    const second = await openLead(app, { contactId: lead.contactId }, occurredAtHeader('2024-02-01T00:00:00Z'));
    expect(second).toMatchObject({ ordinal: 2, createdAt: '2024-02-01T00:00:00.000Z' });
  });

  test.each([
    ['a future time', () => inMinutes(1)],
    ['text', () => 'yesterday'],
    ['a time without an offset', () => '2024-01-01T00:00:00'],
    ['an impossible date', () => '2024-02-30T00:00:00Z'],
    ['an empty value', () => ''],
  ])('X-Occurred-At with %s is rejected', async (_, time) => {
    expect(await app.post('/v1/interactions', interactionBody(), occurredAtHeader(time()))).toMatchObject(
      invalid('X-Occurred-At'),
    );
  });

  test('X-Occurred-At before the contact’s last command is rejected and changes nothing', async () => {
    const { id, contactId, version } = await openLead(app);
    const early = occurredAtHeader(inHours(-1));
    expect(await app.post(`/v1/leads/${id}/status`, { status: 'lost' }, early)).toMatchObject(invalid('X-Occurred-At'));
    expect(await app.post('/v1/interactions', interactionBody({ contactId }), early)).toMatchObject(
      invalid('X-Occurred-At'),
    );
    expect(await postStatus(app, id, 'new')).toMatchObject({ changed: false, version });
  });

  test('X-Occurred-At equal to the contact’s last command is accepted', async () => {
    const time = inHours(-5);
    const { id } = await openLead(app, {}, occurredAtHeader(time));
    expect(await app.post(`/v1/leads/${id}/status`, { status: 'lost' }, occurredAtHeader(time))).toMatchObject({
      status: 200,
    });
  });

  test('X-Occurred-At is compared with the last command’s time, not with the message’s occurredAt', async () => {
    const { id } = await openLead(app, { occurredAt: inHours(-4.95) }, occurredAtHeader(inHours(-5)));
    const between = await app.post(`/v1/leads/${id}/status`, { status: 'lost' }, occurredAtHeader(inHours(-4.98)));
    expect(between).toMatchObject({ status: 200 });
  });

  test('a follow-up’s dueAt is compared with X-Occurred-At', async () => {
    const { id } = await openLead(app, {}, occurredAtHeader('2024-01-01T00:00:00Z'));
    const send = (dueAt: string) =>
      app.post(`/v1/leads/${id}/follow-ups`, { dueAt }, occurredAtHeader('2024-01-02T00:00:00Z'));
    expect(await send('2024-01-01T23:59:59Z')).toMatchObject(invalid('dueAt'));
    expect(await send('2024-01-02T00:00:01Z')).toMatchObject({
      status: 201,
      body: { followUp: { dueAt: '2024-01-02T00:00:01.000Z', createdAt: '2024-01-02T00:00:00.000Z' } },
    });
  });

  test('an interaction’s occurredAt is compared with X-Occurred-At', async () => {
    const send = (occurredAt: string) =>
      app.post('/v1/interactions', interactionBody({ occurredAt }), occurredAtHeader('2024-01-02T00:00:00Z'));
    expect(await send('2024-01-02T00:06:00Z')).toMatchObject(invalid('occurredAt'));
    expect(await send('2024-01-02T00:04:00Z')).toMatchObject({ status: 201 });
  });

  test('X-Occurred-At dates agents back, and lists sort by the dated time', async () => {
    const { agent } = expectSuccess(
      await app.post('/v1/agents', { name: 'Old' }, occurredAtHeader('2001-01-01T00:00:00Z')),
    );
    expect(agent.createdAt).toBe('2001-01-01T00:00:00.000Z');
    const { position, lead } = await postInteraction(app, {}, occurredAtHeader('2001-01-01T00:00:00Z'));
    const [oldest] = await getAllLeads(app, { sort: 'createdAt', createdTo: '2001-01-02T00:00:00Z', after: position });
    expect(oldest?.id).toBe(lead.id);
  });

  test('X-Occurred-At of a millisecond ago is accepted', async () => {
    expect(await postInteraction(app, {}, occurredAtHeader(inMs(-1)))).toMatchObject({ leadCreated: true });
  });
});
