import { describe, expect, test } from '@jest/globals';
import {
  createBroadcastSteps,
  createAgentSteps,
  createDeactivationStep,
  createLife,
  sampleMs,
} from './demo.generator.js';

const end = Date.parse('2026-06-30T15:30:00.000Z');
const lives = Array.from({ length: 300 }, (_, nth) => createLife(1, nth + 1, end));
const all = lives.flatMap(({ steps }) => steps);
const many = (type: string): number => all.filter(({ command: ask }) => ask.type === type).length;

describe('a life', () => {
  test('is the same for the same seed, number and end', () => {
    expect(createLife(1, 17, end)).toEqual(createLife(1, 17, end));
    expect(createLife(2, 17, end)).not.toEqual(createLife(1, 17, end));
  });

  test('goes forward, and no further than its end', () => {
    for (const { steps } of lives) {
      const times = steps.map(({ at }) => at);
      expect(times).toEqual(times.toSorted());
      expect(times.every((at) => Date.parse(at) <= end)).toBe(true);
    }
  });

  test('begins with a message of the contact, or with one to it', () => {
    const first = new Set(lives.map(({ steps }) => steps[0]?.command.type));
    expect(first).toEqual(new Set(['RecordInteraction', 'SendBroadcast', 'ReceiveReceipts']));
  });
});

test('the first contact begins exactly when the sample does, with the same message whenever that is', () => {
  const [first, later] = [createLife(1, 1, end).steps[0], createLife(1, 1, end + 12_345_678).steps[0]];
  expect(Date.parse(first!.at)).toBe(end - sampleMs);
  expect(later?.command).toEqual(first?.command);
});

describe('a campaign', () => {
  const sent = all.flatMap(({ command: ask }) => (ask.type === 'SendBroadcast' ? ask : []));
  const receipts = all.flatMap(({ command: ask }) => (ask.type === 'ReceiveReceipts' ? ask.receipts : []));

  test('is one of two, announced before anything is sent', () => {
    const ids = createBroadcastSteps(1, end).map(({ command: ask }) => ask.broadcastId);
    expect(new Set(sent.map((it) => it.broadcastId))).toEqual(new Set(ids));
    expect(createBroadcastSteps(1, end).every(({ at }) => Date.parse(at) < end - sampleMs)).toBe(true);
  });

  test('has messages with ids of their own, and receipts of nothing else', () => {
    const ids = new Set(sent.map((it) => it.messageId));
    expect(ids.size).toBe(sent.length);
    expect(receipts.every((it) => ids.has(it.messageId))).toBe(true);
  });

  test('has receipts that come early, twice, out of order, after a failure, and for a second attempt', () => {
    const told = (is: (own: typeof receipts) => boolean): boolean =>
      sent.some(({ messageId }) => is(receipts.filter((it) => it.messageId === messageId)));
    const after = (one: string, another: string) => (own: typeof receipts) =>
      own.findIndex((it) => it.status === one) > own.findIndex((it) => it.status === another) &&
      own.some((it) => it.status === another);
    expect(told(after('sent', 'delivered'))).toBe(true);
    expect(told(after('delivered', 'failed'))).toBe(true);
    expect(told((own) => new Set(own.map((it) => it.status)).size < own.length)).toBe(true);
    expect(lives.some(({ steps }) => steps[0]?.command.type === 'ReceiveReceipts')).toBe(true);
    expect(new Set(sent.map((it) => it.contactId)).size).toBeLessThan(sent.length);
  });

  test('is answered by naming its message', () => {
    const ids = new Set(sent.map((it) => it.messageId));
    const named = all.filter(({ command: ask }) => ask.type === 'RecordInteraction' && ids.has(ask.inReplyTo ?? ''));
    expect(named.length).toBeGreaterThan(10);
  });
});

test('everybody joins before the first message, and the one who leaves does so at the end', () => {
  expect(createAgentSteps(1, end).every(({ at }) => Date.parse(at) < end - sampleMs)).toBe(true);
  expect(createDeactivationStep(1, end).at).toBe(new Date(end).toISOString());
});

test('a sample has some of everything', () => {
  const types = ['RecordInteraction', 'RecordOutboundMessage', 'AssignAgent', 'ChangeStatus', 'RecordAiResult'];
  const followUps = ['CreateFollowUp', 'RescheduleFollowUp', 'CompleteFollowUp', 'CancelFollowUp'];
  expect([...types, ...followUps, 'UnpinScore'].filter((type) => many(type) === 0)).toEqual([]);
  const said = all.flatMap(({ command: ask }) => (ask.type === 'RecordInteraction' ? ask : []));
  expect(said.some((it) => it.text === 'STOP')).toBe(true);
  expect(said.some((it) => it.occurredAt !== null)).toBe(true);
  expect(new Set(said.map((it) => it.channel)).size).toBe(8);
  expect(new Set(said.map((it) => it.messageId)).size).toBe(said.length);
  expect(new Set(lives.map(({ person }) => person.language)).size).toBe(14);
});
