import { describe, expect, it } from '@jest/globals';
import { refuse } from '#domain/refusal';
import { Unavailable } from '#event-store/event-store';
import { enableDeadlines, currentDeadline, withDeadline } from '#timing/deadline';
import { sleep } from '#timing/sleep';
import { replayBatch, runBatch, type BatchFacts, type BatchWorkResult } from './batch.js';
import { buildCommandContext } from './command-context.js';
import { KeyedQueue } from './keyed-queue.js';

const context = buildCommandContext({
  org: 'default',
  actor: { type: 'service', id: 'api' },
  now: '2026-03-01T09:00:00.000Z',
  correlation: 'c',
});
const items = Array.from({ length: 1_000 }, (_, item) => ({ item }));

describe('runBatch', () => {
  it('runs 25 batch items at a time and returns the results in input order', async () => {
    let running = 0;
    let maxRunning = 0;
    const {
      response: { body },
    } = await runBatch(items, context, 'p', async (item) => {
      running += 1;
      maxRunning = Math.max(maxRunning, running);
      await sleep(item % 3);
      running -= 1;
      return { outcome: item % 2 ? 'recorded' : 'duplicate', position: 'p' };
    });
    expect(maxRunning).toBe(25);
    expect((body as { results: unknown[] }).results).toEqual(
      items.map(({ item }) => ({ index: item, outcome: item % 2 ? 'recorded' : 'duplicate' })),
    );
  });

  it('starts no further batch items once the store is unreachable', async () => {
    let started = 0;
    const failing = runBatch(items, context, 'p', async () => {
      started += 1;
      await sleep(1);
      throw new Unavailable('away');
    });
    await expect(failing).rejects.toThrow(Unavailable);
    await sleep(20);
    expect(started).toBe(25);
  });

  it('retries a batch item as the same command as long as the store serves other items', async () => {
    const commandIds = new Map<number, string>();
    const {
      response: { body },
    } = await runBatch(items, context, 'p', async (item, { commandId }) => {
      await sleep(item % 3);
      const earlierId = commandIds.get(item);
      expect(earlierId ?? commandId).toBe(commandId);
      commandIds.set(item, commandId);
      if (item % 30 === 2 && earlierId === undefined) throw new Unavailable('overloaded');
      return { outcome: 'recorded', position: 'p' };
    });
    const { results } = body as { results: { outcome: string }[] };
    expect(results.every(({ outcome }) => outcome === 'recorded')).toBe(true);
  });

  it('retries a batch item that failed before any other item was done', async () => {
    let attempts = 0;
    const {
      response: { body },
    } = await runBatch(items.slice(0, 10), context, 'p', async (item) => {
      if (item === 0 && ++attempts === 1) throw new Unavailable('overloaded');
      await sleep(5);
      return { outcome: 'recorded', position: 'p' };
    });
    const { results } = body as { results: { outcome: string }[] };
    expect(results.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 10 }, () => 'recorded'));
    expect(attempts).toBe(2);
  });

  it('keeps serialized batch items in order, even if one of them is retried', async () => {
    const queue = new KeyedQueue();
    const started: number[] = [];
    const work = async (item: number): Promise<BatchWorkResult> => {
      await sleep(1);
      started.push(item);
      if (item === 2 && started.filter((earlier) => earlier === 2).length < 3) throw new Unavailable('overloaded');
      return { outcome: 'recorded', position: 'p' };
    };
    await runBatch(items.slice(0, 40), context, 'p', work, (item, task) => queue.serialize(String(item % 2), task));
    expect(started.filter((item) => item % 2 === 0).slice(0, 5)).toEqual([0, 2, 2, 2, 4]);
  });

  it('a batch fails if the store becomes unreachable in the middle of it', async () => {
    let started = 0;
    const failing = runBatch(items, context, 'p', async () => {
      if (++started > 500) throw new Unavailable('away');
      return { outcome: 'recorded', position: 'p' };
    });
    await expect(failing).rejects.toThrow(Unavailable);
    expect(started).toBeLessThan(800);
  });

  it('gives each batch item the deadline of one command, so that a batch may take longer', async () => {
    enableDeadlines();
    await withDeadline(0, () =>
      runBatch(items, context, 'p', async () => {
        expect(currentDeadline()).toBeGreaterThan(performance.now() + 3_000);
        return { outcome: 'recorded', position: 'p' };
      }),
    );
  });

  describe('and its facts', () => {
    const refusing = async (item: number): Promise<BatchWorkResult> => {
      if (item === 3) throw refuse('message_exists', { messageId: 'wamid.123' });
      return { outcome: item % 2 ? 'recorded' : 'duplicate', position: 'p1' };
    };
    const mixed = [
      ...items.slice(0, 5),
      { invalid: { code: 'validation_failed', detail: 'no such field: +34 600 000 000' } },
    ];

    it('give the same response again', async () => {
      const { response, facts } = await runBatch(mixed, context, 'p0', refusing);
      const stored = JSON.stringify(facts);
      const replayed = replayBatch(mixed, JSON.parse(stored) as BatchFacts);
      expect(JSON.stringify(replayed)).toBe(JSON.stringify(response));
      expect(response.body).toMatchObject({ results: { length: 6 }, position: 'p1' });
    });

    it('contain neither ids of messages nor what the caller sent', async () => {
      const { facts } = await runBatch(mixed, context, 'p0', refusing);
      expect(facts).toStrictEqual({
        position: 'p1',
        outcomes: 'drdidi',
        refused: { 3: { code: 'message_exists', detail: expect.any(String) } },
      });
      expect(JSON.stringify(facts)).not.toMatch(/wamid|600/);
    });

    it('do not exist when every item is invalid, because validation errors are not stored', async () => {
      expect((await runBatch([mixed[3]!, mixed[5]!], context, 'p0', refusing)).facts).toBeNull();
    });
  });
});
