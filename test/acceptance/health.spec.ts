import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { App, type StringMap } from '../support/app.js';
import { runCli } from '../support/cli.js';
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

const apps: App[] = [];
const createApp = (env: StringMap = {}): App => {
  const app = new App(env);
  apps.push(app);
  return app;
};
afterAll(async () => {
  for (const app of apps) await app.dispose();
});

/** Expects the app to exit with code 1. Returns its output, which must be sentences for the operator without a stack trace. */
async function startFailure(app: App): Promise<string> {
  const { code, output } = await app.startExpectingExit();
  expect(code).toBe(1);
  expect(output).not.toMatch(/^\s+at .*:\d+/m);
  expect(output).toMatch(/[.?]\n$/);
  return output;
}

describe('a running app', () => {
  let app: App;
  beforeAll(async () => {
    app = await createApp().start();
  });

  test('GET /healthz returns 200 while the app is running', async () => {
    expect(await app.get('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  test('GET /readyz returns 200 when the log can be reached and the views are up to date', async () => {
    await app.get('/v1/leads', { after: (await postInteraction(app)).position });
    const response = await app.get<{ ready: boolean; checks: { views: { views: { view: string }[] } } }>('/readyz');
    expect(response).toMatchObject({
      status: 200,
      body: { ready: true, checks: { log: { ready: true }, views: { ready: true } } },
    });
    const { views } = response.body.checks.views;
    expect(views.map(({ view }) => view)).toEqual(expect.arrayContaining(['lead-list', 'lead-history']));
    for (const view of views) expect(view).toMatchObject({ ready: true, stopped: null });
  });

  onEmbedded.log(test)('a second process on the same data reports that the service may be running', async () => {
    const second = createApp({ DATA_DIR: app.dataDir });
    expect(await startFailure(second)).toMatch(/in use by another process.*may be the running service.*DATA_DIR/);
    expect((await app.get('/readyz')).status).toBe(200);
    expect(await postInteraction(app)).toMatchObject({ leadCreated: true });
  });

  test('an app listens on the loopback address only', () => {
    expect(new URL(app.url).hostname).toBe('127.0.0.1');
  });

  test('an app logs its address once, with the absolute path of its data folder', () => {
    expect(app.output.match(/listening/gi)).toHaveLength(1);
    expect(app.output).toContain(`"dataDir":"${resolve(app.dataDir)}"`);
  });

  onEmbedded.log(test)('an app logs that it creates a new event log, on the first start only', async () => {
    expect(app.output.match(/created a new event log/g)).toHaveLength(1);
    await app.stop();
    await app.start();
    expect(app.output.match(/created a new event log/g)).toHaveLength(1);
  });
});

describe('an app that cannot start', () => {
  test('an app does not start on an address that other machines can reach, because authentication is off', async () => {
    await Promise.all(
      ['0.0.0.0', '::', '10.0.0.1', 'example.org'].map(async (HOST) => {
        const message = await startFailure(createApp({ HOST }));
        expect(message).toContain(`HOST is "${HOST}"`);
        expect(message).toMatch(/authentication is off/);
        expect(message).toContain('127.0.0.1');
      }),
    );
  });

  test('an app with invalid settings does not start, and names all of them at once', async () => {
    const message = await startFailure(
      createApp({
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
      expect(message).toMatch(new RegExp(`\\b${name} (is|must be)\\b`));
    for (const name of [
      'OPT_OUT_KEYWORDS',
      'ATTRIBUTION_WINDOW_HOURS',
      'LOST_NEEDS_REASON',
      'FIRST_MESSAGE_MAKES_CONTACTED',
    ])
      expect(message).toMatch(new RegExp(`\\b${name} is\\b`));
    expect(message).toContain('fatal, error, warn, info');
  });

  test('an app does not start with a misspelled setting, and warns of a variable that may belong to another program', async () => {
    expect(await startFailure(createApp({ WHATSAPP_SECRET: 'x' }))).toBe(
      'WHATSAPP_SECRET is not a setting. Did you mean WHATSAPP_APP_SECRET?\n',
    );
    const app = await createApp({ LOG_LEVLE: 'debug' }).start();
    expect(app.output).toMatch(/"level":40,.*"msg":"LOG_LEVLE is not a setting\. Did you mean LOG_LEVEL\?"/);
    await app.stop();
  });

  test('an app rejects arguments with exit code 2, and prints its usage for --help', async () => {
    const { DATA_DIR } = await createApp().env();
    const run = (...args: string[]) => runCli(args, { DATA_DIR: join(DATA_DIR!, 'unused') }, 'all-in-one');
    expect(await run('--port', '4000')).toEqual({
      code: 2,
      out: '',
      err: 'Unknown argument --port. Set PORT in the environment instead. --help lists them.\n',
    });
    const help = await run('--help');
    expect(help).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^Usage: npm start\n[^]*\n {2}PORT /) });
    expect(existsSync(join(DATA_DIR!, 'unused'))).toBe(false);
  });

  onEmbedded.log(test)('names a data folder that is a file', async () => {
    const app = createApp();
    const file = join(app.dataDir, 'file');
    writeFileSync(file, 'not a folder');
    const message = await startFailure(createApp({ DATA_DIR: file }));
    expect(message).toBe(
      `The folder ${file} cannot be used: it is a file. Set DATA_DIR to a folder that this process can write to.\n`,
    );
  });

  onEmbedded.log(test)('names a data folder that cannot be created, without hanging', async () => {
    // Only Linux has /proc, in which creating folders recursively never returns.
    if (process.platform !== 'linux') return;
    expect(await startFailure(createApp({ DATA_DIR: '/proc/leadstream' }))).toMatch(
      /^The folder \/proc\/leadstream cannot be used: .* Set DATA_DIR /,
    );
  });

  onEmbedded.log(test)('names a log file that is not an event log', async () => {
    const app = createApp();
    writeFileSync(
      join(app.dataDir, 'events.db'),
      'this is no log of ours, and longer than any header of one\n'.repeat(100),
    );
    expect(await startFailure(app)).toContain('events.db');
  });

  test('an app whose port is in use reports it, and creates nothing', async () => {
    const running = await createApp().start();
    const { port } = new URL(running.url);
    const app = createApp({ PORT: port });
    expect(await startFailure(app)).toBe(
      `Port ${port} is in use, perhaps by Leadstream itself. Set PORT to a free port, or to 0 for any.\n`,
    );
    expect(readdirSync(app.dataDir)).toEqual([]);
  });

  test.each([
    ['esdb://admin:changeit@127.0.0.1:9?tls=false', /Check EVENT_STORE_URL \(esdb:\/\/127\.0\.0\.1:9\) and/],
    ['esdb://admin:changeit@127.0.0.1:9#bad-name', /letters and digits/],
    ['esdb://admin:changeit@127.0.0.1:9?foo=1', /option/],
  ])('an app that cannot use the log %s names EVENT_STORE_URL, and creates nothing', async (url, sentence) => {
    const app = createApp({ EVENT_STORE_URL: url, ID_KEY: 'a key of 16 letters' });
    const message = await startFailure(app);
    expect(message).toMatch(sentence);
    expect(message).toMatch(/^[^\n]*EVENT_STORE_URL[^\n]*\n$/);
    expect(message).not.toContain('changeit');
    expect(readdirSync(app.dataDir)).toEqual([]);
  });

  test.each([
    ['mongodb://admin:changeit@127.0.0.1:9/leads', /Check READ_STORE_URL and that the server is running/],
    ['mongodb://admin:changeit@127.0.0.1:27017', /with the name of the database/],
  ])('an app that cannot use the view store %s names READ_STORE_URL, and creates nothing', async (url, sentence) => {
    const app = createApp({ READ_STORE_URL: url });
    const message = await startFailure(app);
    expect(message).toMatch(sentence);
    expect(message).toMatch(/^[^\n]*READ_STORE_URL[^\n]*\n$/);
    expect(message).not.toContain('changeit');
    expect(readdirSync(app.dataDir)).toEqual([]);
  });

  onEmbedded.log(test)('rejects a damaged key instead of losing all contacts', async () => {
    const app = createApp();
    writeFileSync(join(app.dataDir, 'id.key'), '');
    expect(await startFailure(app)).toContain('id.key');
  });
});

onEmbedded.log(test)('an app creates its data folder if it is missing', async () => {
  const app = createApp();
  const DATA_DIR = join(app.dataDir, 'not', 'yet');
  await createApp({ DATA_DIR }).start();
  expect(existsSync(join(DATA_DIR, 'events.db'))).toBe(true);
});

describe('SIGTERM', () => {
  test('SIGTERM stops an app promptly with code 0, even with idle and unused connections', async () => {
    const app = await createApp().start();
    await postInteraction(app);
    const idle = await Promise.all(Array.from({ length: 5 }, () => connected(app)));
    const unused = await Promise.all(Array.from({ length: 5 }, () => openUnused(app)));
    const { code, ms } = await app.stop();
    expect(code).toBe(0);
    // Connections that are still open are cut only after eight seconds.
    expect(ms).toBeLessThan(4_000);
    for (const socket of [...idle, ...unused]) socket.destroy();
  });

  test('SIGTERM lets requests in progress finish, and acknowledged commands are stored', async () => {
    const app = await createApp().start();
    const responses = Array.from({ length: 60 }, () =>
      app.post('/v1/interactions', interactionBody()).catch(() => undefined),
    );
    await responses[0];
    expect((await app.stop()).code).toBe(0);
    const acknowledged = (await Promise.all(responses)).filter((response) => response !== undefined);
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const { status } of acknowledged) expect(status).toBe(201);
    await app.start();
    const { position: after } = await postInteraction(app);
    for (const { body } of acknowledged)
      expect((await app.get(`/v1/leads/${body.leadId}`, { after })).status).toBe(200);
  });

  test('SIGTERM waits for a request whose body is still arriving', async () => {
    const app = await createApp().start();
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
    const stopping = app.stop();
    // The app is stopping when it accepts no new connection.
    while (await acceptsConnections(app)) continue;
    slow.end(text.slice(10));
    expect(await answered).toBe(201);
    expect((await stopping).code).toBe(0);
  });

  // Takes eight seconds, so it runs concurrently with the others.
  test.concurrent('SIGTERM closes the connection of a request that never ends', async () => {
    const app = await createApp().start();
    const socket = await connected(app);
    socket.write(
      'POST /v1/leads HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
    );
    await app.get('/healthz');
    const { code, ms } = await app.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(20_000);
  });

  test('a second SIGTERM changes nothing', async () => {
    const app = await createApp().start();
    const exits = await Promise.all([app.stop(), app.stop()]);
    expect(exits.map(({ code }) => code)).toEqual([0, 0]);
  });
});

test('the process log contains no personal data, even at level trace', async () => {
  const app = await createApp({ LOG_LEVEL: 'trace' }).start();
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

/** A connection without any request. Browsers open such connections in advance. */
async function openUnused(app: App) {
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** A connection that is idle after one request. */
async function connected(app: App) {
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
  const answered = new Promise((resolve) => socket.once('data', resolve));
  socket.on('error', () => undefined).write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await answered;
  return socket;
}

const acceptsConnections = (app: App): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
