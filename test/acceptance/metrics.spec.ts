import { describe, expect, test } from '@jest/globals';
import { DeadLetters } from '#automation/dead-letters';
import { parseSettings } from '#wiring/settings';
import { openViews } from '#wiring/stores';
import { setupApp } from '../support/app.js';
import { onEmbedded } from '../support/engines.js';
import {
  getLead,
  idempotencyKey,
  interactionBody,
  openClosedLead,
  openLead,
  postInteraction,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp();

type Labels = Readonly<Record<string, string>>;
interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

async function scrape(): Promise<readonly Sample[]> {
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
const matches = (labels: Labels, expected: Labels): boolean =>
  Object.entries(expected).every(([key, value]) => labels[key] === value);
const sum = (samples: readonly Sample[], name: string, labels: Labels = {}): number =>
  samples
    .filter((sample) => sample.name === name && matches(sample.labels, labels))
    .reduce((total, { value }) => total + value, 0);

/** The increase of each metric during the action. */
async function measureGrowth(
  action: () => Promise<unknown>,
  ...metrics: (readonly [string, Labels?])[]
): Promise<readonly number[]> {
  const before = await scrape();
  await action();
  const after = await scrape();
  return metrics.map(([name, labels]) => sum(after, name, labels) - sum(before, name, labels));
}
const commands = (type: string, outcome: string) => ['leadstream_commands_total', { type, outcome }] as const;

describe('leadstream_commands_total', () => {
  test('commands are counted by outcome: ok, unchanged, replayed and refused', async () => {
    const { id } = await openLead(app);
    const closed = await openClosedLead(app);
    const changeStatus = (leadId: string, body: object, headers = {}) =>
      app.post(`/v1/leads/${leadId}/status`, body, headers);
    const key = idempotencyKey();
    const growth = await measureGrowth(
      async () => {
        await changeStatus(id, { status: 'contacted' });
        await changeStatus(id, { status: 'contacted' });
        for (let i = 0; i < 3; i++) await changeStatus(id, { status: 'qualified' }, key);
        await changeStatus(closed.id, { status: 'new' });
        await changeStatus('unknown', { status: 'new' });
        await changeStatus(id, { status: 'sold' });
      },
      commands('ChangeStatus', 'ok'),
      commands('ChangeStatus', 'unchanged'),
      commands('ChangeStatus', 'replayed'),
      commands('ChangeStatus', 'refused:lead_inactive'),
      commands('ChangeStatus', 'refused:not_found'),
      ['leadstream_commands_total'],
      ['leadstream_command_duration_seconds_count', { type: 'ChangeStatus' }],
    );
    // The last request is invalid and never becomes a command.
    expect(growth).toEqual([2, 1, 2, 1, 1, 7, 7]);
  });

  test('a replayed rejection is counted as replayed', async () => {
    const { id } = await openClosedLead(app);
    const key = idempotencyKey();
    const changeStatus = () => app.post(`/v1/leads/${id}/status`, { status: 'new' }, key);
    expect(
      await measureGrowth(
        async () => [await changeStatus(), await changeStatus()],
        commands('ChangeStatus', 'refused:lead_inactive'),
        commands('ChangeStatus', 'replayed'),
      ),
    ).toEqual([1, 1]);
  });

  test('agent commands are counted by outcome', async () => {
    expect(await measureGrowth(() => app.post('/v1/agents', { name: 'Ana' }), commands('RegisterAgent', 'ok'))).toEqual(
      [1],
    );
  });
});

test('requests are counted and timed by method, route pattern and status class', async () => {
  const requests = (labels: Labels) => ['leadstream_http_request_duration_seconds_count', labels] as const;
  const { leadId: id, position: after } = await postInteraction(app);
  const growth = await measureGrowth(
    async () => {
      for (let i = 0; i < 3; i++) await app.get(`/v1/leads/${id}`, { after });
      await app.get('/v1/leads/unknown');
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
  expect(growth).toEqual([3, 1, 1, 1, 1, 4]);
});

onEmbedded.log(test)('log commits are counted with the operations and events that share them', async () => {
  const [commits, operations, events] = await measureGrowth(
    () => Promise.all(Array.from({ length: 50 }, () => app.post('/v1/interactions', interactionBody()))),
    ['leadstream_log_commit_operations_count'],
    ['leadstream_log_commit_operations_sum'],
    ['leadstream_log_events_total'],
  );
  // One append writes three events: ContactRegistered, LeadOpened and InteractionRecorded.
  expect({ operations, events }).toEqual({ operations: 50, events: 150 });
  expect(commits).toBeGreaterThan(0);
  expect(commits).toBeLessThanOrEqual(50);
});

test('every view reports its lag and whether it has stopped', async () => {
  const { id } = await openLead(app);
  const { position } = (await app.post(`/v1/leads/${id}/status`, { status: 'lost' })).body;
  await getLead(app, id, position);
  const samples = await scrape();
  const views = samples
    .filter(({ name }) => name === 'leadstream_view_lag_seconds')
    .map(({ labels }) => labels['view']);
  expect(views).toEqual(expect.arrayContaining(['agents', 'follow-ups', 'lead-history', 'lead-list']));
  for (const view of views) {
    expect(sum(samples, 'leadstream_view_lag_seconds', { view: view! })).toBeLessThan(30);
    expect(
      samples.filter((sample) => sample.name === 'leadstream_view_stopped' && sample.labels['view'] === view),
    ).toEqual([expect.objectContaining({ value: 0 })]);
  }
});

onEmbedded.log(test)('every view reports its lag in events if the log can count them', async () => {
  const samples = await scrape();
  const viewsOf = (name: string) =>
    samples.filter((sample) => sample.name === name).map(({ labels }) => labels['view']);
  expect(viewsOf('leadstream_view_lag_events')).toEqual(viewsOf('leadstream_view_lag_seconds'));
});

test('queue lengths and process metrics are reported', async () => {
  const samples = await scrape();
  for (const name of [
    'leadstream_command_queue_length',
    'leadstream_kept_answers_in_flight',
    'leadstream_view_questions_waiting',
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_heap_size_used_bytes',
    'process_cpu_seconds_total',
  ])
    expect(samples.filter((sample) => sample.name === name)).toHaveLength(1);
});

test('metrics contain no personal data and no series per lead', async () => {
  const secret = uniqueId('secret');
  const runScenario = async (): Promise<void> => {
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
  await runScenario();
  const before = await scrape();
  expect(JSON.stringify(before)).not.toContain(secret);
  for (let i = 0; i < 3; i++) await runScenario();
  const seriesOf = (samples: readonly Sample[]) =>
    samples.map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`);
  expect(
    seriesOf(await scrape()).filter((series) => !seriesOf(before).includes(series) && !series.startsWith('nodejs_')),
  ).toEqual([]);
});

test('dead letters are counted by automation', async () => {
  const parked = async () =>
    (await scrape())
      .filter(({ name }) => name === 'leadstream_automation_parked')
      .map(({ labels, value }) => [labels['automation'], value]);
  const names = ['free-leads', 'address-sends', 'assign-leads', 'remind-follow-ups', 'qualify-leads'];
  expect(await parked()).toEqual(names.map((name) => [name, 0]));

  const { position } = await postInteraction(app, {});
  await app.stop();
  const store = await openViews(parseSettings(await app.env()), { readerThread: false });
  const deadLetters = new DeadLetters({ name: 'remind-follow-ups' }, store);
  await deadLetters.add({
    eventId: uniqueId('event'),
    type: 'FollowUpCreated',
    position,
    reason: 'The command failed.',
    attempts: 6,
    since: '2026-03-01T09:00:00.000Z',
  });
  await deadLetters.close();
  await store.close();
  await app.start();
  expect(await parked()).toEqual(names.map((name) => [name, name === 'remind-follow-ups' ? 1 : 0]));
});
