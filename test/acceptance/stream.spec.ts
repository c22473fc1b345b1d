import { describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { invalid } from '../support/answers.js';
import { anApp, App, type Query } from '../support/app.js';
import { Listener, type Heard } from '../support/listener.js';
import { aBroadcast, receipt, receive, send } from '../support/campaign.js';
import { allItems, anAgent, assign, leadNow, openLead, setStatus, unique, writes } from '../support/story.js';

const app = anApp();
const everything = (of: App, query: Query = {}) => allItems<Heard['data']>(of, '/v1/events', query);
const types = (heard: readonly Heard[]): string[] => heard.map(({ event }) => event);
const ids = (heard: readonly { readonly id: string }[]): string[] => heard.map(({ id }) => id);
const position = async (): Promise<string> => (await writes(app)).position;
const openStreams = async (of = app): Promise<number> =>
  Number(/^leadstream_streams_open (\d+)$/m.exec((await of.get('/metrics')).text)?.[1]);
async function eventually(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await sleep(20);
}

describe('a stream', () => {
  test('tells what happens from now on, as the log has it', async () => {
    await openLead(app);
    const from = await position();
    const listener = await Listener.of(app);
    const { headers } = listener.answer;
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(headers.get('x-position')).toBe(from);
    const { id, contactId } = await openLead(app, { text: 'Hello\n\nid: no\ndata: neither' });
    await setStatus(app, id, 'lost');
    const heard = await listener.until((all) => types(all).includes('LeadStatusChanged'));
    expect(heard.map(({ data }) => data)).toEqual(await everything(app, { from }));
    for (const { id: told, event, data } of heard)
      expect(data).toMatchObject({ position: told, type: event, contactId });
    expect(listener.retry).toBe('2000');
    await listener.leave();
  });

  test('tells a position that a view can be asked for', async () => {
    const listener = await Listener.of(app, { type: 'LeadStatusChanged' });
    const { id } = await openLead(app);
    await setStatus(app, id, 'qualified');
    const [told] = await listener.until((all) => all.length === 1);
    expect(await leadNow(app, id, told!.id)).toMatchObject({ status: 'qualified' });
    await listener.leave();
  });

  test.each<[string, (of: { lead: string; contact: string }) => Query, string[]]>([
    ['types', () => ({ type: 'LeadAssigned,AgentRegistered' }), ['AgentRegistered', 'LeadAssigned']],
    ['a lead', ({ lead }) => ({ leadId: lead }), ['LeadOpened', 'InteractionRecorded', 'LeadAssigned']],
    [
      'a contact',
      ({ contact }) => ({ contactId: contact }),
      ['ContactRegistered', 'LeadOpened', 'InteractionRecorded', 'LeadAssigned'],
    ],
  ])('of %s tells those alone', async (_, asked, expected) => {
    const from = await position();
    const contact = unique('contact');
    const { id: lead } = await openLead(app, { contactId: contact });
    const { id: agentId } = await anAgent(app);
    await assign(app, lead, agentId);
    const listener = await Listener.of(app, { ...asked({ lead, contact }), from });
    expect(types(await listener.until((all) => all.length === expected.length))).toEqual(expected);
    await listener.leave();
  });

  test('goes on behind the last id, which counts more than where it began', async () => {
    const from = await position();
    const first = await Listener.of(app, { from });
    const { id } = await openLead(app);
    await first.until((all) => all.length === 3);
    await first.leave();
    await setStatus(app, id, 'contacted');
    const next = await Listener.of(app, { from }, first.heard[1]!.id);
    expect(types(await next.until((all) => all.length === 2))).toEqual(['InteractionRecorded', 'LeadStatusChanged']);
    await next.leave();
  });

  test('that was lost before anything happened goes on from where it began', async () => {
    const from = await position();
    const listener = await Listener.of(app, { type: 'LeadOpened' });
    await eventually(async () => listener.lastId !== '');
    await listener.leave();
    expect(listener).toMatchObject({ heard: [], lastId: from });
    await openLead(app);
    const next = await Listener.of(app, { type: 'LeadOpened' }, listener.lastId);
    await next.until((all) => all.length === 1);
    await next.leave();
  });

  test('from the beginning is the whole log, then what comes', async () => {
    await send(app, await aBroadcast(app), [{ contactId: unique('recipient'), messageId: unique('bm') }]);
    const whole = await everything(app);
    const listener = await Listener.of(app, { from: whole[0]!.position });
    await listener.until((all) => all.length >= whole.length - 1);
    const { position: last } = await writes(app);
    const heard = await listener.until((all) => all.at(-1)!.id === last);
    expect(heard.map(({ data }) => data)).toEqual((await everything(app)).slice(1));
    await listener.leave();
  });

  test.each<[string, Query]>([
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
    const listeners = await Promise.all([Listener.of(app), Listener.of(app), Listener.of(app)]);
    await eventually(async () => (await openStreams()) === 3);
    for (const listener of listeners) await listener.leave();
    await eventually(async () => (await openStreams()) === 0);
    expect((await app.call('HEAD', '/v1/stream')).status).toBe(200);
    await eventually(async () => (await openStreams()) === 0);
  });
});

describe('under load', () => {
  /** Comes back whenever it is cut off, and cuts itself off now and then. */
  async function restless(of: App, from: string, enough: (heard: readonly Heard[]) => boolean): Promise<Heard[]> {
    const heard: Heard[] = [];
    for (let last = from; !enough(heard);) {
      const listener = await Listener.of(of, {}, last).catch(() => undefined);
      if (!listener) {
        await sleep(20);
        continue;
      }
      const several = 1 + Math.floor(Math.random() * 400);
      await listener.until((all) => all.length >= several || enough([...heard, ...all])).catch(() => undefined);
      await listener.leave();
      heard.push(...listener.heard);
      last = listener.lastId || last;
    }
    return heard;
  }

  /** Whether something behind a position was heard. */
  const isBehind = (heard: readonly Heard[], end: string | undefined): boolean =>
    end !== undefined && heard.length > 0 && heard.at(-1)!.id > end;

  test('nobody misses or repeats anything, however often they come and go', async () => {
    const from = await position();
    let end: string | undefined = undefined;
    const enough = (heard: readonly Heard[]): boolean => isBehind(heard, end);
    const listening = [restless(app, from, enough), restless(app, from, enough), restless(app, from, enough)];
    const steady = await Listener.of(app, { from });
    for (let round = 0; round < 40; round++)
      await Promise.all([
        receive(
          app,
          Array.from({ length: 50 }, () => receipt(unique('bm'), 'sent', 0)),
        ),
        writes(app),
        writes(app),
      ]);
    end = await position();
    await position();
    const expected = ids(await everything(app, { from }));
    expect(expected.length).toBeGreaterThan(2_000);
    for (const heard of [await steady.until(enough), ...(await Promise.all(listening))])
      expect(ids(heard.map(({ data }) => data))).toEqual(expected.slice(0, heard.length));
    await steady.leave();
  });

  // It takes half a minute, most of it waiting: on an app of its own, beside the others.
  test.concurrent('one that takes nothing is let go, and finds everything when it comes back', async () => {
    const own = new App();
    try {
      await own.start();
      const { position: from } = await writes(own);
      const slow = await Listener.of(own, { from }, undefined, { slow: true });
      const quick = await Listener.of(own, { from });
      const text = 'x'.repeat(60_000);
      for (let nth = 0; nth < 400; nth += 20)
        await Promise.all(Array.from({ length: 20 }, () => writes(own, { text })));
      await quick.until((all) => all.length === 1_200);
      await eventually(async () => (await openStreams(own)) === 1);
      await slow.listen();
      expect(slow).toMatchObject({ ended: true, cut: true });
      const next = await Listener.of(own, {}, slow.lastId);
      await next.until((all) => slow.heard.length + all.length === 1_200);
      expect(ids([...slow.heard, ...next.heard])).toEqual(ids(quick.heard));
      await quick.leave();
      await next.leave();
    } finally {
      await own.end();
    }
  });

  test('a killed process is come back to without gap or repeat; a stopped one ends its streams at once', async () => {
    const killed = new App();
    try {
      await killed.start();
      const { position: from } = await writes(killed);
      let end: string | undefined = undefined;
      const listening = restless(killed, from, (heard) => isBehind(heard, end));
      for (let round = 0; round < 3; round++) {
        for (let nth = 0; nth < 20; nth++) await Promise.all([writes(killed), writes(killed), writes(killed)]);
        await killed.kill();
        await killed.start();
      }
      ({ position: end } = await writes(killed));
      await writes(killed);
      const heard = await listening;
      const expected = ids(await everything(killed, { from })).slice(0, heard.length);
      expect(ids(heard.map(({ data }) => data))).toEqual(expected);

      const listeners = await Promise.all([Listener.of(killed), Listener.of(killed, { from })]);
      const { code, ms } = await killed.stop();
      expect(code).toBe(0);
      // Sooner than the eight seconds after which what is still open is cut.
      expect(ms).toBeLessThan(7_000);
      for (const listener of listeners) {
        await listener.end();
        expect(listener.cut).toBe(false);
      }
    } finally {
      await killed.end();
    }
  });
});
