import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#domain/event';
import type { MessageCommand } from '#domain/message/message.decide';
import { computeDelivery } from '#domain/message/message.delivery';
import { projectRows } from '#test/support/project-rows';
import { givenMessage, messageKey, newReceipt, recordReceipts, recordSend } from '#test/support/given-message';
import * as commands from '#test/support/given-when-then';
import { broadcastDeliveryView, type MessageRow } from './broadcast-delivery.projection.js';

const rowOf = (events: readonly RecordedEvent[]): MessageRow | undefined =>
  projectRows<MessageRow>(broadcastDeliveryView, 'messages', events).get(messageKey('bm-1'));

const [sent, delivered] = [newReceipt('sent', '09:00'), newReceipt('delivered', '09:05')];

describe('Broadcast delivery view', () => {
  it('stores a row for a sent message, with its campaign and template at the time of sending', () => {
    const { events } = givenMessage(commands.at('09:00', recordSend({ parameters: ['One'], attempt: 2 })));
    expect(rowOf(events)).toEqual({
      org: commands.org,
      contactKey: commands.contactKey,
      messageId: 'bm-1',
      broadcastId: 'b-1',
      campaign: commands.campaign,
      template: { name: 'template_one', language: 'en', category: 'marketing' },
      channel: 'whatsapp',
      attempt: 2,
      parameters: ['One'],
      recordedSentAt: commands.time('09:00'),
      receipts: [],
    });
  });

  it('stores no row for receipts recorded before the send, and includes them in the row once the send is recorded', () => {
    expect(rowOf(givenMessage(recordReceipts('bm-1', delivered)).events)).toBeUndefined();
    const { events } = givenMessage(recordReceipts('bm-1', delivered), recordSend(), recordReceipts('bm-1', sent));
    expect(computeDelivery(rowOf(events)?.receipts ?? [])).toMatchObject({
      state: 'delivered',
      milestones: { sentAt: sent.at, deliveredAt: delivered.at },
    });
  });

  it('stores no row for a receipt if MessageSent is missing', () => {
    const { events } = givenMessage(recordSend(), recordReceipts('bm-1', sent));
    expect(rowOf(events.filter(({ type }) => type === 'ReceiptRecorded'))).toBeUndefined();
  });

  it('stores all receipts of a message, wherever among them the send was recorded', () => {
    const receipts: readonly MessageCommand[] = [
      sent,
      delivered,
      newReceipt('failed', '09:02', '131026'),
      newReceipt('read', '09:09'),
    ].map((receipt) => recordReceipts('bm-1', receipt));
    for (let index = 0; index <= receipts.length; index++) {
      const { events, state } = givenMessage(...receipts.toSpliced(index, 0, recordSend()));
      expect(rowOf(events)?.receipts).toEqual(state.receipts);
    }
  });

  it('stores a row for each lead, so that a lead shows messages sent before it was opened', () => {
    const { events } = commands.given(commands.broadcast(), commands.opened, commands.lost, commands.secondInteraction);
    const leads = projectRows<{ org: string }>(broadcastDeliveryView, 'leads', events);
    expect([...leads]).toEqual([
      [commands.leadId(1), { org: commands.org }],
      [commands.leadId(2), { org: commands.org }],
    ]);
  });
});
