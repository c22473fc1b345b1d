import { describe, expect, it } from '@jest/globals';
import { givenMessage, messageKey, newReceipt, recordReceipts, recordSend } from '#test/support/given-message';
import { at, campaign, contactKey, time } from '#test/support/given-when-then';
import { messageDecider, type NewReceipt } from './message.decide.js';
import { selectBestAttempt, computeDelivery, computeDeliveryProgress, type Delivery } from './message.delivery.js';
import { receiptStatuses, type MessageEvent, type Receipt } from './message.events.js';

const recipient = { broadcastId: 'b-1', contactKey, attempt: 1 };
const message = { messageKey: messageKey('bm-1'), channel: 'whatsapp', messageId: 'bm-1' } as const;

const receiptRecorded = (receipt: NewReceipt, now: string, to: typeof recipient | null) => {
  const { status, at: providerTime, error } = receipt;
  const data = { ...message, recipient: to, status, timed: providerTime !== null, errorCode: error?.code ?? null };
  const personal = { errorDetail: error?.detail ?? null };
  const id = JSON.stringify([status, providerTime, error?.code ?? null]);
  return { type: 'ReceiptRecorded' as const, id, occurredAt: providerTime ?? now, data, personal };
};

describe('RecordSend', () => {
  const sent = {
    type: 'MessageSent' as const,
    id: 'sent',
    occurredAt: time('12:00'),
    data: {
      ...message,
      recipient,
      campaign,
      template: { name: 'template_one', language: 'en', category: 'marketing' },
    },
    personal: { contactId: 'contact-1', parameters: null, receipts: [] as readonly Receipt[] },
  };

  it('a send is recorded as one event with its recipient, campaign and template', () =>
    givenMessage().when(recordSend()).then(sent));

  it('a send has its own time and its parameters', () =>
    givenMessage()
      .when(recordSend({ sentAt: time('11:00'), parameters: ['One', 2] }))
      .then({ ...sent, occurredAt: time('11:00'), personal: { ...sent.personal, parameters: ['One', 2] } }));

  it('rejects a send more than 5 minutes in the future', () => {
    givenMessage()
      .when(recordSend({ sentAt: time('12:05:00.001') }))
      .thenInvalid('sentAt', 'in_future');
    givenMessage()
      .when(recordSend({ sentAt: time('12:05') }))
      .then({ ...sent, occurredAt: time('12:05') });
  });

  it('a send contains the receipts that were recorded before it', () => {
    const early = recordReceipts('bm-1', newReceipt('delivered', '09:30'), newReceipt('failed', '09:20', '131026'));
    givenMessage(at('10:00', early))
      .when(recordSend())
      .then({
        ...sent,
        personal: {
          ...sent.personal,
          receipts: [
            { status: 'delivered', at: time('09:30'), timed: true, recordedAt: time('10:00'), error: null },
            {
              status: 'failed',
              at: time('09:20'),
              timed: true,
              recordedAt: time('10:00'),
              error: { code: '131026', detail: 'Detail of 131026' },
            },
          ],
        },
      });
  });

  it('a repeated send does nothing, even with other values', () => {
    for (const repeated of [
      recordSend(),
      recordSend({ attempt: 2 }),
      recordSend({ sentAt: time('08:00') }),
      recordSend({ parameters: ['Two'] }),
    ])
      givenMessage(recordSend(), recordReceipts('bm-1', newReceipt('sent', '09:00')))
        .when(repeated)
        .thenNothing();
  });

  it('rejects a send whose message id was used for another recipient or broadcast', () => {
    const another = { ...recordSend().broadcast, id: 'b-2' };
    for (const wrong of [recordSend({ contactKey: 'c2' }), recordSend({ broadcast: another })])
      givenMessage(recordSend()).when(wrong).thenRefused('message_exists', { messageId: 'bm-1' });
  });
});

