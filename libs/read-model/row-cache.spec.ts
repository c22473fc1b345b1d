import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { agents, InMemoryLog } from './in-memory-log.fixture.js';
import { SqliteViewStore } from './sqlite/sqlite.view-store.js';
import type { ViewWriter } from './view-store.js';
import { RowCache } from './row-cache.js';
import type { View } from './view.js';

describe('a row that can not be there before its first event', () => {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  const store = new SqliteViewStore(folder, { readerThread: false });
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  let made = 0;
  const viewOf = (): View => ({
    name: `agents-${++made}`,
    version: 1,
    tables: { agents: { ...agents, createdBy: ['AgentRegistered'] } },
  });

  /** One worker, which may be killed and begin anew, its memory empty. */
  const begun = (view: View, writer: ViewWriter) => {
    const fold = new RowCache(view);
    const asked: string[] = [];
    const load: ViewWriter['load'] = (table, keys) => (asked.push(...keys), writer.load(table, keys));
    const takes = async (events: InMemoryLog['events']): Promise<void> => {
      await fold.apply(events, { load });
      const writes = fold.pendingWrites();
      const { checkpoint } = await writer.state();
      await writer.save(writes, checkpoint, events.at(-1)!.position);
      fold.markSaved(writes);
    };
    return { takes, asked };
  };

  it('is not looked for', async () => {
    const view = viewOf();
    const writer = await store.openForWriting(view);
    const { takes, asked } = begun(view, writer);
    const { events } = new InMemoryLog()
      .appendAgentEvents('a', 'AgentRegistered')
      .appendAgentEvents('b', 'AgentDeactivated');
    await takes(events);
    expect(asked).toEqual(['b']);
    expect((await writer.load('agents', ['a'])).get('a')?.row).toEqual({ id: 'a', active: true, events: 1 });
  });

  it('stays as it is when its events are repeated, and goes on from there', async () => {
    const view = viewOf();
    const writer = await store.openForWriting(view);
    const { events } = new InMemoryLog().appendAgentEvents(
      'a',
      'AgentRegistered',
      'AgentDeactivated',
      'AgentDeactivated',
    );
    await begun(view, writer).takes(events.slice(0, 2));
    const before = await writer.load('agents', ['a']);

    const another = begun(view, writer);
    await another.takes(events.slice(0, 1));
    expect(await writer.load('agents', ['a'])).toEqual(before);
    await another.takes(events.slice(1));
    expect((await writer.load('agents', ['a'])).get('a')).toEqual({
      row: { id: 'a', active: false, events: 3 },
      position: events[2]!.position,
    });
  });
});
