import { describe, expect, test } from '@jest/globals';
import { DeadLetters } from '#automation/dead-letters';
import { parseSettings } from '#wiring/settings';
import { openViews } from '#wiring/stores';
import { setupApp } from '../support/app.js';
import { onEmbedded } from '../support/engines.js';
import { openClosedLead, interactionBody, getLead, openLead, uniqueId, postInteraction } from '../support/api-steps.js';

const app = setupApp();

type Labels = Readonly<Record<string, string>>;
interface Figure {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** Everything that Prometheus would read. */
async function figures(): Promise<readonly Figure[]> {
  const response = await app.get('/metrics');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  return response.text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? [];
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]);
      return { name, labels: Object.fromEntries(pairs) as Labels, value: Number(value) };
    });
}
const has = (labels: Labels, wanted: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);
const sum = (all: readonly Figure[], name: string, wanted: Labels = {}): number =>
  all.filter((sample) => sample.name === name && has(sample.labels, wanted)).reduce((total, { value }) => total + value, 0);

/** By how much each of them grew while something happened. */
async function growth(what: () => Promise<unknown>, ...of: (readonly [string, Labels?])[]): Promise<readonly number[]> {
  const before = await figures();
  await what();
  const after = await figures();
  return of.map(([name, labels]) => sum(after, name, labels) - sum(before, name, labels));
}
const commands = (type: string, outcome: string) => ['leadstream_commands_total', { type, outcome }] as const;

describe('commands are counted by how they ended', () => {
  test('done, done already, told again, refused', async () => {
    const { id } = await openLead(app);
    const closed = await openClosedLead(app);
    const status = (leadId: string, body: object, headers = {}) =>
      app.post(`/v1/leads/${leadId}/status`, body, headers);
    const key = { 'Idempotency-Key': uniqueId('key') };
    const grown = await growth(
      async () => {
        await status(id, { status: 'contacted' });
        await status(id, { status: 'contacted' });
        for (let i = 0; i < 3; i++) await status(id, { status: 'qualified' }, key);
        await status(closed.id, { status: 'new' });
        await status('nobody', { status: 'new' });
        await status(id, { status: 'sold' });
      },
      commands('ChangeStatus', 'ok'),
      commands('ChangeStatus', 'unchanged'),
      commands('ChangeStatus', 'replayed'),
      commands('ChangeStatus', 'refused:lead_inactive'),
      commands('ChangeStatus', 'refused:not_found'),
      ['leadstream_commands_total'],
      ['leadstream_command_duration_seconds_count', { type: 'ChangeStatus' }],
    );
    // What the shape of a request rules out never becomes a command.
    expect(grown).toEqual([2, 1, 2, 1, 1, 7, 7]);
  });

  test('a refusal that was kept counts as told again', async () => {
    const { id } = await openClosedLead(app);
    const again = () => app.post(`/v1/leads/${id}/status`, { status: 'new' }, { 'Idempotency-Key': `of ${id}` });
    expect(
      await growth(
        async () => [await again(), await again()],
        commands('ChangeStatus', 'refused:lead_inactive'),
        commands('ChangeStatus', 'replayed'),
      ),
    ).toEqual([1, 1]);
  });

  test('those of agents too', async () => {
    expect(await growth(() => app.post('/v1/agents', { name: 'Ana' }), commands('RegisterAgent', 'ok'))).toEqual([1]);
  });
});

test('requests are counted by method, pattern of the route and class of status, and timed', async () => {
  const requests = (labels: Labels) => ['leadstream_http_request_duration_seconds_count', labels] as const;
  const { leadId: id, position: after } = await postInteraction(app);
  const grown = await growth(
    async () => {
      for (let i = 0; i < 3; i++) await app.get(`/v1/leads/${id}`, { after });
      await app.get('/v1/leads/nobody');
      await app.get('/v1/leads', { limit: 0 });
      await app.get(`/nowhere/${id}`);
      await app.post('/v1/interactions', '{');
    },
    requests({ method: 'GET', route: '/v1/leads/:id', status: '2xx' }),
    requests({ method: 'GET', route: '/v1/leads/:id', status: '4xx' }),
    requests({ method: 'GET', route: '/v1/leads', status: '4xx' }),
    requests({ route: 'none' }),
    requests({ method: 'POST', route: '/v1/interactions', status: '4xx' }),
    ['leadstream_http_request_duration_seconds_bucket', { route: '/v1/leads/:id', le: '+Inf' }],
  );
  expect(grown).toEqual([3, 1, 1, 1, 1, 4]);
});

