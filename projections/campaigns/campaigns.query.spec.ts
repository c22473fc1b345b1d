import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createBroadcast,
  givenBroadcast,
  givenMessage,
  newReceipt,
  recordReceipts,
  recordSend,
} from '#test/support/given-message';
import * as commands from '#test/support/given-when-then';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { campaignsView } from './campaigns.projection.js';
import { countBroadcasts, countRecipients, listBroadcasts, listRecipients, loadBroadcast } from './campaigns.query.js';

const created = (broadcastId: string, clock: string) =>
  givenBroadcast(commands.at(clock, createBroadcast({ broadcastId }))).events;
const sent = (number: number, clock: string, ...receipts: readonly ReturnType<typeof newReceipt>[]) => {
  const messageId = `bm-${number}`;
  const message = recordSend({ messageId, contactKey: `c${number}`, contactId: `contact-${number}` });
  return givenMessage(commands.at(clock, message), recordReceipts(messageId, ...receipts)).events;
};
const secondAttempt = recordSend({ messageId: 'bm-44', contactKey: 'c4', contactId: 'contact-4', attempt: 2 });
const reply = commands.given(
  commands.broadcast({ contactKey: 'c3' }),
  commands.interaction({ contactKey: 'c3', kind: 'broadcast_reply', inReplyTo: 'bm-1' }),
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
  givenMessage(commands.at('09:20', secondAttempt), recordReceipts('bm-44', newReceipt('failed', '09:30', '131026')))
    .events,
  reply,
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(campaignsView, log);
});
afterAll(() => view.close());

const counters = { recipients: 5, sent: 3, delivered: 2, read: 1, failed: 1, replied: 1 };
const noRecipients = { recipients: 0, sent: 0, delivered: 0, read: 0, failed: 0, replied: 0 };

describe('Broadcasts query', () => {
  it('lists the broadcasts of an organization, newest first, with counts of their recipients', async () => {
    const { items, checkpoint } = await listBroadcasts(view.reader, commands.org, { limit: 10 });
    expect(items.map(({ id }) => id)).toEqual(['b-2', 'b-3', 'b-1']);
    expect(items.map((broadcast) => broadcast.counters)).toEqual([noRecipients, noRecipients, counters]);
    expect(checkpoint).toBe(log.at(-1)?.position);
    expect(await countBroadcasts(view.reader, commands.org)).toBe(3);
  });

  it('pages through broadcasts', async () => {
    const firstPage = await listBroadcasts(view.reader, commands.org, { limit: 2 });
    const nextPage = await listBroadcasts(view.reader, commands.org, { limit: 2, after: firstPage.last! });
    expect(nextPage).toMatchObject({ items: [{ id: 'b-1' }], last: null });
  });

  it('loads a broadcast only for its own organization', async () => {
    const { type: _, broadcastId: id, ...data } = createBroadcast();
    const expected = { id, ...data, createdAt: commands.time('08:00'), counters };
    expect(await loadBroadcast(view.reader, commands.org, 'b-1')).toEqual(expected);
    for (const otherId of ['b-9', 'nothing'])
      expect(await loadBroadcast(view.reader, commands.org, otherId)).toBeUndefined();
  });
});

describe('Recipients query', () => {
  const recipientsIn = async (states: Parameters<typeof listRecipients>[3]) => {
    const page = (await listRecipients(view.reader, commands.org, 'b-1', states, { limit: 10 }))!;
    expect(await countRecipients(view.reader, commands.org, 'b-1', states)).toBe(page.items.length);
    return page.items;
  };

  it('lists the recipients of a broadcast in order of their first send, with their attempts and replies', async () => {
    const recipients = await recipientsIn(null);
    expect(recipients.map(({ contactId }) => contactId)).toEqual([1, 2, 3, 4, 5].map((number) => `contact-${number}`));
    expect(recipients.map(({ state }) => state)).toEqual(['sent', 'delivered', 'read', 'failed', 'queued']);
    expect(recipients.map(({ repliedLeadId }) => repliedLeadId)).toEqual([null, null, 'c3-1', null, null]);
    expect(recipients[3]?.attempts).toEqual([
      { messageId: 'bm-4', attempt: 1, state: 'failed' },
      { messageId: 'bm-44', attempt: 2, state: 'failed' },
    ]);
  });

  it('filters the recipients of a broadcast by state', async () => {
    const recipients = await recipientsIn(['read', 'queued']);
    expect(recipients.map(({ contactId }) => contactId)).toEqual(['contact-3', 'contact-5']);
    expect(await recipientsIn(['accepted'])).toEqual([]);
  });

  it('pages through the recipients of a broadcast', async () => {
    const firstPage = (await listRecipients(view.reader, commands.org, 'b-1', null, { limit: 4 }))!;
    expect(firstPage.checkpoint).toBe(log.at(-1)?.position);
    const nextPage = (await listRecipients(view.reader, commands.org, 'b-1', null, {
      limit: 4,
      after: firstPage.last!,
    }))!;
    expect(nextPage).toMatchObject({ items: [{ contactId: 'contact-5' }], last: null });
  });

  it('returns no recipients for a broadcast that does not exist or belongs to another organization', async () => {
    for (const id of ['b-9', 'nothing'])
      expect(await listRecipients(view.reader, commands.org, id, null, { limit: 10 })).toBeUndefined();
  });
});
