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
import * as commands from '#test/support/given-when-then';
import { broadcastKey, campaignsView, type BroadcastRow, type RecipientRow } from './campaigns.projection.js';

const recipientOf = (events: readonly RecordedEvent[]): RecipientRow | undefined =>
  projectRows<RecipientRow>(campaignsView, 'recipients', events).get(`${commands.org}/b-1/${commands.contactKey}`);
const columnsOf = (events: readonly RecordedEvent[]): Record<string, unknown> =>
  projectColumns(campaignsView, 'recipients', recipientOf(events)!);

/** The events in the stream of one attempt. */
const attempt = (number: number, ...receipts: readonly ReturnType<typeof newReceipt>[]): readonly RecordedEvent[] =>
  givenMessage(recordSend({ messageId: `bm-${number}`, attempt: number }), recordReceipts(`bm-${number}`, ...receipts))
    .events;

describe('Campaigns view', () => {
  it('stores a row for each broadcast, with its campaign and template', () => {
    const { events } = givenBroadcast(commands.at('09:00', createBroadcast()));
    const { type: _, broadcastId: id, ...data } = createBroadcast();
    const row = projectRows<BroadcastRow>(campaignsView, 'broadcasts', events).get(broadcastKey(commands.org, 'b-1'));
    expect(row).toEqual({ org: commands.org, id, ...data, createdAt: commands.time('09:00') });
  });

  it('stores one row for a recipient with several attempts, with the state of the best attempt', () => {
    const failed = attempt(1, newReceipt('sent', '09:00'), newReceipt('failed', '09:01', '131049'));
    expect(columnsOf(failed)).toMatchObject({ state: getStatusRank('failed'), progress: 1 });
    const retried = [...failed, ...attempt(2, newReceipt('delivered', '10:00'))];
    const attempts = recipientOf(retried)?.attempts.map(({ messageId, receipts }) => [messageId, receipts.length]);
    expect(attempts).toEqual([['bm-1', 2], ['bm-2', 1]]); // prettier-ignore
    expect(columnsOf(retried)).toMatchObject({ state: getStatusRank('delivered'), progress: 2 });
  });

  it('stores the time of a recipient’s first send, even if a later send was recorded first', () => {
    const sentAtAfter = (...clocks: readonly string[]) => {
      const sends = clocks.map((clock, index) =>
        recordSend({ messageId: `bm-${index}`, sentAt: commands.time(clock) }),
      );
      return recipientOf(sends.flatMap((send) => givenMessage(send).events))?.sentAt;
    };
    expect(sentAtAfter('08:00', '08:30')).toBe(commands.time('08:00'));
    expect(sentAtAfter('08:30', '08:00')).toBe(commands.time('08:00'));
  });

  it('counts a recipient without receipts as queued and not yet sent', () =>
    expect(columnsOf(attempt(1))).toMatchObject({ state: getStatusRank('queued'), progress: 0, replied: 0 }));

  it('counts a recipient with only a read receipt as sent and delivered too', () =>
    expect(columnsOf(attempt(1, newReceipt('read', '09:00')))).toMatchObject({ progress: 3 }));

  it('computes the same recipient state in whatever order attempts and receipts are recorded', () => {
    const randomReceipts = fc.array(
      fc.tuple(fc.constantFrom(...receiptStatuses), fc.constantFrom('09:00', '09:30', '10:00')),
      { maxLength: 4 },
    );
    const attempts = fc
      .array(randomReceipts, { minLength: 1, maxLength: 3 })
      .map((receiptsOfAttempts) =>
        receiptsOfAttempts.map((receipts, index) =>
          attempt(index + 1, ...receipts.map(([status, at]) => newReceipt(status, at))),
        ),
      );
    const interleaved = attempts.chain((streams) =>
      fc.array(fc.nat({ max: 9 }), { minLength: 15, maxLength: 15 }).map((picks) => {
        const remaining = streams.map((stream) => [...stream]);
        const events: RecordedEvent[] = [];
        for (const pick of picks) {
          const nonEmpty = remaining.filter((stream) => stream.length > 0);
          const next = nonEmpty[pick % Math.max(1, nonEmpty.length)]?.shift();
          if (next) events.push(next);
        }
        return { inOrder: streams.flat(), mixed: [...events, ...remaining.flat()] };
      }),
    );
    fc.assert(
      fc.property(interleaved, ({ inOrder, mixed }) => expect(columnsOf(mixed)).toEqual(columnsOf(inOrder))),
      { numRuns: 200 },
    );
  });

  it('stores the lead of the recipient’s first interaction that is attributed to the broadcast', () => {
    const reply = commands.interaction({ kind: 'broadcast_reply', inReplyTo: 'bm-1' });
    const secondReply = commands.interaction({ kind: 'broadcast_reply', inReplyTo: 'bm-1', messageId: 'm-3' });
    const { events } = commands.given(commands.broadcast(), reply, commands.lost, secondReply);
    const row = recipientOf([...attempt(1), ...events]);
    expect(row?.repliedLeadId).toBe(commands.leadId(1));
    expect(projectColumns(campaignsView, 'recipients', row!)).toMatchObject({ replied: 1 });
  });

  it('does not count an interaction as a reply unless it is attributed to the broadcast', () => {
    const { events } = commands.given(commands.broadcast(), commands.opened);
    expect(recipientOf([...attempt(1), ...events])?.repliedLeadId).toBeNull();
  });

  it('stores no row for a recipient who only has a reply, or only a receipt recorded before the send', () => {
    const { events } = commands.given(commands.broadcast(), commands.interaction({ kind: 'broadcast_reply' }));
    expect(recipientOf(events)).toBeUndefined();
    expect(recipientOf(givenMessage(recordReceipts('bm-1', newReceipt('read', '09:00'))).events)).toBeUndefined();
  });
});
