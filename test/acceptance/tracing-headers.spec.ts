import { expect, test } from '@jest/globals';
import { setupApp } from '../support/app.js';
import { interactionBody } from '../support/api-steps.js';
import { invalid } from '../support/expected-responses.js';

const app = setupApp();

interface TracedEvent {
  readonly correlationId: string;
  readonly causationId: string;
}

/** The events recorded by an interaction that is sent with these headers. */
async function eventsOf(headers: Readonly<Record<string, string>>): Promise<readonly TracedEvent[]> {
  const from = (await app.post('/v1/agents', { name: 'Ana' })).body.position;
  const response = await app.post('/v1/interactions', interactionBody(), headers);
  expect(response.status).toBe(201);
  const { body } = await app.get<{ items: readonly TracedEvent[] }>('/v1/events', { from });
  expect(body.items).not.toEqual([]);
  return body.items;
}

test.each(['c', 'order 4711 / import', 'c'.repeat(128)])(
  'the events of a command have its X-Causation-Id %s unchanged',
  async (causationId) => {
    for (const event of await eventsOf({ 'x-causation-id': causationId })) expect(event).toMatchObject({ causationId });
  },
);

test('the events of a command without X-Causation-Id name the command as their cause', async () => {
  const causes = new Set((await eventsOf({})).map(({ causationId }) => causationId));
  expect([...causes]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
});

test('the events of a command have its X-Correlation-Id, which the response returns', async () => {
  const correlationId = `order-${'4711'.repeat(30)}`;
  for (const event of await eventsOf({ 'x-correlation-id': correlationId }))
    expect(event).toMatchObject({ correlationId });
});

test.each([
  ['X-Causation-Id', ''],
  ['X-Causation-Id', 'c'.repeat(129)],
  ['X-Causation-Id', 'schlüssel'],
  ['X-Correlation-Id', ''],
  ['X-Correlation-Id', 'two words'],
  ['X-Correlation-Id', 'c'.repeat(129)],
  ['X-Correlation-Id', 'schlüssel'],
])('a command with %s: %s is rejected by the name of the header and records nothing', async (name, value) => {
  const { position } = (await app.post('/v1/agents', { name: 'Ana' })).body;
  const response = await app.post('/v1/interactions', interactionBody(), { [name]: value });
  expect(response).toMatchObject(invalid(name));
  const { body } = await app.get<{ items: readonly TracedEvent[] }>('/v1/events', { from: position });
  expect(body.items).toEqual([]);
});

test('a read with an invalid X-Correlation-Id gets a generated one instead', async () => {
  const { status, headers } = await app.get('/v1/agents', {}, { 'x-correlation-id': 'two words' });
  expect(status).toBe(200);
  expect(headers.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
});
