import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '#event-store/event-store';
import { enableDeadlines, currentDeadline, withDeadline } from '#timing/deadline';
import { runBatch, type BatchWorkResult } from './batch.js';
import type { CommandContext } from './command-context.js';
import { KeyedQueue } from './keyed-queue.js';

const envelope: CommandContext = {
  org: 'default',
  actor: { type: 'service', id: 'api' },
  commandId: 'b2b0a1e4-0d0c-4b6e-9a55-1f6f0f0d2c11',
  requestHash: null,
  now: '2026-03-01T09:00:00.000Z',
  backdated: false,
  correlation: 'c',
  causation: 'c',
  expectedVersion: null,
};
const items = Array.from({ length: 1_000 }, (_, item) => ({ item }));

describe('The items of a batch', () => {
  it('take turns, and are told of in their order', async () => {
    let [underWay, most] = [0, 0];
    const { body } = await runBatch(items, envelope, 'p', async (item) => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, item % 3));
      underWay -= 1;
      return { outcome: item % 2 ? 'recorded' : 'duplicate', position: 'p' };
    });
    expect(most).toBe(25);
    expect((body as { results: unknown[] }).results).toEqual(
      items.map(({ item }) => ({ index: item, outcome: item % 2 ? 'recorded' : 'duplicate' })),
    );
  });

  it('are not begun any more when the store is away', async () => {
    let begun = 0;
    const failing = runBatch(items, envelope, 'p', async () => {
      begun += 1;
      await new Promise((resolve) => setTimeout(resolve, 1));
      throw new Unavailable('away');
    });
    await expect(failing).rejects.toThrow(Unavailable);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(begun).toBe(25);
  });

  it('are tried again when a store that answers others had no time for them, as the same command', async () => {
    const commands = new Map<number, string>();
    const { body } = await runBatch(items, envelope, 'p', async (item, { commandId }) => {
      await new Promise((resolve) => setTimeout(resolve, item % 3));
      const before = commands.get(item);
      expect(before ?? commandId).toBe(commandId);
      commands.set(item, commandId);
      if (item % 30 === 2 && before === undefined) throw new Unavailable('too much to do');
      return { outcome: 'recorded', position: 'p' };
    });
    expect((body as { results: { outcome: string }[] }).results.every((it) => it.outcome === 'recorded')).toBe(true);
  });

  it('that must go one after another do, also when one is tried again', async () => {
    const queue = new KeyedQueue();
    const begun: number[] = [];
    const work = async (item: number): Promise<BatchWorkResult> => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      begun.push(item);
      if (item === 2 && begun.filter((it) => it === 2).length < 3) throw new Unavailable('too much to do');
      return { outcome: 'recorded', position: 'p' };
    };
    await runBatch(items.slice(0, 40), envelope, 'p', work, (item, it) => queue.serialize(String(item % 2), it));
    expect(begun.filter((it) => it % 2 === 0).slice(0, 5)).toEqual([0, 2, 2, 2, 4]);
  });

  it('are given up when the store goes away in the middle', async () => {
    let begun = 0;
    const failing = runBatch(items, envelope, 'p', async () => {
      if (++begun > 500) throw new Unavailable('away');
      return { outcome: 'recorded', position: 'p' };
    });
    await expect(failing).rejects.toThrow(Unavailable);
    expect(begun).toBeLessThan(800);
  });

  it('have the patience of a command each: a batch may take longer', async () => {
    enableDeadlines();
    await withDeadline(0, () =>
      runBatch(items, envelope, 'p', async () => {
        expect(currentDeadline()).toBeGreaterThan(performance.now() + 3_000);
        return { outcome: 'recorded', position: 'p' };
      }),
    );
  });
});
