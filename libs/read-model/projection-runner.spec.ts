import { afterAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import type { Position } from '#domain/event';
import { ProjectionRunner, type EventFeed, type ProjectionNotice } from './projection-runner.js';
import { type AgentEventCount, agentKey, agents, positionAt, InMemoryLog, totals } from './in-memory-log.fixture.js';
import { SqliteViewStore } from './sqlite/sqlite.view-store.js';
import type { RowQuery, ViewReader, ViewStore, RowWrite } from './view-store.js';
import type { Table, View } from './view.js';
import { waitForPosition } from './wait-for-position.js';

const query: RowQuery = { where: [], sort: { column: 'id', descending: false }, limit: 1_000 };

describe('catching up', () => {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  const store = new SqliteViewStore(folder, { readerThread: false });
  const stops: (() => Promise<void>)[] = [];
  let made = 0;
  afterAll(async () => {
    for (const stop of stops) await stop();
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const viewOf = (table: Partial<Table<AgentEventCount>> = {}): View => ({
    name: `agents-${++made}`,
    version: 1,
    tables: { agents: { ...agents, ...table }, totals },
  });

  function started(view: View, log: EventFeed, on: Pick<ViewStore, 'openForWriting'> = store) {
    const news: ProjectionNotice[] = [];
    const heard = new EventTarget();
    const catchUp = new ProjectionRunner(view, on, log, (each) => {
      news.push(each);
      heard.dispatchEvent(new Event(each.what));
    });
    const calling = new AbortController();
    const running = catchUp.run(calling.signal);
    const stop = async () => {
      calling.abort();
      await running;
    };
    stops.push(stop);
    const hears = async (what: ProjectionNotice['what']) =>
      news.some((each) => each.what === what) || once(heard, what);
    return { catchUp, news, hears, stop };
  }

  /** All that a view holds, positions of its rows included. */
  async function contents(view: View) {
    const reader = await store.openForReading(view);
    const writer = await store.openForWriting(view);
    // Nothing is shown before; what stands still on its way there is looked at all the same.
    await writer.finishBuild();
    const { rows, checkpoint } = await reader.find<AgentEventCount>('agents', query);
    const keys = rows.map(({ key }) => key);
    const stored = [...(await writer.load('agents', keys)), ...(await writer.load('totals', ['all']))];
    await writer.close();
    return { checkpoint, stored, rows: rows.map(({ row }) => row) };
  }

  const reaches = async (view: View, position: Position) =>
    expect(await waitForPosition(await store.openForReading(view), position, 60_000)).toBe(true);

  async function reportOf(reader: ViewReader) {
    for (;;) {
      const { stopped } = await reader.state();
      if (stopped) return stopped;
      await setImmediate();
    }
  }

  it('folds what is there and what comes, past events that the view ignores too', async () => {
    const [log, view] = [new InMemoryLog(), viewOf()];
    log
      .appendAgentEvents('a', 'AgentRegistered', 'AgentReactivated')
      .appendAgentEvents('b', 'AgentRegistered', 'AgentReactivated', 'AgentReactivated');
    const { catchUp, hears } = started(view, log);
    await reaches(view, positionAt(5));
    await hears('built');
    log.appendAgentEvents('a', 'AgentDeactivated').appendAgentEvents('b', 'AgentReactivated');
    await reaches(view, positionAt(7));
    const { stored, rows } = await contents(view);
    expect(rows).toEqual([
      { id: 'a', active: false, events: 2 },
      { id: 'b', active: true, events: 1 },
    ]);
    expect(stored.map(([key, { position }]) => [key, position])).toEqual([
      ['a', positionAt(6)],
      ['b', positionAt(3)],
      ['all', positionAt(6)],
    ]);
    expect(catchUp).toMatchObject({ checkpoint: positionAt(7), stopped: null, appliedEvents: 7 });
    expect(Date.now() - catchUp.lastProgressAt!).toBeLessThan(20_000);
  });

  it('builds the view at once when the log is empty', async () => {
    const [log, view] = [new InMemoryLog(), viewOf()];
    await started(view, log).hears('built');
    expect(await (await store.openForReading(view)).state()).toEqual({ checkpoint: null, stopped: null, built: true });
  });

  it('goes on from the checkpoint after a crash between saving and the next batch', async () => {
    const [log, view] = [new InMemoryLog().appendAgentEvents('a', 'AgentRegistered', 'AgentDeactivated'), viewOf()];
    const first = started(view, log);
    await reaches(view, positionAt(2));
    await first.stop();
    const opened = log.followedAfter.length;
    log.appendAgentEvents('a', 'AgentRegistered');
    started(view, log);
    await reaches(view, positionAt(3));
    expect(log.followedAfter.slice(opened)).toEqual([positionAt(2)]);
    expect((await contents(view)).rows).toEqual([{ id: 'a', active: true, events: 3 }]);
  });

  it('saves again without a change what a crash left saved before its checkpoint', async () => {
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
    started(view, log);
    await reaches(view, positionAt(3));
    expect((await contents(view)).rows).toEqual([{ id: 'a', active: false, events: 3 }]);
  });

  it('lets two workers overlap, which together write what one would', async () => {
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
    const other = new SqliteViewStore(folder, { readerThread: false });
    const workers = [started(both, log), started(both, log, other), started(alone, log)];
    for (let round = 1; round <= 10; round++) {
      grow();
      await reaches(both, positionAt(log.events.length));
      await reaches(alone, positionAt(log.events.length));
    }
    for (const { stop } of workers) await stop();
    await other.close();
    expect(await contents(both)).toEqual(await contents(alone));
    expect(workers.flatMap(({ news }) => news).filter(({ what }) => what === 'stopped')).toEqual([]);
    const applied = workers[0]!.catchUp.appliedEvents + workers[1]!.catchUp.appliedEvents;
    expect(applied).toBe(log.events.length);
  });

  it('is the same after wiping and building again, in whatever batches, also under a worker that is running', async () => {
    const view = viewOf();
    const [log, wide] = [new InMemoryLog(2), new InMemoryLog(100)];
    for (const each of [log, wide])
      for (let i = 0; i < 60; i++)
        each.appendAgentEvents(`a${(i * 7) % 9}`, i % 4 ? 'AgentDeactivated' : 'AgentRegistered');
    const first = started(view, log);
    await reaches(view, positionAt(60));
    const before = await contents(view);
    await first.stop();
    await store.wipe(view);
    started(view, wide);
    await reaches(view, positionAt(60));
    expect(await contents(view)).toEqual(before);
    await store.wipe(view);
    wide.appendAgentEvents('late', 'AgentReactivated');
    await reaches(view, positionAt(61));
    expect(await contents(view)).toEqual({ ...before, checkpoint: positionAt(61) });
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
              if (poison()) throw new Error('can not be folded');
              return agents.on.AgentDeactivated.apply(row, event, key);
            },
          },
        },
      }),
      /can not be folded/,
    ],
    [
      'told its rows',
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
      'put in columns',
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
                      throw new Error('can not be stored');
                    },
                  }
                : next;
            },
          },
        },
      }),
      /can not be stored/,
    ],
  ];
  it.each(poisons)(
    'stops at an event that can not be %s, everything before it saved, until it is started again',
    async (_, table, reason) => {
      let poisoned = true;
      const view = viewOf(table(() => poisoned));
      const log = new InMemoryLog(100)
        .appendAgentEvents('a', 'AgentRegistered')
        .appendAgentEvents('b', 'AgentRegistered', 'AgentDeactivated')
        .appendAgentEvents('c', 'AgentRegistered');
      const [first, other] = [started(view, log), viewOf()];
      started(other, log);
      await first.hears('stopped');
      await reaches(other, positionAt(4));
      expect(first.catchUp).toMatchObject({
        checkpoint: positionAt(2),
        stopped: { eventId: 'event-3', position: positionAt(3) },
        appliedEvents: 2,
      });
      const reader = await store.openForReading(view);
      const stopped = await reportOf(reader);
      expect(stopped).toMatchObject({
        eventId: 'event-3',
        position: positionAt(3),
        reason: expect.stringMatching(reason),
      });
      expect((await contents(view)).rows.map(({ id, events }) => [id, events])).toEqual([
        ['a', 1],
        ['b', 1],
      ]);
      await first.stop();

      const second = started(view, log);
      await second.hears('stopped');
      await second.stop();
      expect((await reader.state()).stopped).toEqual(stopped);

      poisoned = false;
      started(view, log);
      await reaches(view, positionAt(4));
      expect((await reader.state()).stopped).toBeNull();
      expect((await contents(view)).stored).toEqual((await contents(other)).stored);
    },
  );

  it('stops at an event that can not be read, everything before it saved', async () => {
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
    const first = started(view, log);
    await first.hears('stopped');
    expect(first.catchUp).toMatchObject({
      checkpoint: positionAt(3),
      stopped: { eventId: 'event-4', position: positionAt(4) },
    });
    await first.stop();
    log.unreadable.clear();
    started(view, log);
    await reaches(view, positionAt(4));
  });

  it('goes on from a stop, without being started again, when the view is wiped', async () => {
    const [log, view] = [new InMemoryLog().appendAgentEvents('a', 'AgentRegistered', 'AgentDeactivated'), viewOf()];
    log.unreadable.add(positionAt(2));
    const { catchUp, hears } = started(view, log);
    await hears('stopped');
    await reportOf(await store.openForReading(view));
    log.unreadable.clear();
    await store.wipe(view);
    await reaches(view, positionAt(2));
    expect(catchUp).toMatchObject({ checkpoint: positionAt(2), stopped: null });
  });

  it('waits out a log that can not be read', async () => {
    const [log, view] = [new InMemoryLog().appendAgentEvents('a', 'AgentRegistered'), viewOf()];
    log.failuresLeft = 2;
    const { news, hears } = started(view, log);
    await hears('built');
    expect(news.map(({ what }) => what)).toEqual(['retrying', 'retrying', 'built']);
    expect(news[0]).toMatchObject({ error: { message: 'the log is unavailable' } });
  });

  it('waits out a storage that can not be written', async () => {
    const [log, view] = [new InMemoryLog().appendAgentEvents('a', 'AgentRegistered'), viewOf()];
    const { hears, stop } = started(view, log);
    await reaches(view, positionAt(1));
    await hears('built');
    const other = new DatabaseSync(join(folder, `${view.name}.v1.g1.db`));
    other.exec('BEGIN IMMEDIATE');
    log.appendAgentEvents('a', 'AgentDeactivated');
    await hears('retrying');
    other.exec('ROLLBACK');
    other.close();
    await reaches(view, positionAt(2));
    await stop();
    expect((await contents(view)).rows).toEqual([{ id: 'a', active: false, events: 2 }]);
  });

  describe('while the view is built', () => {
    /** How many rows each save has, until it is built. */
    async function savesOf(view: View, log: InMemoryLog): Promise<readonly number[]> {
      const saves: number[] = [];
      const counting = {
        openForWriting: async (its: View) => {
          const writer = await store.openForWriting(its);
          const save = writer.save.bind(writer);
          writer.save = async (rows, ...checkpoints) => (saves.push(rows.length), save(rows, ...checkpoints));
          return writer;
        },
      };
      const { hears } = started(view, log, counting);
      await hears('built');
      return saves;
    }

    it('gathers rows in memory, and saves them whole', async () => {
      const log = new InMemoryLog(1_000);
      for (let i = 0; i < 20_000; i++) log.appendAgentEvents(`a${i % 9_500}`, 'AgentDeactivated');
      const view = viewOf();
      expect(await savesOf(view, log)).toEqual([9_501]);
      expect((await contents(view)).rows.slice(0, 3)).toMatchObject(
        [{ events: 3 }, { events: 3 }, { events: 2 }].map(() => ({ active: false })),
      );
      const reader = await store.openForReading(view);
      expect(await reader.get('totals', ['all'])).toEqual(new Map([['all', { count: 20_000 }]]));
      expect(await reader.count('agents', { where: [{ column: 'events', in: [3] }] })).toBe(1_000);
    });

    it('does not gather many where no event comes back to a row', async () => {
      const log = new InMemoryLog(1_000);
      for (let i = 0; i < 20_000; i++) log.appendAgentEvents(`a${i}`, 'AgentDeactivated');
      const view: View = { name: `agents-${++made}`, version: 1, tables: { agents } };
      expect(await savesOf(view, log)).toEqual([8_000, 8_000, 4_000]);
    });
  });

  it('ends when it is called off: at rest, standing still and waiting out trouble', async () => {
    const log = new InMemoryLog().appendAgentEvents('a', 'AgentRegistered');
    const atRest = started(viewOf(), log);
    await atRest.hears('built');
    await atRest.stop();
    const poisoned = started(
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
    await poisoned.hears('stopped');
    await poisoned.stop();
    const away = new InMemoryLog();
    away.failuresLeft = 1_000_000;
    const waiting = started(viewOf(), away);
    await waiting.hears('retrying');
    await waiting.stop();
  });
});
