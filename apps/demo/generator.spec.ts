import { describe, expect, test } from '@jest/globals';
import { createAgentSteps, createBroadcastSteps, createDeactivationStep, createLife, sampleMs } from './generator.js';

const end = Date.parse('2026-06-30T15:30:00.000Z');
const lives = Array.from({ length: 300 }, (_, index) => createLife(1, index + 1, end));
const commands = lives.flatMap(({ steps }) => steps.map(({ command }) => command));
const countOf = (type: string): number => commands.filter((command) => command.type === type).length;

describe('createLife', () => {
  test('createLife returns the same life for the same seed, number and end', () => {
    expect(createLife(1, 17, end)).toEqual(createLife(1, 17, end));
    expect(createLife(2, 17, end)).not.toEqual(createLife(1, 17, end));
  });

  test('createLife returns steps in order of time, none of them after the end', () => {
    for (const { steps } of lives) {
      const times = steps.map(({ at }) => at);
      expect(times).toEqual(times.toSorted());
      expect(times.every((at) => Date.parse(at) <= end)).toBe(true);
    }
  });

  test('createLife begins a life with a message from the contact, a broadcast to it or a receipt', () => {
    const first = new Set(lives.map(({ steps }) => steps[0]?.command.type));
    expect(first).toEqual(new Set(['RecordInteraction', 'SendBroadcast', 'ReceiveReceipts']));
  });

  test('createLife begins the first life exactly when the sample begins, with the same message for every end', () => {
    const [first, later] = [createLife(1, 1, end).steps[0], createLife(1, 1, end + 12_345_678).steps[0]];
    expect(Date.parse(first!.at)).toBe(end - sampleMs);
    expect(later?.command).toEqual(first?.command);
  });
});

describe('the broadcasts of a sample', () => {
  const sent = commands.flatMap((command) => (command.type === 'SendBroadcast' ? command : []));
  const receipts = commands.flatMap((command) => (command.type === 'ReceiveReceipts' ? command.receipts : []));

  test('a sample has two broadcasts, both created before anything is sent', () => {
    const ids = createBroadcastSteps(1, end).map(({ command }) => command.broadcastId);
    expect(new Set(sent.map(({ broadcastId }) => broadcastId))).toEqual(new Set(ids));
    expect(createBroadcastSteps(1, end).every(({ at }) => Date.parse(at) < end - sampleMs)).toBe(true);
  });

  test('the broadcasts of a sample have messages with unique ids, and receipts only for these', () => {
    const ids = new Set(sent.map(({ messageId }) => messageId));
    expect(ids.size).toBe(sent.length);
    expect(receipts.every(({ messageId }) => ids.has(messageId))).toBe(true);
  });

  test('the broadcasts of a sample get receipts early, repeated, out of order, after a failure and for a second attempt', () => {
    const someMessage = (matches: (ofMessage: typeof receipts) => boolean): boolean =>
      sent.some(({ messageId }) => matches(receipts.filter((receipt) => receipt.messageId === messageId)));
    const isAfter = (late: string, early: string) => (ofMessage: typeof receipts) =>
      ofMessage.findIndex(({ status }) => status === late) > ofMessage.findIndex(({ status }) => status === early) &&
      ofMessage.some(({ status }) => status === early);
    expect(someMessage(isAfter('sent', 'delivered'))).toBe(true);
    expect(someMessage(isAfter('delivered', 'failed'))).toBe(true);
    expect(someMessage((ofMessage) => new Set(ofMessage.map(({ status }) => status)).size < ofMessage.length)).toBe(
      true,
    );
    expect(lives.some(({ steps }) => steps[0]?.command.type === 'ReceiveReceipts')).toBe(true);
    expect(new Set(sent.map(({ contactId }) => contactId)).size).toBeLessThan(sent.length);
  });

  test('the broadcasts of a sample get replies that name the message', () => {
    const ids = new Set(sent.map(({ messageId }) => messageId));
    const replies = commands.filter(
      (command) => command.type === 'RecordInteraction' && ids.has(command.inReplyTo ?? ''),
    );
    expect(replies.length).toBeGreaterThan(10);
  });
});

test('all agents of a sample are registered before the first message, and one is deactivated at the end', () => {
  expect(createAgentSteps(1, end).every(({ at }) => Date.parse(at) < end - sampleMs)).toBe(true);
  expect(createDeactivationStep(1, end).at).toBe(new Date(end).toISOString());
});

test('a sample contains every kind of command, channel and language', () => {
  const types = ['RecordInteraction', 'RecordOutboundMessage', 'AssignAgent', 'ChangeStatus', 'RecordAiResult'];
  const followUps = ['CreateFollowUp', 'RescheduleFollowUp', 'CompleteFollowUp', 'CancelFollowUp'];
  expect([...types, ...followUps, 'UnpinScore'].filter((type) => countOf(type) === 0)).toEqual([]);
  const interactions = commands.flatMap((command) => (command.type === 'RecordInteraction' ? command : []));
  expect(interactions.some(({ text }) => text === 'STOP')).toBe(true);
  expect(interactions.some(({ occurredAt }) => occurredAt !== null)).toBe(true);
  expect(new Set(interactions.map(({ channel }) => channel)).size).toBe(8);
  expect(new Set(interactions.map(({ messageId }) => messageId)).size).toBe(interactions.length);
  expect(new Set(lives.map(({ person }) => person.language)).size).toBe(14);
});
