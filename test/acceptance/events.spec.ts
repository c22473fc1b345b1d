import { describe, expect, test } from '@jest/globals';
import { invalid } from '../support/expected-responses.js';
import { setupApp, App, type QueryParams } from '../support/app.js';
import { postBroadcast, receiptBody, postReceipts, postMessages } from '../support/broadcast-steps.js';
import { writeSampleLog } from '../support/sample-log.js';
import {
  getAllItems,
  postAgent,
  postAssignment,
  openLead,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

interface Told {
  readonly id: string;
  readonly type: string;
  readonly leadId: string | null;
  readonly contactId: string | null;
  readonly occurredAt: string;
  readonly data: { readonly recipient?: object | null };
  readonly position: string;
}
interface Events {
  readonly items: readonly Told[];
  readonly nextCursor: string | null;
}

const app = setupApp();
const page = (query: QueryParams = {}) => app.get<Events>('/v1/events', query);
const all = (query: QueryParams = {}) => getAllItems<Told>(app, '/v1/events', query);
/** Up to where the log goes now. */
const end = async (): Promise<string> => (await postInteraction(app)).position;

describe('the events of the organization', () => {
  test('are all that happened, oldest first, each with its contact', async () => {
    const from = await end();
    const contactId = uniqueId('contact');
    const { leadId } = await postInteraction(app, { contactId, text: 'Hi', profile: { name: 'Ana' } });
    const { id: agentId } = await postAgent(app, { name: 'Ben' });
    await postAssignment(app, leadId, agentId);
    await postStatus(app, leadId, 'lost', { reason: 'No answer' });
    const events = await all({ from });
    expect(events.map(({ type }) => type)).toEqual([
      'ContactRegistered',
      'LeadOpened',
      'InteractionRecorded',
      'AgentRegistered',
      'LeadAssigned',
      'LeadStatusChanged',
    ]);
    for (const event of events) {
      const ofAgent = event.type === 'AgentRegistered';
      const ofContact = event.type === 'ContactRegistered';
      expect(event).toMatchObject({
        contactId: ofAgent ? null : contactId,
        leadId: ofAgent || ofContact ? null : leadId,
      });
    }
    expect(events[5]).toMatchObject({ v: 1, data: { from: 'new', to: 'lost', reason: 'No answer', leadId } });
    expect(events.map(({ position }) => position)).toEqual(events.map(({ position }) => position).sort());
  });

  test('are the same page by page, whatever the page, and for ever', async () => {
    await writeSampleLog(app);
    const whole = await all();
    expect(new Set(whole.map(({ id }) => id)).size).toBe(whole.length);
    expect(await all({ limit: 7 })).toEqual(whole);
    expect(await all()).toEqual(whole);
  });

  test('begin behind a position, which is any that was handed out', async () => {
    const whole = await all();
    for (const index of [0, 1, 250, whole.length - 1])
      expect(await all({ from: whole[index]!.position })).toEqual(whole.slice(index + 1));
  });

  test('of some types are those among all', async () => {
    const whole = await all();
    const some = ['LeadOpened', 'ReceiptRecorded'];
    const expected = whole.filter(({ type }) => some.includes(type));
    expect(expected.length).toBeGreaterThan(30);
    expect(await all({ type: some.join(), limit: 9 })).toEqual(expected);
  });

  test('say up to where they were read, from where the next ones are asked for', async () => {
    const from = await end();
    const { headers, body } = await page({ from });
    expect(body).toEqual({ items: [], nextCursor: null });
    expect(headers.get('x-position')).toBe(from);
    const { id } = await openLead(app);
    const next = await page({ from, type: 'LeadOpened' });
    expect(next.body).toMatchObject({ items: [{ type: 'LeadOpened', leadId: id }], nextCursor: null });
    expect((await page({ from: next.headers.get('x-position') })).body.items).toEqual([]);
  });

  test('can be asked to know a position, and always do', async () => {
    const { leadId, position } = await postInteraction(app);
    const told = await all({ after: position });
    expect(told.at(-1)).toMatchObject({ leadId, position });
  });

  test('of a message name the contact as soon as its send is known', async () => {
    const from = await end();
    const [messageId, contactId] = [uniqueId('bm'), uniqueId('recipient')];
    await postReceipts(app, [receiptBody(messageId, 'delivered', 0)]);
    await postMessages(app, await postBroadcast(app), [{ messageId, contactId }]);
    await postReceipts(app, [receiptBody(messageId, 'read', 1)]);
    const told = await all({ from, type: 'ReceiptRecorded,MessageSent' });
    expect(told.map(({ type, contactId: of }) => [type, of])).toEqual([
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
  ])('refuse a bad %s by name: %j', async (field, query) => {
    expect(await page(query)).toMatchObject(invalid(field));
  });

  test('refuse a position that is yet to come, and a cursor of another log', async () => {
    const head = await end();
    expect(await page({ from: head.replace(/.$/, 'v').replace(/\.0000/, '.0001') })).toMatchObject(invalid('from'));
    const { nextCursor } = (await page({ limit: 1 })).body;
    const cursor = JSON.parse(Buffer.from(nextCursor!, 'base64url').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...cursor, value: 'palien00.1' })).toString('base64url');
    expect(await page({ cursor: forged })).toMatchObject(invalid('cursor'));
    expect(await page({ cursor: nextCursor, type: 'LeadOpened' })).toMatchObject(invalid('type'));
  });
});

describe('a rare type', () => {
  test('is looked for page by page: a request looks through so many events at most', async () => {
    const busy = new App();
    try {
      await busy.start();
      for (let batch = 0; batch < 3; batch++)
        await postReceipts(
          busy,
          Array.from({ length: 1_000 }, () => receiptBody(uniqueId('bm'), 'sent', 0)),
        );
      await busy.post('/v1/agents', { id: 'rare', name: 'Rare' });
      const pages: number[] = [];
      let query: QueryParams = { type: 'AgentRegistered' };
      for (let cursor: string | null = ''; cursor !== null; query = { cursor }) {
        const { body } = await busy.get<Events>('/v1/events', query);
        pages.push(body.items.length);
        cursor = body.nextCursor;
      }
      expect(pages).toEqual([0, 1]);
    } finally {
      await busy.dispose();
    }
  });
});
