import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, type StringMap } from '../support/app.js';
import { onEmbedded } from '../support/engines.js';
import {
  postAgent,
  postAssignment,
  expectSuccess,
  postFollowUp,
  interactionBody,
  openLead,
  postStatus,
  postInteraction,
} from '../support/api-steps.js';

let apps: App[] = [];
const another = (env: StringMap = {}): App => {
  const app = new App(env);
  apps.push(app);
  return app;
};
afterAll(async () => {
  for (const app of apps) await app.dispose();
  apps = [];
});

/** A clear sentence: one line, no stack, and the process gone with a code. */
const refusal = async (app: App): Promise<string> => {
  const { code, said } = await app.startExpectingExit();
  expect(code).toBe(1);
  expect(said).not.toMatch(/^\s+at .*:\d+/m);
  return said;
};

describe('a running app', () => {
  let app: App;
  beforeAll(async () => {
    app = await another().start();
  });

  test('is alive, and says so', async () => {
    expect(await app.get('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  test('is ready when its stores can be reached and its views keep up', async () => {
    await app.get('/v1/leads', { after: (await postInteraction(app)).position });
    const answer = await app.get<{ ready: boolean; checks: { views: { views: { view: string }[] } } }>('/readyz');
    expect(answer).toMatchObject({
      status: 200,
      body: { ready: true, checks: { log: { ready: true }, views: { ready: true } } },
    });
    const told = answer.body.checks.views.views;
    expect(told.map((it) => it.view)).toEqual(expect.arrayContaining(['lead-list', 'lead-history']));
    for (const view of told) expect(view).toMatchObject({ ready: true, stopped: null });
  });

  onEmbedded.log(test)('lets no second one on its data, which says why', async () => {
    const second = another({ DATA_DIR: app.dataDir });
    expect(await refusal(second)).toMatch(/another process|in use|lock/i);
    expect((await app.get('/readyz')).status).toBe(200);
    expect(await postInteraction(app)).toMatchObject({ leadCreated: true });
  });

  test('listens on this machine alone', () => {
    expect(new URL(app.url).hostname).toBe('127.0.0.1');
  });
});

describe('an app that can’t start says why, and ends', () => {
  test('on an address that others can reach, while authentication is off', async () => {
    await Promise.all(
      ['0.0.0.0', '::', '10.0.0.1', 'example.org'].map(async (HOST) => {
        const said = await refusal(another({ HOST }));
        expect(said).toContain(`HOST is "${HOST}"`);
        expect(said).toMatch(/authentication is off/);
        expect(said).toContain('127.0.0.1');
      }),
    );
  });

  test('with settings that can’t be: all of them are named at once', async () => {
    const said = await refusal(
      another({
        PORT: '99999',
        HOST: '0.0.0.0',
        LOG_LEVEL: 'loud',
        EVENT_STORE_URL: 'redis://x',
        READ_STORE_URL: 'x',
        ID_KEY: 'short',
        OPT_OUT_KEYWORDS: 'baja,!',
        ATTRIBUTION_WINDOW_HOURS: '-1',
        LOST_NEEDS_REASON: 'maybe',
        FIRST_MESSAGE_MAKES_CONTACTED: '1',
      }),
    );
    for (const name of ['PORT', 'HOST', 'LOG_LEVEL', 'EVENT_STORE_URL', 'READ_STORE_URL', 'ID_KEY'])
      expect(said).toMatch(new RegExp(`\\b${name} (is|must be)\\b`));
    for (const name of [
      'OPT_OUT_KEYWORDS',
      'ATTRIBUTION_WINDOW_HOURS',
      'LOST_NEEDS_REASON',
      'FIRST_MESSAGE_MAKES_CONTACTED',
    ])
      expect(said).toMatch(new RegExp(`\\b${name} is\\b`));
    expect(said).toContain('fatal, error, warn, info');
  });

  onEmbedded.log(test)('on a data folder that is a file', async () => {
    const app = another();
    const file = join(app.dataDir, 'file');
    writeFileSync(file, 'not a folder');
    const said = await refusal(another({ DATA_DIR: file }));
    expect(said).toContain(file);
  });

  onEmbedded.log(test)('on a log that is none', async () => {
    const app = another();
    writeFileSync(
      join(app.dataDir, 'events.db'),
      'this is no log of ours, and longer than any header of one\n'.repeat(100),
    );
    expect(await refusal(app)).toContain('events.db');
  });

  test('on a port that is taken', async () => {
    const app = await another().start();
    expect(await refusal(another({ PORT: new URL(app.url).port }))).toMatch(/EADDRINUSE|in use/);
  });

  onEmbedded.log(test)('in a folder that is not there yet makes it', async () => {
    const app = another();
    const DATA_DIR = join(app.dataDir, 'not', 'yet');
    await another({ DATA_DIR }).start();
    expect(existsSync(join(DATA_DIR, 'events.db'))).toBe(true);
  });

  onEmbedded.log(test)('with a damaged key rather than losing all contacts', async () => {
    const app = another();
    mkdirSync(app.dataDir, { recursive: true });
    writeFileSync(join(app.dataDir, 'id.key'), '');
    expect(await refusal(app)).toContain('id.key');
  });
});

describe('SIGTERM', () => {
  test('ends it promptly with code 0, also while connections are idle or were never used', async () => {
    const app = await another().start();
    await postInteraction(app);
    const idle = await Promise.all(Array.from({ length: 5 }, () => connected(app)));
    const unused = await Promise.all(Array.from({ length: 5 }, () => opened(app)));
    const { code, ms } = await app.stop();
    expect(code).toBe(0);
    // Sooner than the eight seconds after which what is still open is cut.
    expect(ms).toBeLessThan(4_000);
    for (const socket of [...idle, ...unused]) socket.destroy();
  });

  test('answers what is under way, and what was acknowledged is there afterwards', async () => {
    const app = await another().start();
    const answers = Array.from({ length: 60 }, () =>
      app.post('/v1/interactions', interactionBody()).catch(() => undefined),
    );
    await answers[0];
    expect((await app.stop()).code).toBe(0);
    const acknowledged = (await Promise.all(answers)).filter((it) => it !== undefined);
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const { status } of acknowledged) expect(status).toBe(201);
    await app.start();
    const { position: after } = await postInteraction(app);
    for (const { body } of acknowledged)
      expect((await app.get(`/v1/leads/${body.leadId}`, { after })).status).toBe(200);
  });

  test('waits for a request whose body is still coming', async () => {
    const app = await another().start();
    const text = JSON.stringify(interactionBody());
    const slow = request(`${app.url}/v1/interactions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': text.length },
    });
    const answered = new Promise<number | undefined>((resolve, reject) => {
      slow.once('response', (response) => resolve(response.resume().statusCode)).once('error', reject);
    });
    slow.write(text.slice(0, 10));
    await app.get('/healthz');
    const ending = app.stop();
    // It has begun to stop when it takes no new connection.
    while (await accepts(app)) continue;
    slow.end(text.slice(10));
    expect(await answered).toBe(201);
    expect((await ending).code).toBe(0);
  });

  // It waits for eight seconds, beside the others.
  test.concurrent('does not wait for ever for a request that never ends', async () => {
    const app = await another().start();
    const socket = await connected(app);
    socket.write(
      'POST /v1/leads HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
    );
    await app.get('/healthz');
    const { code, ms } = await app.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(20_000);
  });

  test('twice is no more than once', async () => {
    const app = await another().start();
    const [one, two] = await Promise.all([app.stop(), app.stop()]);
    expect([one.code, two.code]).toEqual([0, 0]);
  });
});

test('nothing personal stands in the log of a whole run', async () => {
  const app = await another({ LOG_LEVEL: 'trace' }).start();
  const secrets = [
    'Wilhelmina',
    'wilma@secret.example',
    '+491519876543',
    'contact-secret-1',
    'confidential-words',
    'private-note',
    'secret-agent-name',
    'message-secret-1',
    'why-secret',
    'search-secret',
  ];
  const [name, email, phone, contactId, text, note, agentName, messageId, reason, q] = secrets as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const ana = await postAgent(app, { name: agentName });
  const { id } = await openLead(app, {
    contactId,
    messageId,
    text,
    profile: { name, email, phone },
    media: { text },
    integration: { text },
  });
  await postAssignment(app, id, ana.id, { note });
  await postFollowUp(app, id, { note });
  expectSuccess(
    await app.post(`/v1/leads/${id}/qualification`, {
      score: 5,
      model: 'm',
      rationale: text,
      factors: [{ label: text, weight: 1 }],
    }),
  );
  expectSuccess(await app.post(`/v1/leads/${id}/messages`, { messageId: `${messageId}-out`, text }));
  await app.post('/v1/interactions', { ...interactionBody({ contactId, text }), channel: text });
  await app.post('/v1/interactions', `{"contactId": "${contactId}", "text": "${text}`);
  await app.get('/v1/leads', { q, contactId });
  await app.get(`/v1/contacts/${contactId}/history`);
  await app.get(`/v1/contacts/${contactId}x/history`);
  await app.get(`/v1/${contactId}/${text}`);
  await app.call('PUT', `/v1/contacts/${contactId}/history`);
  const { position: after } = await postStatus(app, id, 'lost', { reason, note });
  await app.get(`/v1/leads/${id}/history`, { after });
  await app.stop();
  expect(app.output).toContain('"route":"/v1/interactions"');
  for (const secret of secrets) expect(app.output).not.toContain(secret);
});

/** A connection over which nothing was sent, as browsers open them in advance. */
async function opened(app: App) {
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** A connection that has asked once and now says nothing more. */
async function connected(app: App) {
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
  const answered = new Promise((resolve) => socket.once('data', resolve));
  socket.on('error', () => undefined).write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await answered;
  return socket;
}

const accepts = (app: App): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
