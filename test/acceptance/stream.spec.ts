import { describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { invalid } from '../support/expected-responses.js';
import { setupApp, App, type QueryParams } from '../support/app.js';
import { SseClient, type ReceivedEvent } from '../support/sse-client.js';
import { postBroadcast, receiptBody, postReceipts, postMessages } from '../support/broadcast-steps.js';
import {
  getAllItems,
  postAgent,
  postAssignment,
  getLead,
  openLead,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

const app = setupApp();
const everything = (of: App, query: QueryParams = {}) => getAllItems<ReceivedEvent['data']>(of, '/v1/events', query);
const types = (heard: readonly ReceivedEvent[]): string[] => heard.map(({ event }) => event);
const ids = (heard: readonly { readonly id: string }[]): string[] => heard.map(({ id }) => id);
const position = async (): Promise<string> => (await postInteraction(app)).position;
const openStreams = async (of = app): Promise<number> =>
  Number(/^leadstream_streams_open (\d+)$/m.exec((await of.get('/metrics')).text)?.[1]);
async function eventually(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await sleep(20);
}

describe('a stream', () => {
  test('tells what happens from now on, as the log has it', async () => {
    await openLead(app);
    const from = await position();
    const listener = await SseClient.connect(app);
    const { headers } = listener.response;
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(headers.get('x-position')).toBe(from);
    const { id, contactId } = await openLead(app, { text: 'Hello\n\nid: no\ndata: neither' });
    await postStatus(app, id, 'lost');
    const heard = await listener.waitFor((all) => types(all).includes('LeadStatusChanged'));
    expect(heard.map(({ data }) => data)).toEqual(await everything(app, { from }));
    for (const { id: told, event, data } of heard)
      expect(data).toMatchObject({ position: told, type: event, contactId });
    expect(listener.retry).toBe('2000');
    await listener.disconnect();
  });

  test('tells a position that a view can be asked for', async () => {
    const listener = await SseClient.connect(app, { type: 'LeadStatusChanged' });
    const { id } = await openLead(app);
    await postStatus(app, id, 'qualified');
    const [told] = await listener.waitFor((all) => all.length === 1);
    expect(await getLead(app, id, told!.id)).toMatchObject({ status: 'qualified' });
    await listener.disconnect();
  });

  test.each<[string, (of: { lead: string; contact: string }) => QueryParams, string[]]>([
    ['types', () => ({ type: 'LeadAssigned,AgentRegistered' }), ['AgentRegistered', 'LeadAssigned']],
    ['a lead', ({ lead }) => ({ leadId: lead }), ['LeadOpened', 'InteractionRecorded', 'LeadAssigned']],
    [
      'a contact',
      ({ contact }) => ({ contactId: contact }),
      ['ContactRegistered', 'LeadOpened', 'InteractionRecorded', 'LeadAssigned'],
    ],
  ])('of %s tells those alone', async (_, asked, expected) => {
    const from = await position();
    const contact = uniqueId('contact');
    const { id: lead } = await openLead(app, { contactId: contact });
    const { id: agentId } = await postAgent(app);
    await postAssignment(app, lead, agentId);
    const listener = await SseClient.connect(app, { ...asked({ lead, contact }), from });
    expect(types(await listener.waitFor((all) => all.length === expected.length))).toEqual(expected);
    await listener.disconnect();
  });

  test('goes on behind the last id, which counts more than where it began', async () => {
    const from = await position();
    const first = await SseClient.connect(app, { from });
    const { id } = await openLead(app);
    await first.waitFor((all) => all.length === 3);
    await first.disconnect();
    await postStatus(app, id, 'contacted');
    const next = await SseClient.connect(app, { from }, first.events[1]!.id);
    expect(types(await next.waitFor((all) => all.length === 2))).toEqual(['InteractionRecorded', 'LeadStatusChanged']);
    await next.disconnect();
  });

  test('that was lost before anything happened goes on from where it began', async () => {
    const from = await position();
    const listener = await SseClient.connect(app, { type: 'LeadOpened' });
    await eventually(async () => listener.lastEventId !== '');
    await listener.disconnect();
    expect(listener).toMatchObject({ events: [], lastEventId: from });
    await openLead(app);
    const next = await SseClient.connect(app, { type: 'LeadOpened' }, listener.lastEventId);
    await next.waitFor((all) => all.length === 1);
    await next.disconnect();
  });

  test('from the beginning is the whole log, then what comes', async () => {
    await postMessages(app, await postBroadcast(app), [
      { contactId: uniqueId('recipient'), messageId: uniqueId('bm') },
    ]);
    const whole = await everything(app);
    const listener = await SseClient.connect(app, { from: whole[0]!.position });
    await listener.waitFor((all) => all.length >= whole.length - 1);
    const { position: last } = await postInteraction(app);
    const heard = await listener.waitFor((all) => all.at(-1)!.id === last);
    expect(heard.map(({ data }) => data)).toEqual((await everything(app)).slice(1));
    await listener.disconnect();
  });

  test.each<[string, QueryParams]>([
    ['from', { from: 'yesterday' }],
    ['from', { from: 'palien00.0000000000001' }],
    ['type', { type: 'LeadSold' }],
    ['leadId', { leadId: '' }],
    ['after', { after: 'x' }],
  ])('refuses a bad %s by name: %j', async (field, query) => {
    expect(await app.get('/v1/stream', query)).toMatchObject(invalid(field));
  });

  test.each(['7', 'palien00.0000000000001', '{}'])('refuses %s as a last id', async (id) => {
    expect(await app.get('/v1/stream', {}, { 'last-event-id': id })).toMatchObject(invalid('Last-Event-ID'));
  });

  test('is counted while somebody listens, and let go when nobody does', async () => {
    await eventually(async () => (await openStreams()) === 0);
    const listeners = await Promise.all([SseClient.connect(app), SseClient.connect(app), SseClient.connect(app)]);
    await eventually(async () => (await openStreams()) === 3);
    for (const listener of listeners) await listener.disconnect();
    await eventually(async () => (await openStreams()) === 0);
    expect((await app.call('HEAD', '/v1/stream')).status).toBe(200);
    await eventually(async () => (await openStreams()) === 0);
  });
});

describe('under load', () => {
  /** Comes back whenever it is cut off, and cuts itself off now and then. */
  async function restless(
    of: App,
    from: string,
    enough: (heard: readonly ReceivedEvent[]) => boolean,
  ): Promise<ReceivedEvent[]> {
    const heard: ReceivedEvent[] = [];
    for (let last = from; !enough(heard);) {
      const listener = await SseClient.connect(of, {}, last).catch(() => undefined);
      if (!listener) {
        await sleep(20);
        continue;
      }
      const several = 1 + Math.floor(Math.random() * 400);
      await listener.waitFor((all) => all.length >= several || enough([...heard, ...all])).catch(() => undefined);
      await listener.disconnect();
      heard.push(...listener.events);
      last = listener.lastEventId || last;
    }
    return heard;
  }

  /** Whether something behind a position was heard. */
  const isBehind = (heard: readonly ReceivedEvent[], end: string | undefined): boolean =>
    end !== undefined && heard.length > 0 && heard.at(-1)!.id > end;

  test('nobody misses or repeats anything, however often they come and go', async () => {
    const from = await position();
    let end: string | undefined = undefined;
    const enough = (heard: readonly ReceivedEvent[]): boolean => isBehind(heard, end);
    const listening = [restless(app, from, enough), restless(app, from, enough), restless(app, from, enough)];
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
    end = await position();
    await position();
    const expected = ids(await everything(app, { from }));
    expect(expected.length).toBeGreaterThan(2_000);
    for (const heard of [await steady.waitFor(enough), ...(await Promise.all(listening))])
      expect(ids(heard.map(({ data }) => data))).toEqual(expected.slice(0, heard.length));
    await steady.disconnect();
  });

  // It takes half a minute, most of it waiting: on an app of its own, beside the others.
  test.concurrent('one that takes nothing is let go, and finds everything when it comes back', async () => {
    const own = new App();
    try {
      await own.start();
      const { position: from } = await postInteraction(own);
      const slow = await SseClient.connect(own, { from }, undefined, { slow: true });
      const quick = await SseClient.connect(own, { from });
      const text = 'x'.repeat(60_000);
      for (let index = 0; index < 400; index += 20)
        await Promise.all(Array.from({ length: 20 }, () => postInteraction(own, { text })));
      await quick.waitFor((all) => all.length === 1_200);
      await eventually(async () => (await openStreams(own)) === 1);
      await slow.readAll();
      expect(slow).toMatchObject({ hasEnded: true, wasCut: true });
      const next = await SseClient.connect(own, {}, slow.lastEventId);
      await next.waitFor((all) => slow.events.length + all.length === 1_200);
      expect(ids([...slow.events, ...next.events])).toEqual(ids(quick.events));
      await quick.disconnect();
      await next.disconnect();
    } finally {
      await own.dispose();
    }
  });

  test('a killed process is come back to without gap or repeat; a stopped one ends its streams at once', async () => {
    const killed = new App();
    try {
      await killed.start();
      const { position: from } = await postInteraction(killed);
      let end: string | undefined = undefined;
      const listening = restless(killed, from, (heard) => isBehind(heard, end));
      for (let round = 0; round < 3; round++) {
        for (let index = 0; index < 20; index++)
          await Promise.all([postInteraction(killed), postInteraction(killed), postInteraction(killed)]);
        await killed.kill();
        await killed.start();
      }
      ({ position: end } = await postInteraction(killed));
      await postInteraction(killed);
      const heard = await listening;
      const expected = ids(await everything(killed, { from })).slice(0, heard.length);
      expect(ids(heard.map(({ data }) => data))).toEqual(expected);

      const listeners = await Promise.all([SseClient.connect(killed), SseClient.connect(killed, { from })]);
      const { code, ms } = await killed.stop();
      expect(code).toBe(0);
      // Sooner than the eight seconds after which what is still open is cut.
      expect(ms).toBeLessThan(7_000);
      for (const listener of listeners) {
        await listener.waitForEnd();
        expect(listener.wasCut).toBe(false);
      }
    } finally {
      await killed.dispose();
    }
  });
});
