import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteViewStore } from './sqlite/sqlite.view-store.js';
import type { ViewReader } from './view-store.js';
import type { View } from './view.js';
import { waitForPosition } from './wait-for-position.js';

const folder = mkdtempSync(join(tmpdir(), 'views-'));
const store = new SqliteViewStore(folder, { readerThread: false });
let made = 0;
const opened = async () => {
  const view: View = { name: `waited-${++made}`, version: 1, tables: {} };
  const reader = await store.openForReading(view);
  let asked = 0;
  const counted: ViewReader = Object.assign(Object.create(reader) as ViewReader, {
    state: () => (asked++, reader.state()),
  });
  return { writer: await store.openForWriting(view), reader: counted, asked: () => asked };
};

describe('waiting for a view', () => {
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('is over at once when the view is there, even with no time to wait', async () => {
    const { writer, reader } = await opened();
    await writer.save([], null, 'p2');
    expect(await waitForPosition(reader, 'p2', 0)).toBe(true);
    expect(await waitForPosition(reader, 'p1', 0)).toBe(true);
  });

  it('is over when the view gets there', async () => {
    const { writer, reader } = await opened();
    const waiting = waitForPosition(reader, 'p1', 20_000);
    await writer.save([], null, 'p1');
    expect(await waiting).toBe(true);
  });

  it('is in vain when the time is up', async () => {
    const { reader } = await opened();
    expect(await waitForPosition(reader, 'p1', 15)).toBe(false);
    expect(await waitForPosition(reader, 'p1', 0)).toBe(false);
  });

  it('outlasts a report of standing still, which a restart may be about to lift', async () => {
    const { writer, reader } = await opened();
    await writer.reportFailure({ eventId: null, position: 'p1', reason: 'odd', since: '2026-01-01T00:00:00.000Z' });
    const waiting = waitForPosition(reader, 'p2', 20_000);
    await writer.save([], null, 'p2');
    expect(await waiting).toBe(true);
  });

  it('ends when it is called off', async () => {
    const { reader } = await opened();
    const calling = new AbortController();
    const waiting = waitForPosition(reader, 'p1', 20_000, calling.signal);
    calling.abort();
    expect(await waiting).toBe(false);
    expect(await waitForPosition(reader, 'p1', 20_000, calling.signal)).toBe(false);
  });

  it('asks for all who wait together, each told of its own position', async () => {
    const { writer, reader, asked } = await opened();
    const waiting = Array.from({ length: 500 }, (_, i) =>
      waitForPosition(reader, i % 2 ? 'p1' : 'p2', i % 2 ? 20_000 : 100),
    );
    await writer.save([], null, 'p1');
    const reached = await Promise.all(waiting);
    expect(reached.map((each, i) => each === (i % 2 === 1))).not.toContain(false);
    expect(asked()).toBeLessThan(40);
  });

  it('fails when the views are unavailable', async () => {
    const { reader } = await opened();
    const down = Object.assign(Object.create(reader) as ViewReader, {
      state: async () => Promise.reject(new Error('down')),
    });
    await expect(waitForPosition(down, 'p1', 20_000)).rejects.toThrow('down');
  });
});
