import { afterAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import type { Position } from '#domain/event-envelope';
import { pollUntil } from '#timing/poll';
import { ProjectionRunner, type EventFeed, type ProjectionNotice } from './projection-runner.js';
import { type AgentEventCount, agentKey, agents, positionAt, InMemoryLog, totals } from './in-memory-log.fixture.js';
import { SqliteViewStore } from './sqlite/sqlite.view-store.js';
import type { RowQuery, ViewReader, ViewStore, RowWrite } from './view-store.js';
import type { Table, View } from './view.js';
import { waitForPosition } from './wait-for-position.js';

const query: RowQuery = { where: [], sort: { column: 'id', descending: false }, limit: 1_000 };

describe('ProjectionRunner', () => {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  const store = new SqliteViewStore(folder, { readerThread: false });
  const stopFunctions: (() => Promise<void>)[] = [];
  let viewCount = 0;
  afterAll(async () => {
    for (const stop of stopFunctions) await stop();
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const viewOf = (table: Partial<Table<AgentEventCount>> = {}): View => ({
    name: `agents-${++viewCount}`,
    version: 1,
    tables: { agents: { ...agents, ...table }, totals },
  });

  function start(view: View, log: EventFeed, runnerStore: Pick<ViewStore, 'openForWriting'> = store) {
    const notices: ProjectionNotice[] = [];
    const emitter = new EventTarget();
    const runner = new ProjectionRunner(view, runnerStore, log, (notice) => {
      notices.push(notice);
      emitter.dispatchEvent(new Event(notice.type));
    });
    const abort = new AbortController();
    const running = runner.run(abort.signal);
    const stop = async () => {
      abort.abort();
      await running;
    };
    stopFunctions.push(stop);
    const waitForNotice = async (type: ProjectionNotice['type']) =>
      notices.some((notice) => notice.type === type) || once(emitter, type);
    return { runner, notices, waitForNotice, stop };
  }

  /** All rows of a view, with their positions. */
  async function readContents(view: View) {
    const reader = await store.openForReading(view);
    const writer = await store.openForWriting(view);
    // Without this, a view that stopped before it was built could not be read.
    await writer.finishBuild();
    const { rows, checkpoint } = await reader.find<AgentEventCount>('agents', query);
    const keys = rows.map(({ key }) => key);
    const stored = [...(await writer.load('agents', keys)), ...(await writer.load('totals', ['all']))];
    await writer.close();
    return { checkpoint, stored, rows: rows.map(({ row }) => row) };
  }

  const expectToReach = async (view: View, position: Position) =>
    expect(await waitForPosition(await store.openForReading(view), position, 60_000)).toBe(true);

  const waitForFailure = (reader: ViewReader) =>
    pollUntil(async () => (await reader.state()).stopped, { intervalMs: 1 });

  it('a projection runner applies existing and new events, and moves past events that the view ignores', async () => {
    const [log, view] = [new InMemoryLog(), viewOf()];
    log
      .appendAgentEvents('a', 'AgentRegistered', 'AgentReactivated')
      .appendAgentEvents('b', 'AgentRegistered', 'AgentReactivated', 'AgentReactivated');
    const { runner, waitForNotice } = start(view, log);
    await expectToReach(view, positionAt(5));
    await waitForNotice('built');
    log.appendAgentEvents('a', 'AgentDeactivated').appendAgentEvents('b', 'AgentReactivated');
    await expectToReach(view, positionAt(7));
    const { stored, rows } = await readContents(view);
    expect(rows).toEqual([
      { id: 'a', active: false, events: 2 },
      { id: 'b', active: true, events: 1 },
    ]);
    expect(stored.map(([key, { position }]) => [key, position])).toEqual([
      ['a', positionAt(6)],
      ['b', positionAt(3)],
      ['all', positionAt(6)],
    ]);
    expect(runner).toMatchObject({ checkpoint: positionAt(7), stopped: null, appliedEvents: 7 });
    expect(Date.now() - runner.lastProgressAt!).toBeLessThan(20_000);
  });

  it('a projection runner marks the view as built at once if the log is empty', async () => {
    const [log, view] = [new InMemoryLog(), viewOf()];
    await start(view, log).waitForNotice('built');
    expect(await (await store.openForReading(view)).state()).toEqual({ checkpoint: null, stopped: null, built: true });
  });

  it('a projection runner continues from the checkpoint after a restart', async () => {
    const [log, view] = [new InMemoryLog().appendAgentEvents('a', 'AgentRegistered', 'AgentDeactivated'), viewOf()];
    const first = start(view, log);
    await expectToReach(view, positionAt(2));
    await first.stop();
    const opened = log.followedAfter.length;
    log.appendAgentEvents('a', 'AgentRegistered');
    start(view, log);
    await expectToReach(view, positionAt(3));
    expect(log.followedAfter.slice(opened)).toEqual([positionAt(2)]);
    expect((await readContents(view)).rows).toEqual([{ id: 'a', active: true, events: 3 }]);
  });

  it('a projection runner does not apply events again to rows that a crash left ahead of the checkpoint', async () => {
    const [log, view] = [
      new InMemoryLog().appendAgentEvents('a', 'AgentRegistered', 'AgentDeactivated', 'AgentDeactivated'),
      viewOf(),
    ];
    const writer = await store.openForWriting(view);
    const row = { id: 'a', active: false, events: 2 };
    const ahead: RowWrite = {
      table: 'agents',
      key: 'a',
      position: positionAt(2),
      row,
      columns: { id: 'a', events: 2 },
      tokens: ['a'],
    };
    await writer.save([ahead], null, positionAt(1));
    await writer.close();
    start(view, log);
    await expectToReach(view, positionAt(3));
    expect((await readContents(view)).rows).toEqual([{ id: 'a', active: false, events: 3 }]);
  });

  it('two concurrent projection runners write the same rows as one', async () => {
    const log = new InMemoryLog(7);
    const [both, alone] = [viewOf(), viewOf()];
    const grow = () => {
      for (let i = 0; i < 50; i++)
        log.appendAgentEvents(
          `a${i % 11}`,
          ...(i % 3 ? (['AgentDeactivated', 'AgentReactivated'] as const) : (['AgentRegistered'] as const)),
        );
    };
    grow();
    const otherStore = new SqliteViewStore(folder, { readerThread: false });
    const workers = [start(both, log), start(both, log, otherStore), start(alone, log)];
    for (let round = 1; round <= 10; round++) {
      grow();
      await expectToReach(both, positionAt(log.events.length));
      await expectToReach(alone, positionAt(log.events.length));
    }
    for (const { stop } of workers) await stop();
    await otherStore.close();
    expect(await readContents(both)).toEqual(await readContents(alone));
    expect(workers.flatMap(({ notices }) => notices).filter(({ type }) => type === 'stopped')).toEqual([]);
    const applied = workers[0]!.runner.appliedEvents + workers[1]!.runner.appliedEvents;
    expect(applied).toBe(log.events.length);
  });

  it('a projection runner rebuilds the same rows after a wipe, in batches of any size, even while it is running', async () => {
    const view = viewOf();
    const [log, wide] = [new InMemoryLog(2), new InMemoryLog(100)];
    for (const target of [log, wide])
      for (let i = 0; i < 60; i++)
        target.appendAgentEvents(`a${(i * 7) % 9}`, i % 4 ? 'AgentDeactivated' : 'AgentRegistered');
    const first = start(view, log);
    await expectToReach(view, positionAt(60));
    const before = await readContents(view);
    await first.stop();
    await store.wipe(view);
    start(view, wide);
    await expectToReach(view, positionAt(60));
    expect(await readContents(view)).toEqual(before);
    await store.wipe(view);
    wide.appendAgentEvents('late', 'AgentReactivated');
    await expectToReach(view, positionAt(61));
    expect(await readContents(view)).toEqual({ ...before, checkpoint: positionAt(61) });
  });

  const poisons: [string, (poison: () => boolean) => Partial<Table<AgentEventCount>>, RegExp][] = [
    [
      'folded',
      (poison) => ({
        on: {
          ...agents.on,
          AgentDeactivated: {
            key: agentKey,
            apply: (row, event, key) => {
              if (poison()) throw new Error('cannot be folded');
              return agents.on.AgentDeactivated.apply(row, event, key);
            },
          },
        },
      }),
      /cannot be folded/,
    ],
    [
      'mapped to its keys',
      (poison) => ({
        on: {
          ...agents.on,
          AgentDeactivated: {
            ...agents.on.AgentDeactivated,
            key: (event) => (poison() ? [...Array(1_001).keys()].map(String) : agentKey(event)),
          },
        },
      }),
      /1001 rows.*more than 1000/,
    ],
    [
      'mapped to columns',
      (poison) => ({
        columns: { ...agents.columns, events: ({ active, events }) => (!active && poison() ? NaN : events) },
      }),
      /column events.*NaN/,
    ],
    [
      'stored',
      (poison) => ({
        on: {
          ...agents.on,
          AgentDeactivated: {
            key: agentKey,
            apply: (row, event, key) => {
              const next = agents.on.AgentDeactivated.apply(row, event, key)!;
              return poison()
                ? {
                    ...next,
                    toJSON: () => {
                      throw new Error('cannot be stored');
                    },
                  }
                : next;
            },
          },
        },
      }),
      /cannot be stored/,
    ],
  ];
  it.each(poisons)(
    'a projection runner stops at an event that cannot be %s, with all earlier events saved, until it is restarted',
    async (_, table, reason) => {
      let poisoned = true;
      const view = viewOf(table(() => poisoned));
      const log = new InMemoryLog(100)
        .appendAgentEvents('a', 'AgentRegistered')
        .appendAgentEvents('b', 'AgentRegistered', 'AgentDeactivated')
        .appendAgentEvents('c', 'AgentRegistered');
      const [first, otherView] = [start(view, log), viewOf()];
      start(otherView, log);
      await first.waitForNotice('stopped');
      await expectToReach(otherView, positionAt(4));
      expect(first.runner).toMatchObject({
        checkpoint: positionAt(2),
        stopped: { eventId: 'event-3', position: positionAt(3) },
        appliedEvents: 2,
      });
      const reader = await store.openForReading(view);
      const failure = await waitForFailure(reader);
      expect(failure).toMatchObject({
        eventId: 'event-3',
        position: positionAt(3),
        reason: expect.stringMatching(reason),
      });
      expect((await readContents(view)).rows.map(({ id, events }) => [id, events])).toEqual([
        ['a', 1],
        ['b', 1],
      ]);
      await first.stop();

      const second = start(view, log);
      await second.waitForNotice('stopped');
      await second.stop();
      expect((await reader.state()).stopped).toEqual(failure);

      poisoned = false;
      start(view, log);
      await expectToReach(view, positionAt(4));
      expect((await reader.state()).stopped).toBeNull();
      expect((await readContents(view)).stored).toEqual((await readContents(otherView)).stored);
    },
  );

  it.each([1, 2, 100])(
    'stops at once at an event whose row the storage rejects, with everything before it saved, in batches of %i events',
    async (batchSize) => {
      const [view, other] = [viewOf(), viewOf()];
      const log = new InMemoryLog(batchSize)
        .appendAgentEvents('a', 'AgentRegistered', 'AgentDeactivated')
        .appendAgentEvents('b', 'AgentRegistered', 'AgentDeactivated')
        .appendAgentEvents('c', 'AgentRegistered');
      const rejectingStore: Pick<ViewStore, 'openForWriting'> = {
        openForWriting: async (opened) => {
          const writer = await store.openForWriting(opened);
          const save = writer.save.bind(writer);
          writer.save = async (rows, ...checkpoints) => {
            if (rows.some(({ key, position }) => key === 'b' && position === positionAt(4)))
              throw new Error('the row is too big');
            await save(rows, ...checkpoints);
          };
          return writer;
        },
      };
      const { runner, notices, waitForNotice, stop } = start(view, log, rejectingStore);
      start(other, log);
      await waitForNotice('stopped');
      await expectToReach(other, positionAt(5));
      expect(runner).toMatchObject({ checkpoint: positionAt(3), stopped: { eventId: 'event-4' }, appliedEvents: 3 });
      expect(await waitForFailure(await store.openForReading(view))).toMatchObject({
        eventId: 'event-4',
        position: positionAt(4),
        reason: 'the row is too big',
      });
      expect(notices.map(({ type }) => type)).not.toContain('retrying');
      await stop();
    },
  );

  it('a projection runner stops at an event that cannot be read, with all earlier events saved', async () => {
    const [log, view] = [
      new InMemoryLog(2).appendAgentEvents(
        'a',
        'AgentRegistered',
        'AgentDeactivated',
        'AgentDeactivated',
        'AgentRegistered',
      ),
      viewOf(),
    ];
    log.unreadable.add(positionAt(4));
    const first = start(view, log);
    await first.waitForNotice('stopped');
    expect(first.runner).toMatchObject({
      checkpoint: positionAt(3),
      stopped: { eventId: 'event-4', position: positionAt(4) },
    });
    await first.stop();
    log.unreadable.clear();
    start(view, log);
    await expectToReach(view, positionAt(4));
  });

  it('a stopped projection runner continues without a restart when the view is wiped', async () => {
    const [log, view] = [new InMemoryLog().appendAgentEvents('a', 'AgentRegistered', 'AgentDeactivated'), viewOf()];
    log.unreadable.add(positionAt(2));
    const { runner, waitForNotice } = start(view, log);
    await waitForNotice('stopped');
    await waitForFailure(await store.openForReading(view));
    log.unreadable.clear();
    await store.wipe(view);
    await expectToReach(view, positionAt(2));
    expect(runner).toMatchObject({ checkpoint: positionAt(2), stopped: null });
  });

  it('a projection runner retries when the log cannot be read', async () => {
    const [log, view] = [new InMemoryLog().appendAgentEvents('a', 'AgentRegistered'), viewOf()];
    log.failuresLeft = 2;
    const { notices, waitForNotice } = start(view, log);
    await waitForNotice('built');
    expect(notices.map(({ type }) => type)).toEqual(['retrying', 'retrying', 'built']);
    expect(notices[0]).toMatchObject({ error: { message: 'the log is unavailable' } });
  });

  it('a projection runner retries when the view store cannot be written', async () => {
    const [log, view] = [new InMemoryLog().appendAgentEvents('a', 'AgentRegistered'), viewOf()];
    const { waitForNotice, stop } = start(view, log);
    await expectToReach(view, positionAt(1));
    await waitForNotice('built');
    const otherProgram = new DatabaseSync(join(folder, `${view.name}.v1.g1.db`));
    otherProgram.exec('BEGIN IMMEDIATE');
    log.appendAgentEvents('a', 'AgentDeactivated');
    await waitForNotice('retrying');
    otherProgram.exec('ROLLBACK');
    otherProgram.close();
    await expectToReach(view, positionAt(2));
    await stop();
    expect((await readContents(view)).rows).toEqual([{ id: 'a', active: false, events: 2 }]);
  });

  describe('while the view is built', () => {
    /** Builds the view and returns the number of rows in each save. */
    async function countSavedRows(view: View, log: InMemoryLog): Promise<readonly number[]> {
      const rowCounts: number[] = [];
      const counting = {
        openForWriting: async (opened: View) => {
          const writer = await store.openForWriting(opened);
          const save = writer.save.bind(writer);
          writer.save = async (rows, ...checkpoints) => {
            rowCounts.push(rows.length);
            await save(rows, ...checkpoints);
          };
          return writer;
        },
      };
      const { waitForNotice } = start(view, log, counting);
      await waitForNotice('built');
      return rowCounts;
    }

    it('a projection runner gathers changed rows in memory while it builds a view, and saves them together', async () => {
      const log = new InMemoryLog(1_000);
      for (let i = 0; i < 20_000; i++) log.appendAgentEvents(`a${i % 9_500}`, 'AgentDeactivated');
      const view = viewOf();
      expect(await countSavedRows(view, log)).toEqual([9_501]);
      expect((await readContents(view)).rows.slice(0, 3)).toMatchObject(
        [{ events: 3 }, { events: 3 }, { events: 2 }].map(() => ({ active: false })),
      );
      const reader = await store.openForReading(view);
      expect(await reader.get('totals', ['all'])).toEqual(new Map([['all', { count: 20_000 }]]));
      expect(await reader.count('agents', { where: [{ column: 'events', in: [3] }] })).toBe(1_000);
    });

    it('a projection runner gathers fewer rows in memory if hardly any row changes twice while it builds a view', async () => {
      const log = new InMemoryLog(1_000);
      for (let i = 0; i < 20_000; i++) log.appendAgentEvents(`a${i}`, 'AgentDeactivated');
      const view: View = { name: `agents-${++viewCount}`, version: 1, tables: { agents } };
      expect(await countSavedRows(view, log)).toEqual([8_000, 8_000, 4_000]);
    });
  });

  it('a projection runner ends when its signal aborts, even if it is idle, stopped or waiting to retry', async () => {
    const log = new InMemoryLog().appendAgentEvents('a', 'AgentRegistered');
    const idle = start(viewOf(), log);
    await idle.waitForNotice('built');
    await idle.stop();
    const stopped = start(
      viewOf({
        on: {
          AgentRegistered: {
            key: () => {
              throw new Error('odd');
            },
            apply: (row) => row,
          },
        },
      }),
      log,
    );
    await stopped.waitForNotice('stopped');
    await stopped.stop();
    const failingLog = new InMemoryLog();
    failingLog.failuresLeft = 1_000_000;
    const retrying = start(viewOf(), failingLog);
    await retrying.waitForNotice('retrying');
    await retrying.stop();
  });
});
