import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createBroadcast,
  givenBroadcast,
  givenMessage,
  newReceipt,
  recordReceipts,
  recordSend,
} from '#test/support/given-message';
import * as ask from '#test/support/given-when-then';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { campaignsView } from './campaigns.projection.js';
import { countBroadcasts, countRecipients, listBroadcasts, listRecipients, loadBroadcast } from './campaigns.query.js';

const created = (broadcastId: string, clock: string) =>
  givenBroadcast(ask.at(clock, createBroadcast({ broadcastId }))).events;
const sent = (nth: number, clock: string, ...receipts: readonly ReturnType<typeof newReceipt>[]) => {
  const messageId = `bm-${nth}`;
  const message = recordSend({ messageId, contactKey: `c${nth}`, contactId: `contact-${nth}` });
  return givenMessage(ask.at(clock, message), recordReceipts(messageId, ...receipts)).events;
};
const reply = ask.given(
  ask.broadcast({ contactKey: 'c3' }),
  ask.interaction({ contactKey: 'c3', kind: 'broadcast_reply', inReplyTo: 'bm-1' }),
).events;
const log = mergeIntoLog(
  created('b-1', '08:00'),
  created('b-2', '10:00'),
  created('b-3', '09:00'),
  created('b-9', '11:00').map((event) => ({ ...event, org: 'org-2' })),
  sent(5, '09:05'),
  sent(1, '09:01', newReceipt('sent', '09:10')),
  sent(2, '09:02', newReceipt('delivered', '09:10')),
  sent(3, '09:03', newReceipt('read', '09:10')),
  sent(4, '09:04', newReceipt('failed', '09:10', '131026')),
  givenMessage(ask.at('09:20', recordSend({ messageId: 'bm-44', contactKey: 'c4', contactId: 'contact-4', attempt: 2 })), recordReceipts('bm-44', newReceipt('failed', '09:30', '131026'))).events, // prettier-ignore
  reply,
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(campaignsView, log);
});
afterAll(() => view.close());

const counters = { recipients: 5, sent: 3, delivered: 2, read: 1, failed: 1, replied: 1 };
const none = { recipients: 0, sent: 0, delivered: 0, read: 0, failed: 0, replied: 0 };

describe('Broadcasts, asked', () => {
  it('are those of one organization, newest first, counted over their recipients', async () => {
    const { items, checkpoint } = await listBroadcasts(view.reader, ask.org, { limit: 10 });
    expect(items.map((it) => it.id)).toEqual(['b-2', 'b-3', 'b-1']);
    expect(items.map((it) => it.counters)).toEqual([none, none, counters]);
    expect(checkpoint).toBe(log.at(-1)?.position);
    expect(await countBroadcasts(view.reader, ask.org)).toBe(3);
  });

  it('come by pages', async () => {
    const first = await listBroadcasts(view.reader, ask.org, { limit: 2 });
    const rest = await listBroadcasts(view.reader, ask.org, { limit: 2, after: first.last! });
    expect(rest).toMatchObject({ items: [{ id: 'b-1' }], last: null });
  });

  it('are told one by one to their own organization', async () => {
    const { type: _, broadcastId: id, ...data } = createBroadcast();
    expect(await loadBroadcast(view.reader, ask.org, 'b-1')).toEqual({
      ...{ id, ...data, createdAt: ask.time('08:00'), counters },
    });
    for (const other of ['b-9', 'nothing']) expect(await loadBroadcast(view.reader, ask.org, other)).toBeUndefined();
  });
});

describe('Recipients, asked', () => {
  const of = async (...states: Parameters<typeof listRecipients>[3][]) => {
    const [asked = null] = states;
    const page = (await listRecipients(view.reader, ask.org, 'b-1', asked, { limit: 10 }))!;
    expect(await countRecipients(view.reader, ask.org, 'b-1', asked)).toBe(page.items.length);
    return page.items;
  };

  it('come in the order in which it was sent to them, with their attempts and their reply', async () => {
    const told = await of();
    expect(told.map((it) => it.contactId)).toEqual([1, 2, 3, 4, 5].map((nth) => `contact-${nth}`));
    expect(told.map((it) => it.state)).toEqual(['sent', 'delivered', 'read', 'failed', 'queued']);
    expect(told.map((it) => it.repliedLeadId)).toEqual([null, null, 'c3-1', null, null]);
    expect(told[3]?.attempts).toEqual([
      { messageId: 'bm-4', attempt: 1, state: 'failed' },
      { messageId: 'bm-44', attempt: 2, state: 'failed' },
    ]);
  });

  it('are told apart by state', async () => {
    expect((await of(['read', 'queued'])).map((it) => it.contactId)).toEqual(['contact-3', 'contact-5']);
    expect(await of(['accepted'])).toEqual([]);
  });

  it('come by pages', async () => {
    const first = (await listRecipients(view.reader, ask.org, 'b-1', null, { limit: 4 }))!;
    expect(first.checkpoint).toBe(log.at(-1)?.position);
    const rest = (await listRecipients(view.reader, ask.org, 'b-1', null, { limit: 4, after: first.last! }))!;
    expect(rest).toMatchObject({ items: [{ contactId: 'contact-5' }], last: null });
  });

  it('are none of a broadcast that the organization does not have', async () => {
    for (const id of ['b-9', 'nothing'])
      expect(await listRecipients(view.reader, ask.org, id, null, { limit: 10 })).toBeUndefined();
  });
});
