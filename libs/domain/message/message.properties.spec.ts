import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newReceipt, recordReceipts, recordSend } from '#test/support/given-message';
import { deepFreeze, decisionContextOf, recordDraft, time } from '#test/support/given-when-then';
import { messageDecider, type NewReceipt, type Message, type MessageCommand } from './message.decide.js';
import { computeDelivery } from './message.delivery.js';
import { receiptStatuses, type MessageEvent } from './message.events.js';

describe('Sends and receipts in any order, repeated and batched', () => {
  const someReceipt: fc.Arbitrary<NewReceipt> = fc
    .record({
      status: fc.constantFrom(...receiptStatuses),
      clock: fc.option(fc.constantFrom('09:00', '09:00:01', '10:00', '11:00:30', '13:00'), { nil: null, freq: 5 }),
      code: fc.option(fc.constantFrom('131026', '131049'), { nil: undefined }),
    })
    .map(({ status, clock, code }) => newReceipt(status, clock, code));

  /** Two sequences of the same receipts, shuffled, repeated and cut into batches, with the send at a random position. */
  const twoSequences = fc.array(someReceipt, { maxLength: 8 }).chain((receipts) => {
    const sequence = fc
      .tuple(
        fc.shuffledSubarray(receipts, { minLength: receipts.length }),
        fc.array(fc.constantFrom(...receipts, ...(receipts.length === 0 ? [newReceipt('sent', '09:00')] : [])), {
          maxLength: receipts.length === 0 ? 0 : 8,
        }),
        fc.infiniteStream(fc.boolean()),
        fc.nat(),
      )
      .map(([all, repeats, cuts, sendAt]): readonly MessageCommand[] => {
        const batches: NewReceipt[][] = [];
        for (const receipt of [...all, ...repeats]) {
          const batch = batches.at(-1);
          if (batch && cuts.next().value) batch.push(receipt);
          else batches.push([receipt]);
        }
        const commands: MessageCommand[] = batches.map((batch) => recordReceipts('bm-1', ...batch));
        commands.splice(sendAt % (commands.length + 1), 0, recordSend());
        return commands;
      });
    return fc.tuple(sequence, sequence);
  });

  /** All commands have the same time: recording times are not the subject of these tests. */
  const record = (commands: readonly MessageCommand[]): { state: Message; events: readonly MessageEvent[] } => {
    const conditions = {
      at: time('12:00'),
      actor: { type: 'service', id: 'provider' } as const,
      policy: {},
      backdated: false,
    };
    let state = messageDecider.initialState;
    const events: MessageEvent[] = [];
    for (const command of commands)
      for (const draft of messageDecider.decide(deepFreeze(command), state, decisionContextOf(conditions))) {
        const event = recordDraft(draft, conditions, 'command', events.length + 1) as MessageEvent & { id: string };
        events.push(event);
        state = deepFreeze(messageDecider.evolve(state, event));
      }
    return { state, events };
  };

  it('the delivery does not depend on the order of receipts, and each event after the send contains the recipient', () =>
    fc.assert(
      fc.property(twoSequences, ([first, second]) => {
        const [firstOrder, secondOrder] = [record(first), record(second)];
        expect(computeDelivery(secondOrder.state.receipts)).toStrictEqual(computeDelivery(firstOrder.state.receipts));
        expect(secondOrder.state.recipient).toStrictEqual(firstOrder.state.recipient);
        expect(secondOrder.state.version).toBe(firstOrder.state.version);
        for (const { events, state } of [firstOrder, secondOrder]) {
          const sentAt = events.findIndex((event) => event.type === 'MessageSent');
          const sent = events[sentAt] as Extract<MessageEvent, { type: 'MessageSent' }>;
          const after = events.slice(sentAt + 1);
          expect(after.map((event) => event.data.recipient)).toStrictEqual(after.map(() => sent.data.recipient));
          expect(sent.personal.receipts).toHaveLength(sentAt);
          expect(state.receipts.slice(0, sentAt)).toStrictEqual(sent.personal.receipts);
        }
      }),
      { numRuns: 500 },
    ));

  it('recording all sends and receipts a second time changes nothing', () =>
    fc.assert(
      fc.property(twoSequences, ([first, second]) => {
        const { state } = record(first);
        expect(record([...first, ...second]).state).toStrictEqual(state);
      }),
      { numRuns: 200 },
    ));

  it('a receipt without a time is recorded once per status and code', () => {
    const many = Array.from({ length: 5 }, () => recordReceipts('bm-1', newReceipt('delivered', null)));
    expect(record([...many, recordSend(), ...many]).state).toMatchObject({ version: 2 });
  });
});
