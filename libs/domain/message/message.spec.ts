import { describe, expect, it } from '@jest/globals';
import { givenMessage, messageKey, newReceipt, recordReceipts, recordSend } from '#test/support/given-message';
import { at, campaign, contactKey, time } from '#test/support/given-when-then';
import { messageDecider, type NewReceipt } from './message.decide.js';
import { selectBestAttempt, computeDelivery, computeDeliveryProgress, type Delivery } from './message.delivery.js';
import { receiptStatuses, type MessageEvent, type Receipt } from './message.events.js';

const recipient = { broadcastId: 'b-1', contactKey, attempt: 1 };
const known = { messageKey: messageKey('bm-1'), channel: 'whatsapp', messageId: 'bm-1' } as const;

/** What a receipt's event holds. */
const receiptRecorded = (of: NewReceipt, now: string, to: typeof recipient | null) => {
  const { status, at: given, error } = of;
  const data = { ...known, recipient: to, status, timed: given !== null, errorCode: error?.code ?? null };
  const personal = { errorDetail: error?.detail ?? null };
  const id = JSON.stringify([status, given, error?.code ?? null]);
  return { type: 'ReceiptRecorded' as const, id, occurredAt: given ?? now, data, personal };
};

describe('Recording a send', () => {
  const sent = {
    type: 'MessageSent' as const,
    id: 'sent',
    occurredAt: time('12:00'),
    data: {
      ...known,
      recipient,
      campaign,
      template: { name: 'template_one', language: 'en', category: 'marketing' },
    },
    personal: { contactId: 'contact-1', parameters: null, receipts: [] as readonly Receipt[] },
  };

  it('is one fact, with the recipient, and the campaign and template as they are then', () =>
    givenMessage().when(recordSend()).then(sent));

  it('is at its own time, and keeps its parameters', () =>
    givenMessage()
      .when(recordSend({ sentAt: time('11:00'), parameters: ['One', 2] }))
      .then({ ...sent, occurredAt: time('11:00'), personal: { ...sent.personal, parameters: ['One', 2] } }));

  it('is refused when it lies more than 5 minutes ahead', () => {
    givenMessage()
      .when(recordSend({ sentAt: time('12:05:00.001') }))
      .thenInvalid('sentAt', 'in_future');
    givenMessage()
      .when(recordSend({ sentAt: time('12:05') }))
      .then({ ...sent, occurredAt: time('12:05') });
  });

  it('brings along the receipts that came before it', () => {
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

  it('again changes nothing, whatever else is told of it then', () => {
    for (const again of [
      recordSend(),
      recordSend({ attempt: 2 }),
      recordSend({ sentAt: time('08:00') }),
      recordSend({ parameters: ['Two'] }),
    ])
      givenMessage(recordSend(), recordReceipts('bm-1', newReceipt('sent', '09:00')))
        .when(again)
        .thenNothing();
  });

  it('is refused when the message went to somebody else, or belongs to another broadcast', () => {
    const another = { ...recordSend().broadcast, id: 'b-2' };
    for (const wrong of [recordSend({ contactKey: 'c2' }), recordSend({ broadcast: another })])
      givenMessage(recordSend()).when(wrong).thenRefused('message_exists', { messageId: 'bm-1' });
  });
});

describe('Recording receipts', () => {
  const delivered = newReceipt('delivered', '11:30');
  const now = time('12:00');

  it('is one fact for each, at the provider’s time, of a message that nobody knows yet', () => {
    const failed = newReceipt('failed', '11:40', '131026');
    givenMessage()
      .when(recordReceipts('bm-1', delivered, failed))
      .then(receiptRecorded(delivered, now, null), receiptRecorded(failed, now, null));
  });

  it('tells whom the message went to once that is known', () =>
    givenMessage(recordSend())
      .when(recordReceipts('bm-1', delivered))
      .then(receiptRecorded(delivered, now, recipient)));

  it('changes nothing when they came before, and takes each of a batch once', () => {
    givenMessage(recordReceipts('bm-1', delivered)).when(recordReceipts('bm-1', delivered)).thenNothing();
    givenMessage(recordReceipts('bm-1', delivered), recordSend())
      .when(recordReceipts('bm-1', delivered, delivered))
      .thenNothing();
    givenMessage()
      .when(recordReceipts('bm-1', delivered, delivered))
      .then(receiptRecorded(delivered, now, null));
  });

  it('knows them by status, time and error code, not by the words of the error', () => {
    const failed = newReceipt('failed', '11:30', '131026');
    const reworded = { ...failed, error: { code: '131026', detail: 'In other words' } };
    givenMessage(recordReceipts('bm-1', failed)).when(recordReceipts('bm-1', reworded)).thenNothing();
    for (const other of [newReceipt('failed', '11:31', '131026'), newReceipt('failed', '11:30', '131047'), delivered])
      givenMessage(recordReceipts('bm-1', failed))
        .when(recordReceipts('bm-1', other))
        .then(receiptRecorded(other, now, null));
    const sent = newReceipt('sent', '11:30');
    givenMessage(recordReceipts('bm-1', delivered))
      .when(recordReceipts('bm-1', sent))
      .then(receiptRecorded(sent, now, null));
  });

  it('gives our time to those without one, which are known without it', () => {
    const untimed = newReceipt('delivered', null);
    givenMessage()
      .when(recordReceipts('bm-1', untimed))
      .then(receiptRecorded(untimed, now, null));
    givenMessage(recordReceipts('bm-1', untimed)).when(recordReceipts('bm-1', untimed)).thenNothing();
    givenMessage(recordReceipts('bm-1', untimed))
      .when(recordReceipts('bm-1', delivered))
      .then(receiptRecorded(delivered, now, null));
  });

  it('keeps those from before the send and from the future: a provider’s clock is its own', () => {
    for (const clock of ['2020-01-01T00:00:00.000Z', '2035-01-01T00:00:00.000Z'])
      givenMessage(recordSend())
        .when(recordReceipts('bm-1', newReceipt('read', clock)))
        .then(receiptRecorded(newReceipt('read', clock), now, recipient));
  });
});

describe('A message as folded', () => {
  it('has its recipient and its receipts, and counts its events', () => {
    const { state } = givenMessage(recordSend(), recordReceipts('bm-1', newReceipt('delivered', '08:00')));
    const delivered = { status: 'delivered', at: time('08:00'), timed: true, recordedAt: time('09:01'), error: null };
    expect(state).toStrictEqual({ recipient, receipts: [delivered], version: 2 });
  });

  it('skips what it does not know', () => {
    const stranger = { type: 'SomethingElse', data: {}, meta: {} } as unknown as MessageEvent & { id: string };
    expect(messageDecider.evolve(messageDecider.initialState, stranger)).toBe(messageDecider.initialState);
  });
});

/** What these receipts make of a message, in the order given. */
const deliveryAfter = (...receipts: readonly NewReceipt[]): Delivery =>
  computeDelivery(givenMessage(recordSend(), recordReceipts('bm-1', ...receipts)).state.receipts);

describe('A delivery', () => {
  const [queued, accepted, sent, failed, delivered, read] = receiptStatuses.map((status, nth) =>
    newReceipt(status, `10:0${nth}`, status === 'failed' ? '131026' : undefined),
  ) as [NewReceipt, NewReceipt, NewReceipt, NewReceipt, NewReceipt, NewReceipt];
  const never = {
    queuedAt: null,
    sentAt: null,
    deliveredAt: null,
    deliveredImplied: false,
    readAt: null,
    failedAt: null,
  };

  it('without a receipt is queued, with no time made up', () =>
    expect(deliveryAfter()).toStrictEqual({
      state: 'queued',
      milestones: never,
      conflict: false,
      error: null,
      timeline: [],
    }));

  it('is at the highest rank ever seen', () => {
    const all = [queued, accepted, sent, failed, delivered, read];
    for (const [nth, highest] of all.entries())
      for (const lower of all.slice(0, nth + 1)) {
        expect(deliveryAfter(highest, lower).state).toBe(highest.status);
        expect(deliveryAfter(lower, highest).state).toBe(highest.status);
      }
  });

  it('has the earliest time of each milestone', () =>
    expect(
      deliveryAfter(newReceipt('read', '10:30'), read, newReceipt('delivered', '10:20'), delivered).milestones,
    ).toEqual({
      ...never,
      deliveredAt: delivered.at,
      readAt: read.at,
    }));

  it('has a milestone for all but acceptance', () =>
    expect(deliveryAfter(queued, accepted, sent, failed, delivered, read).milestones).toStrictEqual({
      queuedAt: queued.at,
      sentAt: sent.at,
      deliveredAt: delivered.at,
      deliveredImplied: false,
      readAt: read.at,
      failedAt: failed.at,
    }));

  it('that never failed has no conflict', () =>
    expect(deliveryAfter(sent, delivered, read)).toMatchObject({ state: 'read', conflict: false, error: null }));

  it('that was read was delivered, though nobody said when', () => {
    expect(deliveryAfter(read).milestones).toEqual({ ...never, deliveredImplied: true, readAt: read.at });
    expect(deliveryAfter(read, delivered).milestones).toMatchObject({ deliveredImplied: false });
    expect(deliveryAfter(delivered).milestones).toMatchObject({ deliveredImplied: false });
  });

  it('that failed stays so when it is said to be sent later', () =>
    expect(deliveryAfter(failed, newReceipt('sent', '11:00'))).toMatchObject({
      state: 'failed',
      conflict: false,
      timeline: [{ status: 'failed' }, { status: 'sent' }],
    }));

  it('that arrived and failed, in whichever order, has arrived, with the conflict flagged and the error kept', () => {
    for (const arrived of [delivered, read])
      for (const receipts of [
        [arrived, failed],
        [failed, arrived],
      ]) {
        const delivery = deliveryAfter(...receipts);
        expect(delivery).toMatchObject({ state: arrived.status, conflict: true, error: { code: '131026' } });
        expect(delivery.timeline.map((it) => it.error?.code)).toContain('131026');
      }
  });

  it('has the error of its latest failure', () => {
    const late = newReceipt('failed', '10:59', '131049');
    for (const receipts of [
      [late, failed],
      [failed, late],
    ])
      expect(deliveryAfter(...receipts).error).toEqual({ code: '131049', detail: 'Detail of 131049' });
    expect(deliveryAfter(newReceipt('sent', '10:00', 'deferred')).error).toBeNull();
  });

  it('tells every receipt by when it happened, with when it was recorded', () => {
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

  it('tells what happened at one time by rank, then by code', () => {
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

  it('progresses with what is implied: read within delivered within sent', () => {
    const progress = (...receipts: readonly NewReceipt[]): number =>
      computeDeliveryProgress(deliveryAfter(...receipts));
    expect([queued, accepted, failed].map((it) => progress(it))).toEqual([0, 0, 0]);
    expect([sent, delivered, read].map((it) => progress(it))).toEqual([1, 2, 3]);
    expect(progress(sent, failed)).toBe(1);
    expect(progress(delivered, failed)).toBe(2);
  });
});

describe('The attempt that counts for a recipient', () => {
  const attempt = (nth: number, ...receipts: readonly NewReceipt[]) => ({
    messageId: `bm-${nth}`,
    attempt: nth,
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

  it('is the one that got farthest', () => {
    expect(best(attempt(1, failed), attempt(2, sent, delivered))).toEqual([2, 'delivered']);
    expect(best(attempt(1, delivered), attempt(2, sent))).toEqual([1, 'delivered']);
  });

  it('is a failed one only where all failed', () => {
    expect(best(attempt(1, failed), attempt(2))).toEqual([2, 'queued']);
    expect(best(attempt(1, sent), attempt(2, failed))).toEqual([1, 'sent']);
    expect(best(attempt(1, failed), attempt(2, failed))).toEqual([2, 'failed']);
  });

  it('is the latest of those that got equally far', () =>
    expect(best(attempt(1, sent), attempt(3, sent), attempt(2, sent))).toEqual([3, 'sent']));

  it('does not depend on what was known first, even when two attempts have one number', () => {
    const [one, other] = [attempt(1, sent), { ...attempt(1, sent), messageId: 'bm-9' }];
    for (const known of [
      [one, other],
      [other, one],
    ])
      expect(selectBestAttempt(known)?.attempt).toBe(other);
  });

  it('is none where nothing was sent', () => expect(selectBestAttempt([])).toBeUndefined());
});