describe('RecordReceipts', () => {
  const delivered = newReceipt('delivered', '11:30');
  const now = time('12:00');

  it('each receipt is an event at the provider’s time, even before the send is recorded', () => {
    const failed = newReceipt('failed', '11:40', '131026');
    givenMessage()
      .when(recordReceipts('bm-1', delivered, failed))
      .then(receiptRecorded(delivered, now, null), receiptRecorded(failed, now, null));
  });

  it('a receipt after the send contains the recipient', () =>
    givenMessage(recordSend())
      .when(recordReceipts('bm-1', delivered))
      .then(receiptRecorded(delivered, now, recipient)));

  it('a repeated receipt does nothing, and each receipt of a batch is recorded once', () => {
    givenMessage(recordReceipts('bm-1', delivered)).when(recordReceipts('bm-1', delivered)).thenNothing();
    givenMessage(recordReceipts('bm-1', delivered), recordSend())
      .when(recordReceipts('bm-1', delivered, delivered))
      .thenNothing();
    givenMessage()
      .when(recordReceipts('bm-1', delivered, delivered))
      .then(receiptRecorded(delivered, now, null));
  });

  it('receipts are the same if status, time and error code are equal, whatever the error’s description', () => {
    const failed = newReceipt('failed', '11:30', '131026');
    const reworded = { ...failed, error: { code: '131026', detail: 'Another description' } };
    givenMessage(recordReceipts('bm-1', failed)).when(recordReceipts('bm-1', reworded)).thenNothing();
    for (const receipt of [newReceipt('failed', '11:31', '131026'), newReceipt('failed', '11:30', '131047'), delivered])
      givenMessage(recordReceipts('bm-1', failed))
        .when(recordReceipts('bm-1', receipt))
        .then(receiptRecorded(receipt, now, null));
    const sent = newReceipt('sent', '11:30');
    givenMessage(recordReceipts('bm-1', delivered))
      .when(recordReceipts('bm-1', sent))
      .then(receiptRecorded(sent, now, null));
  });

  it('a receipt without a time gets the command’s time, which does not distinguish it from others', () => {
    const untimed = newReceipt('delivered', null);
    givenMessage()
      .when(recordReceipts('bm-1', untimed))
      .then(receiptRecorded(untimed, now, null));
    givenMessage(recordReceipts('bm-1', untimed)).when(recordReceipts('bm-1', untimed)).thenNothing();
    givenMessage(recordReceipts('bm-1', untimed))
      .when(recordReceipts('bm-1', delivered))
      .then(receiptRecorded(delivered, now, null));
  });

  it('accepts receipts from before the send and from the future, because the provider’s clock may be wrong', () => {
    for (const clock of ['2020-01-01T00:00:00.000Z', '2035-01-01T00:00:00.000Z'])
      givenMessage(recordSend())
        .when(recordReceipts('bm-1', newReceipt('read', clock)))
        .then(receiptRecorded(newReceipt('read', clock), now, recipient));
  });
});

describe('The fold of a message', () => {
  it('a message has its recipient and receipts and counts its events', () => {
    const { state } = givenMessage(recordSend(), recordReceipts('bm-1', newReceipt('delivered', '08:00')));
    const delivered = { status: 'delivered', at: time('08:00'), timed: true, recordedAt: time('09:01'), error: null };
    expect(state).toStrictEqual({ recipient, receipts: [delivered], version: 2 });
  });

  it('the fold of a message ignores unknown events', () => {
    const unknownEvent = { type: 'SomethingElse', data: {}, meta: {} } as unknown as MessageEvent & { id: string };
    expect(messageDecider.evolve(messageDecider.initialState, unknownEvent)).toBe(messageDecider.initialState);
  });
});

const deliveryAfter = (...receipts: readonly NewReceipt[]): Delivery =>
  computeDelivery(givenMessage(recordSend(), recordReceipts('bm-1', ...receipts)).state.receipts);