onEmbedded.log(test)('commits of the log are counted, with what shared them', async () => {
  const [commits, operations, events] = await growth(
    () => Promise.all(Array.from({ length: 50 }, () => app.post('/v1/interactions', interactionBody()))),
    ['leadstream_log_commit_operations_count'],
    ['leadstream_log_commit_operations_sum'],
    ['leadstream_log_events_total'],
  );
  // A new contact is registered, its lead opened, its message recorded: three events, one append.
  expect({ operations, events }).toEqual({ operations: 50, events: 150 });
  expect(commits).toBeGreaterThan(0);
  expect(commits).toBeLessThanOrEqual(50);
});

test('every view tells its lag and whether it stands still', async () => {
  const { id } = await openLead(app);
  const { position } = (await app.post(`/v1/leads/${id}/status`, { status: 'lost' })).body;
  await getLead(app, id, position);
  const all = await figures();
  const views = all.filter(({ name }) => name === 'leadstream_view_lag_seconds').map(({ labels }) => labels['view']);
  expect(views).toEqual(expect.arrayContaining(['agents', 'follow-ups', 'lead-history', 'lead-list']));
  for (const view of views) {
    expect(sum(all, 'leadstream_view_lag_seconds', { view: view! })).toBeLessThan(30);
    expect(all.filter((sample) => sample.name === 'leadstream_view_stopped' && sample.labels['view'] === view)).toEqual([
      expect.objectContaining({ value: 0 }),
    ]);
  }
});

onEmbedded.log(test)('every view tells its lag in events, which an EventStoreDB does not count', async () => {
  const all = await figures();
  const named = (name: string) => all.filter((sample) => sample.name === name).map(({ labels }) => labels['view']);
  expect(named('leadstream_view_lag_events')).toEqual(named('leadstream_view_lag_seconds'));
});

test('queues and the process are told', async () => {
  const all = await figures();
  for (const name of [
    'leadstream_command_queue_length',
    'leadstream_kept_answers_in_flight',
    'leadstream_view_questions_waiting',
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_heap_size_used_bytes',
    'process_cpu_seconds_total',
  ])
    expect(all.filter((sample) => sample.name === name)).toHaveLength(1);
});

test('nothing of it tells who somebody is, or grows with the number of leads', async () => {
  const secret = uniqueId('secret');
  const story = async (): Promise<void> => {
    const contactId = uniqueId(secret);
    const { leadId, position } = await postInteraction(app, {
      contactId,
      text: secret,
      profile: { name: secret },
      messageId: uniqueId(secret),
    });
    await app.get(`/v1/contacts/${contactId}/history`, { actor: `agent:${secret}`, after: position });
    await app.get(`/v1/leads/${secret}`);
    await app.get(`/${secret}`);
    await app.post('/v1/agents', { id: uniqueId(secret), name: secret }, { 'Idempotency-Key': uniqueId(secret) });
    await app.post(`/v1/leads/${leadId}/status`, { status: 'lost', reason: secret });
  };
  await story();
  const before = await figures();
  expect(JSON.stringify(before)).not.toContain(secret);
  for (let i = 0; i < 3; i++) await story();
  const named = (all: readonly Figure[]) => all.map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`);
  expect(named(await figures()).filter((series) => !named(before).includes(series) && !series.startsWith('nodejs_'))).toEqual([]);
});

test('what an automation has set aside is counted', async () => {
  const parked = async () =>
    (await figures())
      .filter(({ name }) => name === 'leadstream_automation_parked')
      .map(({ labels, value }) => [labels['automation'], value]);
  const names = ['free-leads', 'address-sends', 'assign-leads', 'remind-follow-ups', 'qualify-leads'];
  expect(await parked()).toEqual(names.map((name) => [name, 0]));

  const { position } = await postInteraction(app, {});
  await app.stop();
  const store = await openViews(parseSettings(await app.env()), { readerThread: false });
  const place = new DeadLetters({ name: 'remind-follow-ups' }, store);
  await place.add({
    ...{ eventId: uniqueId('event'), type: 'FollowUpCreated', position },
    ...{ reason: 'It rains.', attempts: 6, since: '2026-03-01T09:00:00.000Z' },
  });
  await place.close();
  await store.close();
  await app.start();
  expect(await parked()).toEqual(names.map((name) => [name, name === 'remind-follow-ups' ? 1 : 0]));
});
