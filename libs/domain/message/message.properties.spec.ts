import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newReceipt, recordReceipts, recordSend } from '#test/support/given-message';
import { deepFreeze, decisionContextOf, recordDraft, time } from '#test/support/given-when-then';
import { messageDecider, type NewReceipt, type Message, type MessageCommand } from './message.decide.js';
import { computeDelivery } from './message.delivery.js';
import { receiptStatuses, type MessageEvent } from './message.events.js';

describe('Whatever the order, the repeats and the batches', () => {
  const someReceipt: fc.Arbitrary<NewReceipt> = fc
    .record({
      status: fc.constantFrom(...receiptStatuses),
      clock: fc.option(fc.constantFrom('09:00', '09:00:01', '10:00', '11:00:30', '13:00'), { nil: null, freq: 5 }),
      code: fc.option(fc.constantFrom('131026', '131049'), { nil: undefined }),
    })
    .map(({ status, clock, code }) => newReceipt(status, clock, code));

  /** The same receipts twice: once each in some order, and again shuffled with repeats, cut into batches, the send anywhere between. */
  const twoWays = fc.array(someReceipt, { maxLength: 8 }).chain((receipts) => {
    const way = fc
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
        for (const it of [...all, ...repeats]) {
          const batch = batches.at(-1);
          if (batch && cuts.next().value) batch.push(it);
          else batches.push([it]);
        }
        const commands: MessageCommand[] = batches.map((batch) => recordReceipts('bm-1', ...batch));
        commands.splice(sendAt % (commands.length + 1), 0, recordSend());
        return commands;
      });
    return fc.tuple(way, way);
  });

  /** All of it is told within one moment of ours: what was recorded when is not what this is about. */
  const told = (commands: readonly MessageCommand[]): { state: Message; events: readonly MessageEvent[] } => {
    const now = {
      at: time('12:00'),
      actor: { type: 'service', id: 'provider' } as const,
      policy: {},
      backdated: false,
    };
    let state = messageDecider.initialState;
    const events: MessageEvent[] = [];
    for (const command of commands)
      for (const draft of messageDecider.decide(deepFreeze(command), state, decisionContextOf(now))) {
        const event = recordDraft(draft, now, 'command', events.length + 1) as MessageEvent & { id: string };
        events.push(event);
        state = deepFreeze(messageDecider.evolve(state, event));
      }
    return { state, events };
  };

  it('a message comes out the same, and each event tells by itself whom it concerns', () =>
    fc.assert(
      fc.property(twoWays, ([one, other]) => {
        const [first, second] = [told(one), told(other)];
        expect(computeDelivery(second.state.receipts)).toStrictEqual(computeDelivery(first.state.receipts));
        expect(second.state.recipient).toStrictEqual(first.state.recipient);
        expect(second.state.version).toBe(first.state.version);
        for (const { events, state } of [first, second]) {
          const sentAt = events.findIndex((it) => it.type === 'MessageSent');
          const sent = events[sentAt] as Extract<MessageEvent, { type: 'MessageSent' }>;
          const after = events.slice(sentAt + 1);
          expect(after.map((it) => it.data.recipient)).toStrictEqual(after.map(() => sent.data.recipient));
          expect(sent.personal.receipts).toHaveLength(sentAt);
          expect(state.receipts.slice(0, sentAt)).toStrictEqual(sent.personal.receipts);
        }
      }),
      { numRuns: 500 },
    ));

  it('a second telling of all of it changes nothing', () =>
    fc.assert(
      fc.property(twoWays, ([one, other]) => {
        const { state } = told(one);
        expect(told([...one, ...other]).state).toStrictEqual(state);
      }),
      { numRuns: 200 },
    ));

  it('an untimed receipt counts once for each status and code', () => {
    const many = Array.from({ length: 5 }, () => recordReceipts('bm-1', newReceipt('delivered', null)));
    expect(told([...many, recordSend(), ...many]).state).toMatchObject({ version: 2 });
  });
});
