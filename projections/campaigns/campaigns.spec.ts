import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RecordedEvent } from '#domain/event';
import { getStatusRank } from '#domain/message/message.delivery';
import { receiptStatuses } from '#domain/message/message.events';
import { projectColumns, projectRows } from '#test/support/project-rows';
import {
  createBroadcast,
  givenBroadcast,
  givenMessage,
  newReceipt,
  recordReceipts,
  recordSend,
} from '#test/support/given-message';
import * as ask from '#test/support/given-when-then';
import { broadcastKey, campaignsView, type BroadcastRow, type RecipientRow } from './campaigns.projection.js';

const recipientOf = (events: readonly RecordedEvent[]): RecipientRow | undefined =>
  projectRows<RecipientRow>(campaignsView, 'recipients', events).get(`${ask.org}/b-1/${ask.contactKey}`);
const countedAs = (events: readonly RecordedEvent[]): Record<string, unknown> =>
  projectColumns(campaignsView, 'recipients', recipientOf(events)!);

/** An attempt as its own stream tells of it. */
const attempt = (nth: number, ...receipts: readonly ReturnType<typeof newReceipt>[]): readonly RecordedEvent[] =>
  givenMessage(recordSend({ messageId: `bm-${nth}`, attempt: nth }), recordReceipts(`bm-${nth}`, ...receipts)).events;

describe('A broadcast', () => {
  it('is a row with its campaign and template', () => {
    const { events } = givenBroadcast(ask.at('09:00', createBroadcast()));
    const { type: _, broadcastId: id, ...data } = createBroadcast();
    const row = projectRows<BroadcastRow>(campaignsView, 'broadcasts', events).get(broadcastKey(ask.org, 'b-1'));
    expect(row).toEqual({ org: ask.org, id, ...data, createdAt: ask.time('09:00') });
  });
});

describe('A recipient', () => {
  it('is one, however many attempts there were, and counts by the best of them', () => {
    const failed = attempt(1, newReceipt('sent', '09:00'), newReceipt('failed', '09:01', '131049'));
    expect(countedAs(failed)).toMatchObject({ state: getStatusRank('failed'), progress: 1 });
    const retried = [...failed, ...attempt(2, newReceipt('delivered', '10:00'))];
    const attempts = recipientOf(retried)?.attempts.map((it) => [it.messageId, it.receipts.length]);
    expect(attempts).toEqual([['bm-1', 2], ['bm-2', 1]]); // prettier-ignore
    expect(countedAs(retried)).toMatchObject({ state: getStatusRank('delivered'), progress: 2 });
  });

  it('was sent to when its first attempt was, whichever was recorded first', () => {
    const sentAt = (...clocks: readonly string[]) =>
      recipientOf(
        clocks.flatMap(
          (clock, nth) => givenMessage(recordSend({ messageId: `bm-${nth}`, sentAt: ask.time(clock) })).events,
        ),
      )?.sentAt;
    expect(sentAt('08:00', '08:30')).toBe(ask.time('08:00'));
    expect(sentAt('08:30', '08:00')).toBe(ask.time('08:00'));
  });

  it('counts as queued and not yet sent while nothing was heard', () =>
    expect(countedAs(attempt(1))).toMatchObject({ state: getStatusRank('queued'), progress: 0, replied: 0 }));

  it('that read counts as delivered and sent, whatever else was heard', () =>
    expect(countedAs(attempt(1, newReceipt('read', '09:00')))).toMatchObject({ progress: 3 }));

  it('counts the same in whichever order the attempts and their receipts came', () => {
    const someReceipts = fc.array(
      fc.tuple(fc.constantFrom(...receiptStatuses), fc.constantFrom('09:00', '09:30', '10:00')),
      { maxLength: 4 },
    );
    const attempts = fc
      .array(someReceipts, { minLength: 1, maxLength: 3 })
      .map((all) =>
        all.map((receipts, nth) => attempt(nth + 1, ...receipts.map(([status, at]) => newReceipt(status, at)))),
      );
    const interleaved = attempts.chain((streams) =>
      fc.array(fc.nat({ max: 9 }), { minLength: 15, maxLength: 15 }).map((picks) => {
        const rest = streams.map((it) => [...it]);
        const events: RecordedEvent[] = [];
        for (const pick of picks) {
          const some = rest.filter((it) => it.length > 0);
          const next = some[pick % Math.max(1, some.length)]?.shift();
          if (next) events.push(next);
        }
        return { plain: streams.flat(), mixed: [...events, ...rest.flat()] };
      }),
    );
    fc.assert(
      fc.property(interleaved, ({ plain, mixed }) => expect(countedAs(mixed)).toEqual(countedAs(plain))),
      { numRuns: 200 },
    );
  });

  it('has replied with the lead of the first interaction attributed to the broadcast', () => {
    const reply = ask.interaction({ kind: 'broadcast_reply', inReplyTo: 'bm-1' });
    const again = ask.interaction({ kind: 'broadcast_reply', inReplyTo: 'bm-1', messageId: 'm-3' });
    const { events } = ask.given(ask.broadcast(), reply, ask.lost, again);
    const row = recipientOf([...attempt(1), ...events]);
    expect(row?.repliedLeadId).toBe(ask.leadId(1));
    expect(projectColumns(campaignsView, 'recipients', row!)).toMatchObject({ replied: 1 });
  });

  it('has not replied with what answers no broadcast', () => {
    const { events } = ask.given(ask.broadcast(), ask.opened);
    expect(recipientOf([...attempt(1), ...events])?.repliedLeadId).toBeNull();
  });

  it('is not made by a reply, or by a receipt whose message is nobody’s yet', () => {
    const { events } = ask.given(ask.broadcast(), ask.interaction({ kind: 'broadcast_reply' }));
    expect(recipientOf(events)).toBeUndefined();
    expect(recipientOf(givenMessage(recordReceipts('bm-1', newReceipt('read', '09:00'))).events)).toBeUndefined();
  });
});
