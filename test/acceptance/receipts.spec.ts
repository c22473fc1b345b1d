import { describe, expect, test } from '@jest/globals';
import { receiptStatuses, type ReceiptStatus } from '#domain/message/message.events';
import { selectBestAttempt, computeDeliveryProgress } from '#domain/message/message.delivery';
import type { DeliveredMessage } from '#projections/broadcast-delivery/broadcast-delivery.query';
import { setupApp } from '../support/app.js';
import {
  postBroadcast,
  postMessage,
  getBroadcast,
  getDeliveries,
  batchOutcomes,
  receiptBody,
  postReceipts,
  getRecipients,
  timeAtSecond,
  postMessages,
} from '../support/broadcast-steps.js';
import {
  getAllItems,
  getContactHistory,
  getLeadHistory,
  retryWhileUnavailable,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

const app = setupApp();

const ordersOf = <T>(list: readonly T[]): readonly (readonly T[])[] =>
  list.length < 2 ? [list] : list.flatMap((item, index) => ordersOf(list.toSpliced(index, 1)).map((rest) => [item, ...rest]));

/** All that is said of a delivery but when we wrote it. */
const essence = ({ messageId: _, broadcastId: __, timeline, ...rest }: DeliveredMessage): object => ({
  ...rest,
  timeline: timeline.map(({ recordedAt: ___, ...receipt }) => receipt),
});

const error = { code: '131026', detail: 'Not reachable' };

describe('a delivery is the same', () => {
  const said = (messageId: string): object[] => [
    receiptBody(messageId, 'sent', 1),
    receiptBody(messageId, 'failed', 2, { error }),
    receiptBody(messageId, 'delivered', 3),
    receiptBody(messageId, 'read', 4),
  ];
  const expected = {
    state: 'read',
    milestones: {
      sentAt: timeAtSecond(1),
      failedAt: timeAtSecond(2),
      deliveredAt: timeAtSecond(3),
      readAt: timeAtSecond(4),
      deliveredImplied: false,
    },
    conflict: true,
    error,
    timeline: [{ status: 'sent' }, { status: 'failed', error }, { status: 'delivered' }, { status: 'read' }],
  };

  test('in every order of its receipts, with repeats, before, between and after the send', async () => {
    const broadcastId = await postBroadcast(app);
    const orders = ordersOf([0, 1, 2, 3]);
    const told = await Promise.all(
      orders.map(async (order, index) => {
        const [contactId, messageId] = [uniqueId('contact'), uniqueId('bm')];
        const receipts = order.map((receiptIndex) => said(messageId)[receiptIndex]!);
        for (const [at, receipt] of [...receipts, receipts[0]!, null].entries()) {
          if (at === index % 6)
            await retryWhileUnavailable(() => postMessages(app, broadcastId, [{ contactId, messageId }]));
          if (receipt) await retryWhileUnavailable(() => postReceipts(app, at % 2 === 0 ? [receipt] : [receipt, receipt, receipts[0]!]));
        }
        return getDeliveries(app, contactId);
      }),
    );
    expect(told).toHaveLength(24);
    expect(told[0]).toMatchObject([expected]);
    for (const deliveries of told) expect(deliveries.map(essence)).toEqual(told[0]!.map(essence));
  });

  test('when all of it comes at once, each twice', async () => {
    const broadcastId = await postBroadcast(app);
    const [contactId, messageId] = [uniqueId('contact'), uniqueId('bm')];
    const all = [...said(messageId), ...said(messageId)];
    const [sent, ...responses] = await Promise.all([
      postMessages(app, broadcastId, [{ contactId, messageId }]),
      ...all.map((receipt) => postReceipts(app, [receipt])),
    ]);
    expect(sent.status).toBe(200);
    expect(responses.flatMap(batchOutcomes).toSorted()).toEqual([
      ...Array<string>(4).fill('duplicate'),
      ...Array<string>(4).fill('recorded'),
    ]);
    expect(await getDeliveries(app, contactId)).toMatchObject([expected]);
  });
});

describe('receipts', () => {
  test('that come before the send wait for it', async () => {
    const messageId = uniqueId('bm');
    expect(batchOutcomes(await postReceipts(app, [receiptBody(messageId, 'delivered', 5)]))).toEqual(['recorded']);
    const { contactId } = await postMessage(app, { messageId });
    expect(await getDeliveries(app, contactId)).toMatchObject([
      { state: 'delivered', milestones: { deliveredAt: timeAtSecond(5) } },
    ]);
  });

  test('that come after the lead is lost are recorded, and leave it as it is', async () => {
    const { contactId, messageId } = await postMessage(app);
    const { leadId } = await postInteraction(app, { contactId, kind: 'broadcast_reply', inReplyTo: messageId });
    const { lead } = await postStatus(app, leadId, 'lost');
    const { position: after } = (await postReceipts(app, [receiptBody(messageId, 'read', 9)])).body;
    expect(await getAllItems(app, `/v1/leads/${leadId}/broadcasts`, { after })).toMatchObject([
      { messageId, state: 'read' },
    ]);
    const now = await app.get(`/v1/leads/${leadId}`, { after });
    expect(now.body).toEqual(lead);
  });

  test('of a retry leave the failed attempt as it was: the recipient is as far as the best one', async () => {
    const { contactId, messageId: first, broadcastId } = await postMessage(app);
    await postReceipts(app, [
      receiptBody(first, 'sent', 1),
      receiptBody(first, 'failed', 2, { error: { code: '131049' } }),
    ]);
    const { messageId: second } = await postMessage(app, { broadcastId, contactId });
    const { position: after } = (await postReceipts(app, [receiptBody(second, 'delivered', 60)])).body;
    expect(await getRecipients(app, broadcastId, { after })).toEqual([
      {
        contactId,
        state: 'delivered',
        attempts: [
          { messageId: first, attempt: 1, state: 'failed' },
          { messageId: second, attempt: 2, state: 'delivered' },
        ],
        repliedLeadId: null,
      },
    ]);
    expect(await getBroadcast(app, broadcastId, after)).toMatchObject({
      counters: { recipients: 1, sent: 1, delivered: 1, read: 0, failed: 0 },
    });
    const shown = await getDeliveries(app, contactId);
    expect(shown.map(({ attempt, state, error: why }) => [attempt, state, why?.code ?? null]).toSorted()).toEqual([
      [1, 'failed', '131049'],
      [2, 'delivered', null],
    ]);
  });

  test('that say read imply delivered, with no time made up', async () => {
    const { contactId, messageId, broadcastId } = await postMessage(app);
    const { position: after } = (await postReceipts(app, [receiptBody(messageId, 'read', 7)])).body;
    expect(await getDeliveries(app, contactId)).toMatchObject([
      {
        state: 'read',
        milestones: { sentAt: null, deliveredAt: null, deliveredImplied: true, readAt: timeAtSecond(7) },
      },
    ]);
    expect(await getBroadcast(app, broadcastId, after)).toMatchObject({ counters: { sent: 1, delivered: 1, read: 1 } });
  });

  test('stand inside the one entry of their message in the history, at the time of its send', async () => {
    const sentAt = timeAtSecond(0);
    const { contactId, messageId } = await postMessage(app, { sentAt });
    await postReceipts(app, [receiptBody(messageId, 'read', 30), receiptBody(messageId, 'sent', 1)]);
    const { leadId, position: after } = await postInteraction(app, { contactId });
    for (const entries of [
      await getLeadHistory(app, leadId, { after }),
      await getContactHistory(app, contactId, { after }),
    ]) {
      const about = entries.filter((entry) => JSON.stringify(entry.data).includes(messageId));
      expect(about).toMatchObject([
        { type: 'MessageSent', occurredAt: sentAt, summary: 'Broadcast of Spring by whatsapp: read' },
      ]);
      expect(about[0]?.data).toMatchObject({ receipts: [{ status: 'read' }, { status: 'sent' }] });
    }
  });

  test('the bad ones are named beside the good', async () => {
    const { contactId, messageId } = await postMessage(app);
    const good = receiptBody(messageId, 'sent', 1);
    const response = await postReceipts(app, [
      good,
      { ...good, status: 'seen' },
      { ...good, occurredAt: 'yesterday' },
      { ...good, occurredAt: '2026-02-30T10:00:00Z' },
      { ...good, occurredAt: '2026-03-02T10:00:00' },
      { ...good, messageId: 'x'.repeat(129) },
      { ...good, channel: 'pigeon' },
      { ...good, error: { detail: 'no code' } },
      { ...good, more: 1 },
      null,
      good,
      receiptBody(messageId, 'delivered', 2),
    ]);
    expect(response.status).toBe(207);
    expect(batchOutcomes(response)).toEqual(['recorded', ...Array<string>(9).fill('invalid'), 'duplicate', 'recorded']);
    const details = response.body.results.map((result) => ('detail' in result ? result.detail : ''));
    expect(details[1]).toContain(receiptStatuses.join(', '));
    expect(details.slice(2, 9).map((detail) => detail.split(' ')[0])).toEqual([
      'occurredAt',
      'occurredAt',
      'occurredAt',
      'messageId',
      'channel',
      'error.code',
      'more',
    ]);
    expect(await getDeliveries(app, contactId)).toMatchObject([{ state: 'delivered' }]);
  });

  test('are refused when none is good, or when they are none or too many', async () => {
    const bad = await postReceipts(app, [{}, 'x']);
    expect(bad).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(batchOutcomes(bad)).toEqual(['invalid', 'invalid']);
    for (const batch of [[], Array.from({ length: 1_001 }, (_, index) => receiptBody('m', 'sent', index))])
      expect(await postReceipts(app, batch)).toMatchObject({ status: 422, body: { errors: [{ field: 'receipts' }] } });
  });

  test('of one id on two channels are of two messages', async () => {
    const { contactId, messageId } = await postMessage(app);
    await postReceipts(app, [receiptBody(messageId, 'read', 1, { channel: 'sms' })]);
    expect(await getDeliveries(app, contactId)).toMatchObject([{ state: 'queued' }]);
  });
});

describe('under parallel load', () => {
  const any = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)]!;

  interface Sent {
    readonly contactId: string;
    readonly attempts: { readonly messageId: string; readonly attempt: number; readonly said: Map<string, object> }[];
    replied: boolean;
  }

  test('the counters are those of the recipients, and a rebuild makes the same of the log', async () => {
    const broadcastId = await postBroadcast(app);
    const sent: Sent[] = Array.from({ length: 30 }, () => ({
      contactId: uniqueId('contact'),
      attempts: Array.from({ length: any([1, 1, 2, 3]) }, (_, index) => ({
        messageId: uniqueId('bm'),
        attempt: index + 1,
        said: new Map<string, object>(),
      })),
      replied: false,
    }));
    const work: (() => Promise<unknown>)[] = sent.flatMap((one) => [
      ...one.attempts.flatMap(({ messageId, attempt, said }) => [
        () =>
          retryWhileUnavailable(() =>
            postMessages(app, broadcastId, [{ contactId: one.contactId, messageId, attempt }]),
          ),
        ...Array.from({ length: 6 }, () => {
          const it = receiptBody(messageId, any(receiptStatuses), any([1, 2, 3]));
          said.set(JSON.stringify(it), it);
          return () => retryWhileUnavailable(() => postReceipts(app, [it, ...said.values()]));
        }),
      ]),
      async () => {
        if (Math.random() < 0.5) return;
        const { lead } = await postInteraction(app, {
          ...one,
          attempts: undefined,
          replied: undefined,
          kind: 'broadcast_reply',
        });
        one.replied = lead.origin.broadcastId === broadcastId;
      },
    ]);
    const order = work.map((run) => [Math.random(), run] as const).toSorted(([a], [b]) => a - b);
    const waiting = order.map(([, run]) => run).values();
    await Promise.all(
      Array.from({ length: 24 }, async () => {
        for (const run of waiting) await run();
      }),
    );

    // Counted by hand from what was said.
    const byHand = sent.map(({ contactId, attempts, replied }) => {
      const best = selectBestAttempt(
        attempts.map(({ messageId, attempt, said }) => ({
          messageId,
          attempt,
          receipts: [...said.values()].map((receipt) => {
            const { status, occurredAt: at } = receipt as { status: ReceiptStatus; occurredAt: string };
            return { status, at, timed: true, recordedAt: '', error: null };
          }),
        })),
      )!;
      return { contactId, state: best.delivery.state, progress: computeDeliveryProgress(best.delivery), replied };
    });
    const many = (is: (recipient: (typeof byHand)[number]) => boolean): number => byHand.filter(is).length;
    const counters = {
      recipients: 30,
      sent: many((recipient) => recipient.progress >= 1),
      delivered: many((recipient) => recipient.progress >= 2),
      read: many((recipient) => recipient.progress >= 3),
      failed: many((recipient) => recipient.state === 'failed'),
      replied: many((recipient) => recipient.replied),
    };
    const { position: after } = await postInteraction(app);
    const recipients = await getRecipients(app, broadcastId, { after, limit: 7 });
    const statesOf = (list: readonly { contactId: string; state: string }[]) =>
      list.map(({ contactId, state }) => `${contactId} ${state}`).toSorted();
    expect(statesOf(recipients)).toEqual(statesOf(byHand));
    expect((await getBroadcast(app, broadcastId, after)).counters).toEqual(counters);

    const messages = async (): Promise<object[]> => {
      const leads = await getAllItems<{ id: string }>(app, '/v1/leads', { after });
      const paths = leads.map(({ id }) => `/v1/leads/${id}/broadcasts`);
      return Promise.all(paths.map((path) => getAllItems(app, path, { after })));
    };
    const [deliveries, broadcasts] = [await messages(), await getAllItems(app, '/v1/broadcasts', { after })];
    await app.stop();
    await app.wipeViews();
    await app.start();
    expect(await getAllItems(app, '/v1/broadcasts', { after, wait: 30_000 })).toEqual(broadcasts);
    expect(await getRecipients(app, broadcastId, { after, wait: 30_000, limit: 7 })).toEqual(recipients);
    expect(await messages()).toEqual(deliveries);
  });
});
