import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { invalid } from '../support/expected-responses.js';
import { setupApp, type QueryParams } from '../support/app.js';
import { postBroadcast, receiptBody, postReceipts, postMessages } from '../support/broadcast-steps.js';
import { writeSampleLog } from '../support/sample-log.js';
import { onEmbedded } from '../support/engines.js';
import {
  getAllItems,
  interactionBody,
  openLead,
  postAgent,
  postAssignment,
  postInteraction,
  postStatus,
  uniqueId,
  withApp,
} from '../support/api-steps.js';

interface EventItem {
  readonly id: string;
  readonly type: string;
  readonly leadId: string | null;
  readonly contactId: string | null;
  readonly occurredAt: string;
  readonly data: { readonly recipient?: object | null };
  readonly position: string;
}
interface EventPage {
  readonly items: readonly EventItem[];
  readonly nextCursor: string | null;
}

const app = setupApp();
const getPage = (query: QueryParams = {}) => app.get<EventPage>('/v1/events', query);
const getAllEvents = (query: QueryParams = {}) => getAllItems<EventItem>(app, '/v1/events', query);
/** Writes an interaction and returns its position, which is the end of the log. */
const writeToEnd = async (): Promise<string> => (await postInteraction(app)).position;

describe('GET /v1/events', () => {
  test('GET /v1/events returns all events, oldest first, each with its contact and lead', async () => {
    const from = await writeToEnd();
    const contactId = uniqueId('contact');
    const { leadId } = await postInteraction(app, { contactId, text: 'Hi', profile: { name: 'Ana' } });
    const { id: agentId } = await postAgent(app, { name: 'Ben' });
    await postAssignment(app, leadId, agentId);
    await postStatus(app, leadId, 'lost', { reason: 'No answer' });
    const events = await getAllEvents({ from });
    expect(events.map(({ type }) => type)).toEqual([
      'ContactRegistered',
      'LeadOpened',
      'InteractionRecorded',
      'AgentRegistered',
      'LeadAssigned',
      'LeadStatusChanged',
    ]);
    for (const event of events) {
      const isOfAgent = event.type === 'AgentRegistered';
      const isOfContact = event.type === 'ContactRegistered';
      expect(event).toMatchObject({
        contactId: isOfAgent ? null : contactId,
        leadId: isOfAgent || isOfContact ? null : leadId,
      });
    }
    expect(events[5]).toMatchObject({ v: 1, data: { from: 'new', to: 'lost', reason: 'No answer', leadId } });
    expect(events.map(({ position }) => position)).toEqual(events.map(({ position }) => position).sort());
  });

  test('GET /v1/events returns the same events for every page size and on every call', async () => {
    await writeSampleLog(app);
    const events = await getAllEvents();
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(await getAllEvents({ limit: 7 })).toEqual(events);
    expect(await getAllEvents()).toEqual(events);
  });

  test('GET /v1/events?from returns the events after any event’s position', async () => {
    const events = await getAllEvents();
    for (const index of [0, 1, 250, events.length - 1])
      expect(await getAllEvents({ from: events[index]!.position })).toEqual(events.slice(index + 1));
  });

  test('GET /v1/events?type returns exactly the events of these types', async () => {
    const events = await getAllEvents();
    const types = ['LeadOpened', 'ReceiptRecorded'];
    const expected = events.filter(({ type }) => types.includes(type));
    expect(expected.length).toBeGreaterThan(30);
    expect(await getAllEvents({ type: types.join(), limit: 9 })).toEqual(expected);
  });

  test('X-Position of an events page is the position from which to read the next events', async () => {
    const from = await writeToEnd();
    const { headers, body } = await getPage({ from });
    expect(body).toEqual({ items: [], nextCursor: null });
    expect(headers.get('x-position')).toBe(from);
    const { id } = await openLead(app);
    const next = await getPage({ from, type: 'LeadOpened' });
    expect(next.body).toMatchObject({ items: [{ type: 'LeadOpened', leadId: id }], nextCursor: null });
    expect((await getPage({ from: next.headers.get('x-position') })).body.items).toEqual([]);
  });

  test('GET /v1/events?after includes the event at that position', async () => {
    const { leadId, position } = await postInteraction(app);
    const events = await getAllEvents({ after: position });
    expect(events.at(-1)).toMatchObject({ leadId, position });
  });

  test('a receipt event names the contact only once the message’s send is recorded', async () => {
    const from = await writeToEnd();
    const [messageId, contactId] = [uniqueId('bm'), uniqueId('recipient')];
    await postReceipts(app, [receiptBody(messageId, 'delivered', 0)]);
    await postMessages(app, await postBroadcast(app), [{ messageId, contactId }]);
    await postReceipts(app, [receiptBody(messageId, 'read', 1)]);
    const events = await getAllEvents({ from, type: 'ReceiptRecorded,MessageSent' });
    expect(events.map(({ type, contactId: eventContactId }) => [type, eventContactId])).toEqual([
      ['ReceiptRecorded', null],
      ['MessageSent', contactId],
      ['ReceiptRecorded', contactId],
    ]);
  });

  test.each<[string, QueryParams]>([
    ['from', { from: 'yesterday' }],
    ['from', { from: '' }],
    ['from', { from: 'palien00.0000000000001' }],
    ['after', { after: 'x' }],
    ['type', { type: 'LeadSold' }],
    ['type', { type: '' }],
    ['limit', { limit: 201 }],
    ['count', { count: true }],
    ['cursor', { cursor: 'x' }],
    ['leadId', { leadId: 'x' }],
  ])('GET /v1/events rejects an invalid %s, naming it: %j', async (field, query) => {
    expect(await getPage(query)).toMatchObject(invalid(field));
  });

  test('GET /v1/events rejects a future position, a cursor of another log and a changed query', async () => {
    const head = await writeToEnd();
    expect(await getPage({ from: head.replace(/.$/, 'v').replace(/\.0000/, '.0001') })).toMatchObject(invalid('from'));
    const { nextCursor } = (await getPage({ limit: 1 })).body;
    const cursor = JSON.parse(Buffer.from(nextCursor!, 'base64url').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...cursor, value: 'palien00.1' })).toString('base64url');
    expect(await getPage({ cursor: forged })).toMatchObject(invalid('cursor'));
    expect(await getPage({ cursor: nextCursor, type: 'LeadOpened' })).toMatchObject(invalid('type'));
  });
});