describe('computeDelivery', () => {
  const [queued, accepted, sent, failed, delivered, read] = receiptStatuses.map((status, rank) =>
    newReceipt(status, `10:0${rank}`, status === 'failed' ? '131026' : undefined),
  ) as [NewReceipt, NewReceipt, NewReceipt, NewReceipt, NewReceipt, NewReceipt];
  const never = {
    queuedAt: null,
    sentAt: null,
    deliveredAt: null,
    deliveredImplied: false,
    readAt: null,
    failedAt: null,
  };

  it('a message without receipts is queued, without any times', () =>
    expect(deliveryAfter()).toStrictEqual({
      state: 'queued',
      milestones: never,
      conflict: false,
      error: null,
      timeline: [],
    }));

  it('the delivery state is the highest status that any receipt reported', () => {
    const all = [queued, accepted, sent, failed, delivered, read];
    for (const [rank, highest] of all.entries())
      for (const lower of all.slice(0, rank + 1)) {
        expect(deliveryAfter(highest, lower).state).toBe(highest.status);
        expect(deliveryAfter(lower, highest).state).toBe(highest.status);
      }
  });

  it('each delivery milestone has the earliest time of its receipts', () =>
    expect(
      deliveryAfter(newReceipt('read', '10:30'), read, newReceipt('delivered', '10:20'), delivered).milestones,
    ).toEqual({
      ...never,
      deliveredAt: delivered.at,
      readAt: read.at,
    }));

  it('every delivery status except accepted has a milestone', () =>
    expect(deliveryAfter(queued, accepted, sent, failed, delivered, read).milestones).toStrictEqual({
      queuedAt: queued.at,
      sentAt: sent.at,
      deliveredAt: delivered.at,
      deliveredImplied: false,
      readAt: read.at,
      failedAt: failed.at,
    }));

  it('a delivery without failures has no conflict', () =>
    expect(deliveryAfter(sent, delivered, read)).toMatchObject({ state: 'read', conflict: false, error: null }));

  it('a message that was read counts as delivered, without a time', () => {
    expect(deliveryAfter(read).milestones).toEqual({ ...never, deliveredImplied: true, readAt: read.at });
    expect(deliveryAfter(read, delivered).milestones).toMatchObject({ deliveredImplied: false });
    expect(deliveryAfter(delivered).milestones).toMatchObject({ deliveredImplied: false });
  });

  it('a failed message stays failed if a later receipt reports it as sent', () =>
    expect(deliveryAfter(failed, newReceipt('sent', '11:00'))).toMatchObject({
      state: 'failed',
      conflict: false,
      timeline: [{ status: 'failed' }, { status: 'sent' }],
    }));

  it('a message that was both delivered and failed counts as delivered, with a conflict and the error, in any order', () => {
    for (const arrived of [delivered, read])
      for (const receipts of [
        [arrived, failed],
        [failed, arrived],
      ]) {
        const delivery = deliveryAfter(...receipts);
        expect(delivery).toMatchObject({ state: arrived.status, conflict: true, error: { code: '131026' } });
        expect(delivery.timeline.map((entry) => entry.error?.code)).toContain('131026');
      }
  });

  it('the delivery error is that of the latest failure', () => {
    const late = newReceipt('failed', '10:59', '131049');
    for (const receipts of [
      [late, failed],
      [failed, late],
    ])
      expect(deliveryAfter(...receipts).error).toEqual({ code: '131049', detail: 'Detail of 131049' });
    expect(deliveryAfter(newReceipt('sent', '10:00', 'deferred')).error).toBeNull();
  });

  it('the delivery timeline has every receipt in chronological order, with its recording time', () => {
    const { state } = givenMessage(
      at('11:00', recordReceipts('bm-1', read)),
      at('11:10', recordReceipts('bm-1', sent, failed)),
    );
    expect(computeDelivery(state.receipts).timeline).toEqual([
      { status: 'sent', occurredAt: sent.at, recordedAt: time('11:10'), error: null },
      { status: 'failed', occurredAt: failed.at, recordedAt: time('11:10'), error: failed.error },
      { status: 'read', occurredAt: read.at, recordedAt: time('11:00'), error: null },
    ]);
  });

  it('receipts with the same time are ordered by rank, then by error code', () => {
    const inOrder = [
      newReceipt('sent', '10:00'),
      newReceipt('sent', '10:00', '30001'),
      newReceipt('sent', '10:00', '30002'),
      newReceipt('failed', '10:00', '30001'),
      newReceipt('read', '10:00'),
    ];
    const [a, b, c, d, e] = inOrder as [NewReceipt, NewReceipt, NewReceipt, NewReceipt, NewReceipt];
    for (const arrived of [inOrder, inOrder.toReversed(), [c, a, e, b, d], [b, d, a, e, c]])
      expect(deliveryAfter(...arrived).timeline.map(({ status, error }) => [status, error?.code])).toEqual(
        inOrder.map(({ status, error }) => [status, error?.code]),
      );
  });

  it('delivery progress counts implied milestones: read implies delivered, delivered implies sent', () => {
    const progress = (...receipts: readonly NewReceipt[]): number =>
      computeDeliveryProgress(deliveryAfter(...receipts));
    expect([queued, accepted, failed].map((receipt) => progress(receipt))).toEqual([0, 0, 0]);
    expect([sent, delivered, read].map((receipt) => progress(receipt))).toEqual([1, 2, 3]);
    expect(progress(sent, failed)).toBe(1);
    expect(progress(delivered, failed)).toBe(2);
  });
});

describe('selectBestAttempt', () => {
  const attempt = (number: number, ...receipts: readonly NewReceipt[]) => ({
    messageId: `bm-${number}`,
    attempt: number,
    receipts: givenMessage(recordReceipts('bm-1', ...receipts)).state.receipts,
  });
  const [failed, sent, delivered] = [
    newReceipt('failed', '10:00', '131049'),
    newReceipt('sent', '10:00'),
    newReceipt('delivered', '10:01'),
  ] as const;
  const best = (...attempts: readonly ReturnType<typeof attempt>[]) => {
    const found = selectBestAttempt(attempts);
    expect(selectBestAttempt(attempts.toReversed())).toEqual(found);
    return [found?.attempt.attempt, found?.delivery.state];
  };

  it('the best attempt is the one with the highest status', () => {
    expect(best(attempt(1, failed), attempt(2, sent, delivered))).toEqual([2, 'delivered']);
    expect(best(attempt(1, delivered), attempt(2, sent))).toEqual([1, 'delivered']);
  });

  it('the best attempt is a failed one only if all failed', () => {
    expect(best(attempt(1, failed), attempt(2))).toEqual([2, 'queued']);
    expect(best(attempt(1, sent), attempt(2, failed))).toEqual([1, 'sent']);
    expect(best(attempt(1, failed), attempt(2, failed))).toEqual([2, 'failed']);
  });

  it('the best attempt is the latest of several with the same status', () =>
    expect(best(attempt(1, sent), attempt(3, sent), attempt(2, sent))).toEqual([3, 'sent']));

  it('the best attempt does not depend on the order, even if two attempts have the same number', () => {
    const [first, second] = [attempt(1, sent), { ...attempt(1, sent), messageId: 'bm-9' }];
    for (const attempts of [
      [first, second],
      [second, first],
    ])
      expect(selectBestAttempt(attempts)?.attempt).toBe(second);
  });

  it('there is no best attempt without attempts', () => expect(selectBestAttempt([])).toBeUndefined());
});
