import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';
import { ViewsUnavailable, type ViewStore } from '#read-model/view-store';
import { DeadLetters } from './dead-letters.js';
import type { DeadLetter } from './reactor.js';

const deadLetter: DeadLetter = {
  eventId: 'e-1',
  type: 'FollowUpCreated',
  position: 'p001',
  reason: 'it failed',
  attempts: 6,
  since: '2026-03-02T12:00:00.000Z',
};

let folder: string;
let store: SqliteViewStore;
let openings: number;
let isDown: boolean;
let deadLetters: DeadLetters;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dead-letters-'));
  store = new SqliteViewStore(folder, { readerThread: false });
  openings = 0;
  isDown = false;
  const views: Pick<ViewStore, 'openForWriting'> = {
    openForWriting: async (view) => {
      openings += 1;
      if (isDown) throw new ViewsUnavailable('down');
      return store.openForWriting(view);
    },
  };
  deadLetters = new DeadLetters({ name: 'remind-follow-ups' }, views);
});
afterEach(async () => {
  await deadLetters.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('DeadLetters', () => {
  it('concurrent calls share one dead-letter writer', async () => {
    const found = await Promise.all(['e-1', 'e-2', 'e-3'].map((eventId) => deadLetters.has(eventId)));
    expect(found).toEqual([false, false, false]);
    expect(openings).toBe(1);
  });

  it('a dead-letter writer is opened again after a failed attempt to open it', async () => {
    isDown = true;
    await expect(deadLetters.has('e-1')).rejects.toThrow(ViewsUnavailable);
    isDown = false;
    await deadLetters.add(deadLetter);
    expect(await deadLetters.has('e-1')).toBe(true);
    expect(openings).toBe(2);
  });

  it('keeps the dead letters that two workers add at the same time', async () => {
    const otherWorker = new DeadLetters({ name: 'remind-follow-ups' }, store);
    await Promise.all([deadLetters.add(deadLetter), otherWorker.add({ ...deadLetter, eventId: 'e-2' })]);
    expect([await deadLetters.has('e-1'), await deadLetters.has('e-2')]).toEqual([true, true]);
    await otherWorker.close();
  });
});
