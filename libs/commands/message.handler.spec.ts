import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { refuse } from '#domain/refusal';
import { Unavailable, type EventStore } from '#event-store/event-store';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { buildCommandContext } from './command-context.js';
import { DeciderService, StreamBusy } from './decider-service.js';
import { IdKey } from './id-key.js';
import { deriveMessageKey, messageStream } from './ids.js';
import { IdempotencyService } from './idempotency-service.js';
import { MessageCommandMessage, MessageHandler, type ReceiptInput } from './message.handler.js';

const secret = 'a secret of sixteen';
const folder = mkdtempSync(join(tmpdir(), 'message-handler-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let log: SqliteLog;
let logs = 0;
beforeEach(() => {
  log = SqliteLog.open({ file: join(folder, `${(logs += 1)}.db`) });
});
afterEach(() => log.close());

const streamOf = (messageId: string): string =>
  messageStream('default', deriveMessageKey(secret, 'default', 'whatsapp', messageId));

/** The log, except that the first appends to one stream fail. Counts the appends to that stream. */
class FlakyStore {
  attempts = 0;
  readonly events: EventStore;

  constructor(stream: string, failures: number, error: Error = new Unavailable('overloaded')) {
    const { events } = log;
    const read: EventStore['read'] = (...args) => events.read(...args);
    const append: EventStore['append'] = (name, ...args) => {
      if (name === stream && ++this.attempts <= failures) return Promise.reject(error);
      return events.append(name, ...args);
    };
    this.events = { start: events.start, read, append } as Partial<EventStore> as EventStore;
  }
}

async function recordReceipts(events: EventStore, receipts: readonly ReceiptInput[]) {
  const now = (): string => '2026-03-02T12:00:00.000Z';
  const handler = new MessageHandler(
    new DeciderService(events, now),
    new IdempotencyService(log.responses, now),
    new IdKey(secret),
    events,
  );
  const context = buildCommandContext({
    org: 'default',
    actor: { type: 'service', id: 'test' },
    now: now(),
    correlation: 'c',
  });
  const items = receipts.map((item) => ({ item }));
  const { response } = await handler.execute(new MessageCommandMessage({ type: 'RecordReceipts', items }, context));
  return (response.body as { results: { index: number; outcome: string; code?: string }[] }).results;
}

const receipt = (messageId: string, status: ReceiptInput['status'] = 'delivered'): ReceiptInput => ({
  channel: 'whatsapp',
  messageId,
  status,
  at: '2026-03-02T11:00:00.000Z',
  error: null,
});

describe('MessageHandler', () => {
  it('records all receipts of a batch even if the first append of one message fails', async () => {
    const store = new FlakyStore(streamOf('m-100'), 1);
    const receipts = Array.from({ length: 200 }, (_, index) => receipt(`m-${index}`));
    const results = await recordReceipts(store.events, receipts);
    expect(results).toEqual(receipts.map((_, index) => ({ index, outcome: 'recorded' })));
    expect(store.attempts).toBe(2);
    for (const { messageId } of receipts) expect(await log.events.read(streamOf(messageId), 0, 10)).toHaveLength(1);
  });

  it('records several receipts of one message in one append, even if the append is retried', async () => {
    const store = new FlakyStore(streamOf('m-100'), 2);
    const receipts = Array.from({ length: 200 }, (_, index) => receipt(`m-${index}`));
    receipts.splice(110, 0, receipt('m-100', 'read'), receipt('m-100', 'read'));
    const results = await recordReceipts(store.events, receipts);
    const outcomes = results.map(({ outcome }) => outcome);
    expect(outcomes[111]).toBe('duplicate');
    expect(outcomes.toSpliced(111, 1)).toEqual(Array.from({ length: 201 }, () => 'recorded'));
    expect(store.attempts).toBe(3);
    const stored = await log.events.read(streamOf('m-100'), 0, 10);
    expect(stored.map(({ data }) => data)).toMatchObject([{ status: 'delivered' }, { status: 'read' }]);
  });

  it('a batch of receipts fails if the store stays unreachable', async () => {
    const store = new FlakyStore(streamOf('m-1'), Infinity);
    await expect(recordReceipts(store.events, [receipt('m-1'), receipt('m-1', 'read')])).rejects.toThrow(Unavailable);
  });

  it('retries the receipts of a message that loses its races while others are recorded', async () => {
    const store = new FlakyStore(streamOf('m-1'), 1, refuse('conflict', {}));
    const results = await recordReceipts(store.events, [receipt('m-1'), receipt('m-2'), receipt('m-1', 'read')]);
    expect(results).toEqual([0, 1, 2].map((index) => ({ index, outcome: 'recorded' })));
    expect(store.attempts).toBe(2);
  });

  it('fails the batch as busy, and calls no receipt invalid, when a message keeps losing its races', async () => {
    const store = new FlakyStore(streamOf('m-1'), Infinity, refuse('conflict', {}));
    const receipts = [receipt('m-1'), receipt('m-2'), receipt('m-1', 'read')];
    await expect(recordReceipts(store.events, receipts)).rejects.toThrow(StreamBusy);
  });

  it('reports a refusal for each receipt of the message without deciding again', async () => {
    const store = new FlakyStore(streamOf('m-1'), Infinity, refuse('not_found', { what: 'lead' }));
    const results = await recordReceipts(store.events, [receipt('m-1'), receipt('m-2'), receipt('m-1', 'read')]);
    expect(results.map(({ outcome, code }) => [outcome, code])).toEqual([
      ['invalid', 'not_found'],
      ['recorded', undefined],
      ['invalid', 'not_found'],
    ]);
    expect(store.attempts).toBe(1);
  });
});
