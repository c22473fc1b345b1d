import { describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { invalid } from '../support/expected-responses.js';
import { setupApp, type App, type QueryParams } from '../support/app.js';
import { SseClient, type ReceivedEvent } from '../support/sse-client.js';
import { postBroadcast, receiptBody, postReceipts, postMessages } from '../support/broadcast-steps.js';
import {
  getAllItems,
  getLead,
  openLead,
  postAgent,
  postAssignment,
  postInteraction,
  postStatus,
  uniqueId,
  waitUntil,
  withApp,
} from '../support/api-steps.js';

const app = setupApp();
const getAllEvents = (from: App, query: QueryParams = {}) =>
  getAllItems<ReceivedEvent['data']>(from, '/v1/events', query);
const typesOf = (events: readonly ReceivedEvent[]): string[] => events.map(({ event }) => event);
const idsOf = (events: readonly { readonly id: string }[]): string[] => events.map(({ id }) => id);
/** Writes an interaction and returns its position, which is the end of the log. */
const writeToEnd = async (): Promise<string> => (await postInteraction(app)).position;
const countOpenStreams = async (from = app): Promise<number> =>
  Number(/^leadstream_streams_open (\d+)$/m.exec((await from.get('/metrics')).text)?.[1]);

describe('GET /v1/stream', () => {
  test('the stream sends new events as GET /v1/events returns them', async () => {
    await openLead(app);
    const from = await writeToEnd();
    const client = await SseClient.connect(app);
    const { headers } = client.response;
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(headers.get('x-position')).toBe(from);
    const { id, contactId } = await openLead(app, { text: 'Hello\n\nid: no\ndata: neither' });
    await postStatus(app, id, 'lost');
    const received = await client.waitFor((events) => typesOf(events).includes('LeadStatusChanged'));
    expect(received.map(({ data }) => data)).toEqual(await getAllEvents(app, { from }));
    for (const { id: eventId, event, data } of received)
      expect(data).toMatchObject({ position: eventId, type: event, contactId });
    expect(client.retry).toBe('2000');
    await client.disconnect();
  });

  test('an event’s id is a position that views accept as after', async () => {
    const client = await SseClient.connect(app, { type: 'LeadStatusChanged' });
    const { id } = await openLead(app);
    await postStatus(app, id, 'qualified');
    const [event] = await client.waitFor((events) => events.length === 1);
    expect(await getLead(app, id, event!.id)).toMatchObject({ status: 'qualified' });
    await client.disconnect();
  });

  test.each<[string, (ids: { lead: string; contact: string }) => QueryParams, string[]]>([
    ['types', () => ({ type: 'LeadAssigned,AgentRegistered' }), ['AgentRegistered', 'LeadAssigned']],
    ['a lead', ({ lead }) => ({ leadId: lead }), ['LeadOpened', 'InteractionRecorded', 'LeadAssigned']],
    [
      'a contact',
      ({ contact }) => ({ contactId: contact }),
      ['ContactRegistered', 'LeadOpened', 'InteractionRecorded', 'LeadAssigned'],
    ],
  ])('a stream filtered by %s sends only the matching events', async (_, queryFor, expected) => {
    const from = await writeToEnd();
    const contact = uniqueId('contact');
    const { id: lead } = await openLead(app, { contactId: contact });
    const { id: agentId } = await postAgent(app);
    await postAssignment(app, lead, agentId);
    const client = await SseClient.connect(app, { ...queryFor({ lead, contact }), from });
    expect(typesOf(await client.waitFor((events) => events.length === expected.length))).toEqual(expected);
    await client.disconnect();
  });

  test('a stream continues after Last-Event-ID, which takes precedence over from', async () => {
    const from = await writeToEnd();
    const first = await SseClient.connect(app, { from });
    const { id } = await openLead(app);
    await first.waitFor((events) => events.length === 3);
    await first.disconnect();
    await postStatus(app, id, 'contacted');
    const next = await SseClient.connect(app, { from }, first.events[1]!.id);
    expect(typesOf(await next.waitFor((events) => events.length === 2))).toEqual([
      'InteractionRecorded',
      'LeadStatusChanged',
    ]);
    await next.disconnect();
  });

  test('a stream that broke before its first event continues from where it began', async () => {
    const from = await writeToEnd();
    const client = await SseClient.connect(app, { type: 'LeadOpened' });
    await waitUntil(async () => client.lastEventId !== '');
    await client.disconnect();
    expect(client).toMatchObject({ events: [], lastEventId: from });
    await openLead(app);
    const next = await SseClient.connect(app, { type: 'LeadOpened' }, client.lastEventId);
    await next.waitFor((events) => events.length === 1);
    await next.disconnect();
  });

  test('a stream from the first position sends the whole log and then new events', async () => {
    await postMessages(app, await postBroadcast(app), [
      { contactId: uniqueId('recipient'), messageId: uniqueId('bm') },
    ]);
    const events = await getAllEvents(app);
    const client = await SseClient.connect(app, { from: events[0]!.position });
    await client.waitFor((events) => events.length >= events.length - 1);
    const { position: last } = await postInteraction(app);
    const received = await client.waitFor((events) => events.at(-1)!.id === last);
    expect(received.map(({ data }) => data)).toEqual((await getAllEvents(app)).slice(1));
    await client.disconnect();
  });

  test.each<[string, QueryParams]>([
    ['from', { from: 'yesterday' }],
    ['from', { from: 'palien00.0000000000001' }],
    ['type', { type: 'LeadSold' }],
    ['leadId', { leadId: '' }],
    ['after', { after: 'x' }],
  ])('the stream rejects an invalid %s, naming it: %j', async (field, query) => {
    expect(await app.get('/v1/stream', query)).toMatchObject(invalid(field));
  });

  test.each(['7', 'palien00.0000000000001', '{}'])('the stream rejects %s as Last-Event-ID', async (id) => {
    expect(await app.get('/v1/stream', {}, { 'last-event-id': id })).toMatchObject(invalid('Last-Event-ID'));
  });

  test('open streams are counted and released when clients disconnect', async () => {
    await waitUntil(async () => (await countOpenStreams()) === 0);
    const clients = await Promise.all([SseClient.connect(app), SseClient.connect(app), SseClient.connect(app)]);
    await waitUntil(async () => (await countOpenStreams()) === 3);
    for (const client of clients) await client.disconnect();
    await waitUntil(async () => (await countOpenStreams()) === 0);
    expect((await app.call('HEAD', '/v1/stream')).status).toBe(200);
    await waitUntil(async () => (await countOpenStreams()) === 0);
  });
});

describe('streams under load', () => {
  /** Reconnects whenever the stream breaks, and disconnects at random. */
  async function receiveWithReconnects(
    source: App,
    from: string,
    isEnough: (received: readonly ReceivedEvent[]) => boolean,
  ): Promise<ReceivedEvent[]> {
    const received: ReceivedEvent[] = [];
    for (let lastEventId = from; !isEnough(received);) {
      const client = await SseClient.connect(source, {}, lastEventId).catch(() => undefined);
      if (!client) {
        await sleep(20);
        continue;
      }
      const count = 1 + Math.floor(Math.random() * 400);
      await client
        .waitFor((events) => events.length >= count || isEnough([...received, ...events]))
        .catch(() => undefined);
      await client.disconnect();
      received.push(...client.events);
      lastEventId = client.lastEventId || lastEventId;
    }
    return received;
  }

  const hasPassed = (received: readonly ReceivedEvent[], end: string | undefined): boolean =>
    end !== undefined && received.length > 0 && received.at(-1)!.id > end;

  test('clients that reconnect at random miss and repeat no event', async () => {
    const from = await writeToEnd();
    let end: string | undefined = undefined;
    const isEnough = (received: readonly ReceivedEvent[]): boolean => hasPassed(received, end);
    const reconnecting = [
      receiveWithReconnects(app, from, isEnough),
      receiveWithReconnects(app, from, isEnough),
      receiveWithReconnects(app, from, isEnough),
    ];
    const steady = await SseClient.connect(app, { from });
    for (let round = 0; round < 40; round++)
      await Promise.all([
        postReceipts(
          app,
          Array.from({ length: 50 }, () => receiptBody(uniqueId('bm'), 'sent', 0)),
        ),
        postInteraction(app),
        postInteraction(app),
      ]);
    end = await writeToEnd();
    await writeToEnd();
    const expected = idsOf(await getAllEvents(app, { from }));
    expect(expected.length).toBeGreaterThan(2_000);
    for (const received of [await steady.waitFor(isEnough), ...(await Promise.all(reconnecting))])
      expect(idsOf(received.map(({ data }) => data))).toEqual(expected.slice(0, received.length));
    await steady.disconnect();
  });

  // Waits for half a minute, so it runs concurrently with the others, on a separate app.
  test.concurrent('a client that does not read is disconnected, and gets every event when it reconnects', async () => {
    await withApp(async (freshApp) => {
      const { position: from } = await postInteraction(freshApp);
      const slow = await SseClient.connect(freshApp, { from }, undefined, { slow: true });
      const quick = await SseClient.connect(freshApp, { from });
      const text = 'x'.repeat(60_000);
      for (let index = 0; index < 400; index += 20)
        await Promise.all(Array.from({ length: 20 }, () => postInteraction(freshApp, { text })));
      await quick.waitFor((events) => events.length === 1_200);
      await waitUntil(async () => (await countOpenStreams(freshApp)) === 1);
      await slow.readAll();
      expect(slow).toMatchObject({ hasEnded: true, wasCut: true });
      const next = await SseClient.connect(freshApp, {}, slow.lastEventId);
      await next.waitFor((events) => slow.events.length + events.length === 1_200);
      expect(idsOf([...slow.events, ...next.events])).toEqual(idsOf(quick.events));
      await quick.disconnect();
      await next.disconnect();
    });
  });

  test('a client misses and repeats no event across kills, and a stopping process ends its streams immediately', async () => {
    await withApp(async (killedApp) => {
      const { position: from } = await postInteraction(killedApp);
      let end: string | undefined = undefined;
      const reconnecting = receiveWithReconnects(killedApp, from, (received) => hasPassed(received, end));
      for (let round = 0; round < 3; round++) {
        for (let index = 0; index < 20; index++)
          await Promise.all([postInteraction(killedApp), postInteraction(killedApp), postInteraction(killedApp)]);
        await killedApp.kill();
        await killedApp.start();
      }
      ({ position: end } = await postInteraction(killedApp));
      await postInteraction(killedApp);
      const received = await reconnecting;
      const expected = idsOf(await getAllEvents(killedApp, { from })).slice(0, received.length);
      expect(idsOf(received.map(({ data }) => data))).toEqual(expected);

      const clients = await Promise.all([SseClient.connect(killedApp), SseClient.connect(killedApp, { from })]);
      const { code, ms } = await killedApp.stop();
      expect(code).toBe(0);
      // Less than the eight seconds after which the server cuts open connections.
      expect(ms).toBeLessThan(7_000);
      for (const client of clients) {
        await client.waitForEnd();
        expect(client.wasCut).toBe(false);
      }
    });
  });
});
