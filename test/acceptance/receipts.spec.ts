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
  getLead,
  getLeadHistory,
  postInteraction,
  postStatus,
  retryWhileUnavailable,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp();

const permutationsOf = <T>(list: readonly T[]): readonly (readonly T[])[] =>
  list.length < 2
    ? [list]
    : list.flatMap((item, index) => permutationsOf(list.toSpliced(index, 1)).map((rest) => [item, ...rest]));

/** A delivery without its ids and recording times, for comparisons between deliveries. */
const comparable = ({ messageId: _, broadcastId: __, timeline, ...rest }: DeliveredMessage): object => ({
  ...rest,
  timeline: timeline.map(({ recordedAt: ___, ...receipt }) => receipt),
});

const error = { code: '131026', detail: 'Not reachable' };

describe('a delivery', () => {
  const receiptsOf = (messageId: string): object[] => [
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

  test('a delivery is the same for every order of receipts, with repetitions, before and after the send', async () => {
    const broadcastId = await postBroadcast(app);
    const orders = permutationsOf([0, 1, 2, 3]);
    const deliveriesPerOrder = await Promise.all(
      orders.map(async (order, index) => {
        const [contactId, messageId] = [uniqueId('contact'), uniqueId('bm')];
        const receipts = order.map((receiptIndex) => receiptsOf(messageId)[receiptIndex]!);
        for (const [step, receipt] of [...receipts, receipts[0]!, null].entries()) {
          if (step === index % 6)
            await retryWhileUnavailable(() => postMessages(app, broadcastId, [{ contactId, messageId }]));
          if (receipt)
            await retryWhileUnavailable(() =>
              postReceipts(app, step % 2 === 0 ? [receipt] : [receipt, receipt, receipts[0]!]),
            );
        }
        return getDeliveries(app, contactId);
      }),
    );
    expect(deliveriesPerOrder).toHaveLength(24);
    expect(deliveriesPerOrder[0]).toMatchObject([expected]);
    for (const deliveries of deliveriesPerOrder)
      expect(deliveries.map(comparable)).toEqual(deliveriesPerOrder[0]!.map(comparable));
  });

  test('a delivery is the same when the send and all receipts arrive concurrently, each receipt twice', async () => {
    const broadcastId = await postBroadcast(app);
    const [contactId, messageId] = [uniqueId('contact'), uniqueId('bm')];
    const receipts = [...receiptsOf(messageId), ...receiptsOf(messageId)];
    const [sent, ...responses] = await Promise.all([
      postMessages(app, broadcastId, [{ contactId, messageId }]),
      ...receipts.map((receipt) => postReceipts(app, [receipt])),
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
  test('receipts that arrive before the send apply once the send is recorded', async () => {
    const messageId = uniqueId('bm');
    expect(batchOutcomes(await postReceipts(app, [receiptBody(messageId, 'delivered', 5)]))).toEqual(['recorded']);
    const { contactId } = await postMessage(app, { messageId });
    expect(await getDeliveries(app, contactId)).toMatchObject([
      { state: 'delivered', milestones: { deliveredAt: timeAtSecond(5) } },
    ]);
  });

  test('receipts that arrive after the lead is lost are recorded and leave the lead unchanged', async () => {
    const { contactId, messageId } = await postMessage(app);
    const { leadId } = await postInteraction(app, { contactId, kind: 'broadcast_reply', inReplyTo: messageId });
    const { lead } = await postStatus(app, leadId, 'lost');
    const { position: after } = (await postReceipts(app, [receiptBody(messageId, 'read', 9)])).body;
    expect(await getAllItems(app, `/v1/leads/${leadId}/broadcasts`, { after })).toMatchObject([
      { messageId, state: 'read' },
    ]);
    expect(await getLead(app, leadId, after)).toEqual(lead);
  });

  test('receipts of a retry leave the failed attempt unchanged, and the recipient has the best attempt’s state', async () => {
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
    const deliveries = await getDeliveries(app, contactId);
    expect(deliveries.map(({ attempt, state, error }) => [attempt, state, error?.code ?? null]).toSorted()).toEqual([
      [1, 'failed', '131049'],
      [2, 'delivered', null],
    ]);
  });

  test('a read receipt implies delivered, without inventing a time', async () => {
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

  test('the history shows a message’s receipts within its one entry, at the time of the send', async () => {
    const sentAt = timeAtSecond(0);
    const { contactId, messageId } = await postMessage(app, { sentAt });
    await postReceipts(app, [receiptBody(messageId, 'read', 30), receiptBody(messageId, 'sent', 1)]);
    const { leadId, position: after } = await postInteraction(app, { contactId });
    for (const entries of [
      await getLeadHistory(app, leadId, { after }),
      await getContactHistory(app, contactId, { after }),
    ]) {
      const messageEntries = entries.filter((entry) => JSON.stringify(entry.data).includes(messageId));
      expect(messageEntries).toMatchObject([
        { type: 'MessageSent', occurredAt: sentAt, summary: 'Broadcast "Spring" via whatsapp: read' },
      ]);
      expect(messageEntries[0]?.data).toMatchObject({ receipts: [{ status: 'read' }, { status: 'sent' }] });
    }
  });

  test('a batch with invalid receipts records the valid ones and names the invalid ones', async () => {
    const { contactId, messageId } = await postMessage(app);
    const valid = receiptBody(messageId, 'sent', 1);
    const response = await postReceipts(app, [
      valid,
      { ...valid, status: 'seen' },
      { ...valid, occurredAt: 'yesterday' },
      { ...valid, occurredAt: '2026-02-30T10:00:00Z' },
      { ...valid, occurredAt: '2026-03-02T10:00:00' },
      { ...valid, messageId: 'x'.repeat(129) },
      { ...valid, channel: 'pigeon' },
      { ...valid, error: { detail: 'no code' } },
      { ...valid, more: 1 },
      null,
      valid,
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

  test('a batch of receipts is rejected if none is valid, if it is empty, or if it has more than 1,000', async () => {
    const response = await postReceipts(app, [{}, 'x']);
    expect(response).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(batchOutcomes(response)).toEqual(['invalid', 'invalid']);
    for (const batch of [[], Array.from({ length: 1_001 }, (_, index) => receiptBody('m', 'sent', index))])
      expect(await postReceipts(app, batch)).toMatchObject({ status: 422, body: { errors: [{ field: 'receipts' }] } });
  });

  test('receipts with the same messageId on two channels belong to two messages', async () => {
    const { contactId, messageId } = await postMessage(app);
    await postReceipts(app, [receiptBody(messageId, 'read', 1, { channel: 'sms' })]);
    expect(await getDeliveries(app, contactId)).toMatchObject([{ state: 'queued' }]);
  });
});

describe('receipts under concurrent load', () => {
  const pickRandom = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)]!;

  interface Attempt {
    readonly messageId: string;
    readonly attempt: number;
    /** The receipts sent so far, without repetitions. */
    readonly receipts: Map<string, object>;
  }
  interface Recipient {
    readonly contactId: string;
    readonly attempts: readonly Attempt[];
    replied: boolean;
  }

  test('the counters match the recipients after concurrent sends, receipts and replies, and after a rebuild', async () => {
    const broadcastId = await postBroadcast(app);
    const expectedRecipients: Recipient[] = Array.from({ length: 30 }, () => ({
      contactId: uniqueId('contact'),
      attempts: Array.from({ length: pickRandom([1, 1, 2, 3]) }, (_, index) => ({
        messageId: uniqueId('bm'),
        attempt: index + 1,
        receipts: new Map<string, object>(),
      })),
      replied: false,
    }));
    const requests: (() => Promise<unknown>)[] = expectedRecipients.flatMap((recipient) => [
      ...recipient.attempts.flatMap(({ messageId, attempt, receipts }) => [
        () =>
          retryWhileUnavailable(() =>
            postMessages(app, broadcastId, [{ contactId: recipient.contactId, messageId, attempt }]),
          ),
        ...Array.from({ length: 6 }, () => {
          const receipt = receiptBody(messageId, pickRandom(receiptStatuses), pickRandom([1, 2, 3]));
          receipts.set(JSON.stringify(receipt), receipt);
          return () => retryWhileUnavailable(() => postReceipts(app, [receipt, ...receipts.values()]));
        }),
      ]),
      async () => {
        if (Math.random() < 0.5) return;
        const { lead } = await postInteraction(app, {
          contactId: recipient.contactId,
          kind: 'broadcast_reply',
        });
        recipient.replied = lead.origin.broadcastId === broadcastId;
      },
    ]);
    const shuffled = requests.map((run) => [Math.random(), run] as const).toSorted(([a], [b]) => a - b);
    const pending = shuffled.map(([, run]) => run).values();
    await Promise.all(
      Array.from({ length: 24 }, async () => {
        for (const run of pending) await run();
      }),
    );

    // The expected states are computed from the requests alone.
    const expectedStates = expectedRecipients.map(({ contactId, attempts, replied }) => {
      const best = selectBestAttempt(
        attempts.map(({ messageId, attempt, receipts }) => ({
          messageId,
          attempt,
          receipts: [...receipts.values()].map((receipt) => {
            const { status, occurredAt: at } = receipt as { status: ReceiptStatus; occurredAt: string };
            return { status, at, timed: true, recordedAt: '', error: null };
          }),
        })),
      )!;
      return { contactId, state: best.delivery.state, progress: computeDeliveryProgress(best.delivery), replied };
    });
    const count = (matches: (recipient: (typeof expectedStates)[number]) => boolean): number =>
      expectedStates.filter(matches).length;
    const counters = {
      recipients: 30,
      sent: count((recipient) => recipient.progress >= 1),
      delivered: count((recipient) => recipient.progress >= 2),
      read: count((recipient) => recipient.progress >= 3),
      failed: count((recipient) => recipient.state === 'failed'),
      replied: count((recipient) => recipient.replied),
    };
    const { position: after } = await postInteraction(app);
    const recipients = await getRecipients(app, broadcastId, { after, limit: 7 });
    const statesOf = (list: readonly { contactId: string; state: string }[]) =>
      list.map(({ contactId, state }) => `${contactId} ${state}`).toSorted();
    expect(statesOf(recipients)).toEqual(statesOf(expectedStates));
    expect((await getBroadcast(app, broadcastId, after)).counters).toEqual(counters);

    const getAllDeliveries = async (): Promise<object[]> => {
      const leads = await getAllItems<{ id: string }>(app, '/v1/leads', { after });
      const paths = leads.map(({ id }) => `/v1/leads/${id}/broadcasts`);
      return Promise.all(paths.map((path) => getAllItems(app, path, { after })));
    };
    const [deliveries, broadcasts] = [await getAllDeliveries(), await getAllItems(app, '/v1/broadcasts', { after })];
    await app.stop();
    await app.wipeViews();
    await app.start();
    expect(await getAllItems(app, '/v1/broadcasts', { after, wait: 30_000 })).toEqual(broadcasts);
    expect(await getRecipients(app, broadcastId, { after, wait: 30_000, limit: 7 })).toEqual(recipients);
    expect(await getAllDeliveries()).toEqual(deliveries);
  });
});
