import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteViewStore } from './sqlite/sqlite.view-store.js';
import { type ViewReader, ViewsUnavailable } from './view-store.js';
import type { View } from './view.js';
import { waitForPosition } from './wait-for-position.js';

const folder = mkdtempSync(join(tmpdir(), 'views-'));
const store = new SqliteViewStore(folder, { readerThread: false });
let viewCount = 0;

/** An empty view, with a reader that counts how often its state is read. */
const openView = async () => {
  const view: View = { name: `waited-${++viewCount}`, version: 1, tables: {} };
  const reader = await store.openForReading(view);
  let stateReads = 0;
  const countingReader: ViewReader = Object.assign(Object.create(reader) as ViewReader, {
    state: () => {
      stateReads++;
      return reader.state();
    },
  });
  return { writer: await store.openForWriting(view), reader: countingReader, stateReads: () => stateReads };
};

describe('waitForPosition', () => {
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('returns true at once if the view has reached the position, even with a timeout of 0', async () => {
    const { writer, reader } = await openView();
    await writer.save([], null, 'p2');
    expect(await waitForPosition(reader, 'p2', 0)).toBe(true);
    expect(await waitForPosition(reader, 'p1', 0)).toBe(true);
  });

  it('returns true as soon as the view reaches the position', async () => {
    const { writer, reader } = await openView();
    const waiting = waitForPosition(reader, 'p1', 20_000);
    await writer.save([], null, 'p1');
    expect(await waiting).toBe(true);
  });

  it('returns false if the view does not reach the position before the timeout', async () => {
    const { reader } = await openView();
    expect(await waitForPosition(reader, 'p1', 15)).toBe(false);
    expect(await waitForPosition(reader, 'p1', 0)).toBe(false);
  });

  it('keeps waiting for a stopped view, which may start again', async () => {
    const { writer, reader } = await openView();
    await writer.reportFailure({ eventId: null, position: 'p1', reason: 'odd', since: '2026-01-01T00:00:00.000Z' });
    const waiting = waitForPosition(reader, 'p2', 20_000);
    await writer.save([], null, 'p2');
    expect(await waiting).toBe(true);
  });

  it('stops waiting for the position and returns false when its signal aborts', async () => {
    const { reader } = await openView();
    const abort = new AbortController();
    const waiting = waitForPosition(reader, 'p1', 20_000, abort.signal);
    abort.abort();
    expect(await waiting).toBe(false);
    expect(await waitForPosition(reader, 'p1', 20_000, abort.signal)).toBe(false);
  });

  it('shares one poll among all calls for a reader, which may wait for different positions', async () => {
    const { writer, reader, stateReads } = await openView();
    const waiting = Array.from({ length: 500 }, (_, index) =>
      waitForPosition(reader, index % 2 ? 'p1' : 'p2', index % 2 ? 20_000 : 100),
    );
    await writer.save([], null, 'p1');
    const reached = await Promise.all(waiting);
    expect(reached.map((isReached, index) => isReached === (index % 2 === 1))).not.toContain(false);
    expect(stateReads()).toBeLessThan(40);
  });

  it('rejects soon after the time is up while the state of the view is not returned', async () => {
    const { reader } = await openView();
    const hangingReader = Object.assign(Object.create(reader) as ViewReader, {
      state: () => new Promise<never>(() => undefined),
    });
    const startedAt = performance.now();
    const waiting = [0, 1, 100].map((timeoutMs) => waitForPosition(hangingReader, 'p1', timeoutMs));
    for (const each of waiting) await expect(each).rejects.toThrow(ViewsUnavailable);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it('rejects for those too who came while the state of the view could not be read', async () => {
    const { reader } = await openView();
    let fail!: (error: Error) => void;
    const failingReader = Object.assign(Object.create(reader) as ViewReader, {
      state: () => new Promise<never>((_, reject) => (fail = reject)),
    });
    const first = waitForPosition(failingReader, 'p1', 20_000);
    const second = waitForPosition(failingReader, 'p1', 20_000);
    fail(new Error('down'));
    await expect(first).rejects.toThrow('down');
    await expect(second).rejects.toThrow('down');
  });

  it('rejects if the state of the view cannot be read', async () => {
    const { reader } = await openView();
    const failingReader = Object.assign(Object.create(reader) as ViewReader, {
      state: async () => Promise.reject(new Error('down')),
    });
    await expect(waitForPosition(failingReader, 'p1', 20_000)).rejects.toThrow('down');
  });
});
