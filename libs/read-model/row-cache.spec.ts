import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { agents, InMemoryLog } from './in-memory-log.fixture.js';
import { SqliteViewStore } from './sqlite/sqlite.view-store.js';
import { CheckpointMoved, type ViewWriter } from './view-store.js';
import { RowCache } from './row-cache.js';
import type { View } from './view.js';

describe('RowCache of a table whose rows are created by one event type', () => {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  const store = new SqliteViewStore(folder, { readerThread: false });
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  let viewCount = 0;
  const createView = (): View => ({
    name: `agents-${++viewCount}`,
    version: 1,
    tables: { agents: { ...agents, createdBy: ['AgentRegistered'] } },
  });

  /** A worker with an empty cache, as after a restart. */
  const startWorker = (view: View, writer: ViewWriter) => {
    const cache = new RowCache(view);
    const loadedKeys: string[] = [];
    const load: ViewWriter['load'] = (table, keys) => {
      loadedKeys.push(...keys);
      return writer.load(table, keys);
    };
    const applyAndSave = async (events: InMemoryLog['events']): Promise<void> => {
      await cache.apply(events, { load });
      const writes = cache.pendingWrites();
      const { checkpoint } = await writer.state();
      await writer.save(writes, checkpoint, events.at(-1)!.position);
      cache.markSaved(writes);
    };
    return { applyAndSave, loadedKeys };
  };

  it('a row cache does not load a row that the event creates', async () => {
    const view = createView();
    const writer = await store.openForWriting(view);
    const { applyAndSave, loadedKeys } = startWorker(view, writer);
    const { events } = new InMemoryLog()
      .appendAgentEvents('a', 'AgentRegistered')
      .appendAgentEvents('b', 'AgentDeactivated');
    await applyAndSave(events);
    expect(loadedKeys).toEqual(['b']);
    expect((await writer.load('agents', ['a'])).get('a')?.row).toEqual({ id: 'a', active: true, events: 1 });
  });

  it('a row cache leaves a row unchanged when its events are repeated after a restart, and applies later ones', async () => {
    const view = createView();
    const writer = await store.openForWriting(view);
    const { events } = new InMemoryLog().appendAgentEvents(
      'a',
      'AgentRegistered',
      'AgentDeactivated',
      'AgentDeactivated',
    );
    await startWorker(view, writer).applyAndSave(events.slice(0, 2));
    const before = await writer.load('agents', ['a']);

    const restarted = startWorker(view, writer);
    await restarted.applyAndSave(events.slice(0, 1));
    expect(await writer.load('agents', ['a'])).toEqual(before);
    // It has not looked the row up, so it does not know that the stored one is newer.
    await expect(restarted.applyAndSave(events.slice(1))).rejects.toThrow(CheckpointMoved);
    await startWorker(view, writer).applyAndSave(events.slice(1));
    expect((await writer.load('agents', ['a'])).get('a')).toEqual({
      row: { id: 'a', active: false, events: 3 },
      position: events[2]!.position,
    });
  });
});
