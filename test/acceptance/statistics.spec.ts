import { describe, expect, test } from '@jest/globals';
import { invalid } from '../support/expected-responses.js';
import { setupApp, type QueryParams } from '../support/app.js';
import {
  expectSuccess,
  occurredAtHeader,
  openLead,
  postAgent,
  postAssignment,
  postStatus,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp();
const getStatistics = <T = object>(name: string, query: QueryParams = {}) => app.get<T>(`/v1/stats/${name}`, query);

describe('statistics', () => {
  test('statistics cover a period and are at least as fresh as the requested position', async () => {
    const { id: agentId } = await postAgent(app, { name: 'Ana' });
    const may = { from: '2024-05-01', to: '2024-06-01' };
    const lead = await openLead(
      app,
      { contactId: uniqueId('contact'), channel: 'sms' },
      occurredAtHeader('2024-05-02T10:00:00Z'),
    );
    await openLead(app, {}, occurredAtHeader('2024-05-31T23:50:00Z'));
    const path = `/v1/leads/${lead.id}`;
    expectSuccess(await app.post(`${path}/assignment`, { agentId }, occurredAtHeader('2024-05-02T10:10:00Z')));
    const byAna = { 'x-actor': `agent:${agentId}` };
    expectSuccess(
      await app.post(`${path}/messages`, { messageId: 'm' }, { ...byAna, ...occurredAtHeader('2024-05-02T10:30:00Z') }),
    );
    expectSuccess(await app.post(`${path}/status`, { status: 'qualified' }, occurredAtHeader('2024-05-03T10:10:00Z')));
    const { position: after } = expectSuccess(
      await app.post(`${path}/status`, { status: 'converted' }, occurredAtHeader('2024-05-04T10:10:00Z')),
    );
    expect((await getStatistics('funnel', { ...may, after })).body).toMatchObject({
      period: { from: '2024-05-01T00:00:00.000Z', to: '2024-06-01T00:00:00.000Z' },
      opened: 2,
      conversionRate: 0.5,
    });
    const { body: times, headers } = await getStatistics('time-in-status', { ...may, after });
    expect(headers.get('x-position')! >= after).toBe(true);
    expect((times as { statuses: object[] }).statuses).toContainEqual({
      status: 'qualified',
      leads: 1,
      stays: 1,
      meanSeconds: 86_400,
      medianSeconds: expect.any(Number),
      p90Seconds: expect.any(Number),
    });
    expect((await getStatistics('agents', { ...may, after })).body).toMatchObject({
      items: [{ agent: { id: agentId, name: 'Ana' }, assigned: 1, closed: { converted: 1, lost: 0, archived: 0 } }],
    });
    expectSuccess(await app.patch(`/v1/agents/${agentId}`, { name: 'Anna' }));
    expect((await getStatistics('sources', { ...may, after })).body).toMatchObject({
      items: [
        { origin: 'chat', channel: 'sms', campaign: null, opened: 1, converted: 1, conversionRate: 1 },
        { channel: 'whatsapp', opened: 1, converted: 0, conversionRate: 0 },
      ],
    });
    const inTokyo = await getStatistics('funnel', { ...may, timeZone: 'Asia/Tokyo', after });
    expect(inTokyo.body).toMatchObject({ period: { from: '2024-04-30T15:00:00.000Z' }, opened: 1 });
  });

  test('statistics cover the last 30 days by default', async () => {
    const { id } = await openLead(app);
    const { position: after } = await postStatus(app, id, 'lost');
    const { id: agentId } = await postAgent(app);
    await postAssignment(app, (await openLead(app)).id, agentId);
    const { body } = await getStatistics<{ period: { from: string; to: string }; opened: number }>('funnel', { after });
    expect(Date.parse(body.period.to) - Date.parse(body.period.from)).toBe(30 * 86_400_000);
    expect(body.period.to > new Date().toISOString()).toBe(true);
    expect(body.opened).toBeGreaterThan(0);
  });

  test.each<[string, QueryParams]>([
    ['from', { from: 'yesterday' }],
    ['from', { from: '2026-02-30' }],
    ['from', { from: '2026-02-01T09:20:00Z' }],
    ['from', { from: '2999-01-01' }],
    ['to', { from: '2026-02-01', to: '2026-02-01' }],
    ['timeZone', { timeZone: 'Mars/Olympus' }],
    ['agentId', { agentId: 'x' }],
    ['after', { after: 'x' }],
  ])('statistics reject an invalid %s, naming it: %j', async (field, query) => {
    for (const name of ['funnel', 'time-in-status', 'agents', 'sources'])
      expect(await getStatistics(name, query)).toMatchObject(invalid(field));
  });
});
