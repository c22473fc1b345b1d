import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { givenMessage, newReceipt, recordReceipts, recordSend, template } from '#test/support/given-message';
import * as commands from '#test/support/given-when-then';
import { mergeIntoLog, openTestView } from '#test/support/view-harness';
import { broadcastDeliveryView } from './broadcast-delivery.projection.js';
import { countDeliveries, listDeliveries } from './broadcast-delivery.query.js';

const sent = (messageId: string, clock: string, contactKey = commands.contactKey) =>
  givenMessage(
    commands.at(clock, recordSend({ messageId, contactKey, parameters: ['One'] })),
    recordReceipts(messageId, newReceipt('delivered', '11:00')),
  ).events;
const log = mergeIntoLog(
  sent('bm-1', '08:00'),
  sent('bm-3', '10:00'),
  sent('bm-2', '09:00'),
  sent('bm-9', '09:00', 'c9'),
  commands.given(commands.opened, commands.lost, commands.secondInteraction).events,
);

let view: Awaited<ReturnType<typeof openTestView>>;
beforeAll(async () => {
  view = await openTestView(broadcastDeliveryView, log);
});
afterAll(() => view.close());

describe('Broadcast delivery query', () => {
  it('lists, for each lead, all broadcast messages to its contact, newest first, with their delivery state', async () => {
    const { body: _, ...templateWithoutBody } = template;
    for (const lead of [commands.leadId(1), commands.leadId(2)]) {
      const page = (await listDeliveries(view.reader, commands.org, lead, { limit: 10 }))!;
      expect(page.items.map(({ messageId }) => messageId)).toEqual(['bm-3', 'bm-2', 'bm-1']);
      expect(page.items[0]).toMatchObject({
        broadcastId: 'b-1',
        campaign: commands.campaign,
        template: templateWithoutBody,
        channel: 'whatsapp',
        attempt: 1,
        parameters: ['One'],
        state: 'delivered',
        milestones: { deliveredAt: commands.time('11:00') },
      });
      expect(await countDeliveries(view.reader, lead)).toBe(3);
    }
  });

  it('pages through the broadcast messages of a lead', async () => {
    const firstPage = (await listDeliveries(view.reader, commands.org, commands.leadId(1), { limit: 2 }))!;
    expect(firstPage).toMatchObject({
      items: [{ messageId: 'bm-3' }, { messageId: 'bm-2' }],
      checkpoint: log.at(-1)?.position,
    });
    const after = firstPage.last!;
    const nextPage = (await listDeliveries(view.reader, commands.org, commands.leadId(1), { limit: 2, after }))!;
    expect(nextPage).toMatchObject({ items: [{ messageId: 'bm-1' }], last: null });
  });

  it('returns no deliveries for a lead that does not exist or belongs to another organization', async () => {
    expect(await listDeliveries(view.reader, commands.org, 'c9-1', { limit: 10 })).toBeUndefined();
    expect(await listDeliveries(view.reader, 'org-2', commands.leadId(1), { limit: 10 })).toBeUndefined();
  });
});
