import { describe, expect, test } from '@jest/globals';
import { invalid, refused } from '../support/expected-responses.js';
import { setupApp, App } from '../support/app.js';
import {
  getAllLeads,
  openClosedLead,
  getContactHistory,
  expectSuccess,
  inHours,
  inMinutes,
  inMs,
  interactionBody,
  getLeadHistory,
  getLead,
  openLead,
  retryWhileUnavailable,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

const app = setupApp();
const keyed = (key = uniqueId('key')) => ({ 'idempotency-key': key });

describe('the same key with the same request', () => {
  test('answers the same again, says so, and does nothing', async () => {
    const key = keyed();
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

  test('answers as the first time also when the lead has moved on', async () => {
    const { id } = await openLead(app);
    const key = keyed();
    const ask = () => app.post(`/v1/leads/${id}/status`, { status: 'contacted' }, key);
    const first = await ask();
    await postStatus(app, id, 'qualified');
    const again = await ask();
    expect(again.text).toBe(first.text);
    expect(await getLead(app, id, (await postStatus(app, id, 'qualified')).position)).toMatchObject({
      status: 'qualified',
      version: 4,
    });
  });

  test.each([
    ['POST a lead', 'POST', '/v1/leads', () => ({ contactId: uniqueId('contact') })],
    ['POST an agent', 'POST', '/v1/agents', () => ({ name: 'Ana' })],
  ])('%s twice makes one', async (_, method, path, body) => {
    const key = keyed();
    const said = body();
    const [first, again] = [await app.call(method, path, said, key), await app.call(method, path, said, key)];
    expect(first.status).toBe(201);
    expect([again.status, again.text]).toEqual([201, first.text]);
  });

  test('holds for PATCH and DELETE too', async () => {
    const { agent } = expectSuccess(await app.post('/v1/agents', { name: 'Ana' }));
    const patch = keyed();
    const renamed = await app.patch(`/v1/agents/${agent.id}`, { name: 'Ana Maria' }, patch);
    await app.patch(`/v1/agents/${agent.id}`, { name: 'Anna' });
    expect((await app.patch(`/v1/agents/${agent.id}`, { name: 'Ana Maria' }, patch)).text).toBe(renamed.text);

    const { id } = await openLead(app);
    const away = keyed();
    await app.post(`/v1/leads/${id}/assignment`, { agentId: agent.id });
    const freed = await app.delete(`/v1/leads/${id}/assignment`, undefined, away);
    const back = expectSuccess(await app.post(`/v1/leads/${id}/assignment`, { agentId: agent.id }));
    const again = await app.delete(`/v1/leads/${id}/assignment`, undefined, away);
    expect(again.text).toBe(freed.text);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await getLead(app, id, back.position)).toMatchObject({ agent: { name: 'Anna' } });
  });

  test('makes one follow-up', async () => {
    const { id } = await openLead(app);
    const key = keyed();
    const body = { dueAt: inHours(1) };
    const first = await app.post(`/v1/leads/${id}/follow-ups`, body, key);
    const again = await app.post(`/v1/leads/${id}/follow-ups`, body, key);
    expect(again.text).toBe(first.text);
    expect(await getLead(app, id, first.body.position)).toMatchObject({ followUps: { open: 1 }, version: 3 });
  });

  test('keeps what changed nothing', async () => {
    const { id } = await openLead(app);
    const key = keyed();
    expect(await app.post(`/v1/leads/${id}/status`, { status: 'new' }, key)).toMatchObject({
      body: { changed: false },
    });
    await postStatus(app, id, 'contacted');
    const again = await app.post(`/v1/leads/${id}/status`, { status: 'new' }, key);
    expect(again).toMatchObject({ status: 200, body: { changed: false, version: 2, lead: { status: 'new' } } });
  });

  test('keeps refusals, with all that they told', async () => {
    const { id, contactId } = await openClosedLead(app);
    const key = keyed();
    const ask = () => app.post(`/v1/leads/${id}/status`, { status: 'new' }, key);
    const first = await ask();
    expect(first).toMatchObject(refused('lead_inactive', { activeLeadId: null }));
    await postInteraction(app, { contactId });
    const again = await ask();
    expect(again.text).toBe(first.text);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  test('keeps what was not found, and what another version forbade', async () => {
    const { id } = await openLead(app);
    const [missing, moved] = [keyed(), { ...keyed(), 'if-match': '"1"' }];
    const find = () => app.post(`/v1/leads/${id}/assignment`, { agentId: 'later' }, missing);
    const match = () => app.post(`/v1/leads/${id}/status`, { status: 'contacted' }, moved);
    expect(await find()).toMatchObject(refused('not_found'));
    expect(await match()).toMatchObject(refused('version_mismatch', { version: 2 }));
    await app.post('/v1/agents', { id: 'later', name: 'Later' });
    expect(await find()).toMatchObject(refused('not_found'));
    expect(await match()).toMatchObject(refused('version_mismatch', { version: 2 }));
  });

  test('does not keep validation errors: put right, it is done under the same key', async () => {
    const key = keyed();
    const body = interactionBody();
    expect(await app.post('/v1/interactions', { ...body, channel: 'fax' }, key)).toMatchObject(invalid('channel'));
    expect(await app.post('/v1/interactions', { ...body, occurredAt: inHours(1) }, key)).toMatchObject(
      invalid('occurredAt'),
    );
    expect(await app.post('/v1/interactions', '{"contactId":', key)).toMatchObject(refused('malformed_json'));
    expect(await app.post('/v1/interactions', body, key)).toMatchObject({ status: 201 });
  });

  test('20 times in parallel: one does it, the others are told to wait or hear the same', async () => {
    const key = keyed();
    const body = interactionBody();
    const responses = await Promise.all(Array.from({ length: 20 }, () => app.post('/v1/interactions', body, key)));
    const first = responses.filter((response) => response.status === 201 && !response.headers.has('idempotent-replayed'));
    expect(first).toHaveLength(1);
    for (const response of responses.filter((response) => response !== first[0]))
      if (response.status === 201) expect(response.text).toBe(first[0]!.text);
      else expect(response).toMatchObject(refused('idempotency_in_flight'));
    const again = await app.post('/v1/interactions', body, key);
    expect(again.text).toBe(first[0]!.text);
  });

  test('written in another order of members, and with other spaces, is the same request', async () => {
    const { contactId, messageId } = interactionBody();
    const key = keyed();
    const first = await app.post('/v1/interactions', { contactId, channel: 'sms', kind: 'chat', messageId }, key);
    const again = await app.post(
      '/v1/interactions',
      ` { "contactId": "${contactId}",\n"channel": "sms", "kind": "chat", "messageId": "${messageId}" }`,
      key,
    );
    expect(again.text).toBe(first.text);
  });
});

describe('the same key with another request', () => {
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
  ])('(%s) is refused and does nothing', async (_, method, path, body, headers) => {
    const { id } = await openLead(app);
    const key = keyed();
    const { position } = expectSuccess(await app.post(`/v1/leads/${id}/status`, { status: 'contacted' }, key));
    const other = await app.call(method, path(id), body, { ...key, ...headers });
    expect(other).toMatchObject(refused('idempotency_key_reused'));
    expect(await getLead(app, id, position)).toMatchObject({ status: 'contacted', version: 3 });
  });

  test('in parallel: one request is done, the other is refused', async () => {
    const key = keyed();
    const responses = await Promise.all(
      [1, 2].map((index) =>
        app.post('/v1/interactions', interactionBody({ contactId: uniqueId(`contact-${index}`) }), key),
      ),
    );
    expect(responses.filter((response) => response.status === 201)).toHaveLength(1);
    expect(responses.filter((response) => response.body.code === 'idempotency_key_reused')).toHaveLength(1);
  });

  test('is another key when one character differs', async () => {
    const { id } = await openLead(app);
    const { 'idempotency-key': key } = keyed();
    await app.post(`/v1/leads/${id}/status`, { status: 'contacted' }, keyed(key));
    expect(await app.post(`/v1/leads/${id}/status`, { status: 'qualified' }, keyed(`${key}x`))).toMatchObject({
      status: 200,
    });
    expect(await app.post(`/v1/leads/${id}/status`, { status: 'new' }, keyed(key.toUpperCase()))).toMatchObject({
      status: 200,
    });
  });

  test('takes 1 to 255 characters', async () => {
    const ask = (key: string) => app.post('/v1/interactions', interactionBody(), keyed(key));
    expect(await ask('k')).toMatchObject({ status: 201 });
    expect(await ask('k'.repeat(255))).toMatchObject({ status: 201 });
    expect(await ask('k'.repeat(256))).toMatchObject(invalid('Idempotency-Key'));
    expect(await ask('')).toMatchObject(invalid('Idempotency-Key'));
  });
});

describe('after the process has gone', () => {
  test('stopped and started: kept answers, refusals and reused keys are as they were', async () => {
    const own = await new App().start();
    try {
      const body = interactionBody();
      const [opening, closing, refusing] = [keyed(), keyed(), keyed()];
      const first = await own.post('/v1/interactions', body, opening);
      const { leadId } = first.body;
      const closed = await own.post(`/v1/leads/${leadId}/status`, { status: 'lost' }, closing);
      const no = await own.post(`/v1/leads/${leadId}/status`, { status: 'new' }, refusing);
      await own.stop();
      await own.start();
      expect((await own.post('/v1/interactions', body, opening)).text).toBe(first.text);
      expect((await own.post(`/v1/leads/${leadId}/status`, { status: 'lost' }, closing)).text).toBe(closed.text);
      expect((await own.post(`/v1/leads/${leadId}/status`, { status: 'new' }, refusing)).text).toBe(no.text);
      expect(await own.post('/v1/interactions', interactionBody(), opening)).toMatchObject(
        refused('idempotency_key_reused'),
      );
    } finally {
      await own.dispose();
    }
  });

  test('killed at any moment: a command asked again under its key finds what it did', async () => {
    const own = await new App().start();
    try {
      for (let round = 0; round < 4; round++) {
        const asked = Array.from({ length: 40 }, () => ({
          key: keyed(),
          body: { contactId: uniqueId('contact'), note: 'x' },
        }));
        const heard = asked.map(({ key, body }) => own.post('/v1/leads', body, key).catch(() => undefined));
        // Some are answered, some are under way, some have not begun.
        await Promise.race(heard.slice(round * 8));
        await own.kill();
        const before = await Promise.all(heard);
        await own.start();
        const again = await Promise.all(
          asked.map(({ key, body }) => retryWhileUnavailable(() => own.post('/v1/leads', body, key))),
        );
        for (const [index, { body }] of asked.entries()) {
          expect(again[index]).toMatchObject({
            status: 201,
            body: { changed: true, version: 1, lead: { ordinal: 1, contactId: body.contactId } },
          });
          if (before[index]?.status === 201) expect(again[index]!.text).toBe(before[index].text);
          expect(await getContactHistory(own, body.contactId)).toHaveLength(2);
        }
      }
    } finally {
      await own.dispose();
    }
  }, 240_000);
});

describe('X-Occurred-At', () => {
  const at = (time: string) => ({ 'x-occurred-at': time });

  test('dates a lead back, and what was recorded when stays true', async () => {
    const before = new Date().toISOString();
    const time = '2024-05-06T07:08:09+02:00';
    const { lead, position } = await postInteraction(app, {}, at(time));
    const utc = '2024-05-06T05:08:09.000Z';
    expect(lead).toMatchObject({ createdAt: utc, updatedAt: utc, statusChangedAt: utc, lastInteractionAt: utc });
    for (const entry of await getLeadHistory(app, lead.id, { after: position })) {
      expect(entry.occurredAt).toBe(utc);
      expect(entry.recordedAt >= before).toBe(true);
    }
  });

  test('brings in a whole life, step by step', async () => {
    const lead = await openLead(app, {}, at('2024-01-01T00:00:00Z'));
    const step = (path: string, body: object, time: string) => app.post(`/v1/leads/${lead.id}/${path}`, body, at(time));
    expectSuccess(await step('status', { status: 'contacted' }, '2024-01-02T00:00:00Z'));
    expectSuccess(await step('status', { qualificationScore: 60 }, '2024-01-03T00:00:00Z'));
    const closed = expectSuccess(await step('status', { status: 'lost' }, '2024-01-04T00:00:00Z'));
    expect(closed.lead).toMatchObject({
      statusChangedAt: '2024-01-04T00:00:00.000Z',
      closedAt: '2024-01-04T00:00:00.000Z',
    });
    expect(closed.lead.qualification.scoredAt).toBe('2024-01-03T00:00:00.000Z');
    const second = await openLead(app, { contactId: lead.contactId }, at('2024-02-01T00:00:00Z'));
    expect(second).toMatchObject({ ordinal: 2, createdAt: '2024-02-01T00:00:00.000Z' });
  });

  test.each([
    ['the future', () => inMinutes(1)],
    ['no time', () => 'yesterday'],
    ['a time without an offset', () => '2024-01-01T00:00:00'],
    ['a day that is none', () => '2024-02-30T00:00:00Z'],
    ['nothing', () => ''],
  ])('as %s is refused', async (_, time) => {
    expect(await app.post('/v1/interactions', interactionBody(), at(time()))).toMatchObject(invalid('X-Occurred-At'));
  });

  test('before the contact’s last command is refused, and nothing happens', async () => {
    const { id, contactId, version } = await openLead(app);
    const early = at(inHours(-1));
    expect(await app.post(`/v1/leads/${id}/status`, { status: 'lost' }, early)).toMatchObject(invalid('X-Occurred-At'));
    expect(await app.post('/v1/interactions', interactionBody({ contactId }), early)).toMatchObject(
      invalid('X-Occurred-At'),
    );
    expect(await postStatus(app, id, 'new')).toMatchObject({ changed: false, version });
  });

  test('at the time of the contact’s last command is fine', async () => {
    const time = inHours(-5);
    const { id } = await openLead(app, {}, at(time));
    expect(await app.post(`/v1/leads/${id}/status`, { status: 'lost' }, at(time))).toMatchObject({ status: 200 });
  });

  test('is compared with when the last command was given, not with what time it told', async () => {
    const { id } = await openLead(app, { occurredAt: inHours(-4.95) }, at(inHours(-5)));
    const between = await app.post(`/v1/leads/${id}/status`, { status: 'lost' }, at(inHours(-4.98)));
    expect(between).toMatchObject({ status: 200 });
  });

  test('a follow-up’s dueAt is judged against it', async () => {
    const { id } = await openLead(app, {}, at('2024-01-01T00:00:00Z'));
    const ask = (dueAt: string) => app.post(`/v1/leads/${id}/follow-ups`, { dueAt }, at('2024-01-02T00:00:00Z'));
    expect(await ask('2024-01-01T23:59:59Z')).toMatchObject(invalid('dueAt'));
    expect(await ask('2024-01-02T00:00:01Z')).toMatchObject({
      status: 201,
      body: { followUp: { dueAt: '2024-01-02T00:00:01.000Z', createdAt: '2024-01-02T00:00:00.000Z' } },
    });
  });

  test('an interaction’s own time is judged against it', async () => {
    const ask = (occurredAt: string) =>
      app.post('/v1/interactions', interactionBody({ occurredAt }), at('2024-01-02T00:00:00Z'));
    expect(await ask('2024-01-02T00:06:00Z')).toMatchObject(invalid('occurredAt'));
    expect(await ask('2024-01-02T00:04:00Z')).toMatchObject({ status: 201 });
  });

  test('dates agents back too, and lists sort by it', async () => {
    const { agent } = expectSuccess(await app.post('/v1/agents', { name: 'Old' }, at('2001-01-01T00:00:00Z')));
    expect(agent.createdAt).toBe('2001-01-01T00:00:00.000Z');
    const { position, lead } = await postInteraction(app, {}, at('2001-01-01T00:00:00Z'));
    const [oldest] = await getAllLeads(app, { sort: 'createdAt', createdTo: '2001-01-02T00:00:00Z', after: position });
    expect(oldest?.id).toBe(lead.id);
  });

  test('is now when it is now', async () => {
    expect(await postInteraction(app, {}, at(inMs(-1)))).toMatchObject({ leadCreated: true });
  });
});