describe('GET /v1/events with a rare type', () => {
  test('one request for a rare type scans a limited number of events, so a page can be empty and not the last', async () => {
    await withApp(async (busyApp) => {
      for (let batch = 0; batch < 3; batch++)
        await postReceipts(
          busyApp,
          Array.from({ length: 1_000 }, () => receiptBody(uniqueId('bm'), 'sent', 0)),
        );
      await busyApp.post('/v1/agents', { id: 'rare', name: 'Rare' });
      const pages: number[] = [];
      let query: QueryParams = { type: 'AgentRegistered' };
      for (let cursor: string | null = ''; cursor !== null; query = { cursor }) {
        const { body } = await busyApp.get<EventPage>('/v1/events', query);
        pages.push(body.items.length);
        cursor = body.nextCursor;
      }
      expect(pages).toEqual([0, 1]);
    });
  });
});

describe('an event that cannot be read', () => {
  onEmbedded.log(test)(
    'an event that cannot be read makes GET /v1/events and commands on its contact return 503 with its position',
    async () => {
      await withApp(async (damagedApp) => {
        const healthy = await postInteraction(damagedApp);
        const damaged = await postInteraction(damagedApp);
        const later = await postInteraction(damagedApp);
        await damagedApp.get('/v1/leads', { after: later.position });
        await damagedApp.stop();
        const db = new DatabaseSync(join(damagedApp.dataDir, 'events.db'));
        db.exec(`UPDATE events SET body = replace(body, '"InteractionRecorded"', '"FromTheFuture"')
          WHERE position = (SELECT max(position) - 3 FROM events)`);
        db.close();
        await damagedApp.start();

        const { items, nextCursor } = (await damagedApp.get<EventPage>('/v1/events')).body;
        expect(items.at(-1)!.position > healthy.position).toBe(true);
        const unreadable = {
          status: 503,
          body: { code: 'unavailable', position: damaged.position },
        };
        const page = await damagedApp.get('/v1/events', { cursor: nextCursor! });
        expect(page).toMatchObject(unreadable);
        expect(page.headers.get('retry-after')).not.toBeNull();
        const { contactId } = damaged.lead;
        expect(await damagedApp.post('/v1/interactions', interactionBody({ contactId }))).toMatchObject(unreadable);
        expect((await damagedApp.get<EventPage>('/v1/events', { from: damaged.position })).body.items).toHaveLength(3);
        expect(await damagedApp.post('/v1/interactions', interactionBody())).toMatchObject({ status: 201 });
      });
    },
  );
});
