import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Unavailable } from '#event-store/event-store';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';
import { ViewBeingBuilt } from '#read-model/view-store';
import { Scheduler } from './scheduler.js';
import type { DueItem, ScheduledTask, SchedulerClock } from './scheduled-task.js';
import { createAutomationView } from './dead-letters.js';
import type { DeadLetter } from './reactor.js';
import type { AutomationNotice } from './event-processor.js';

const folder = mkdtempSync(join(tmpdir(), 'scheduler-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A clock that moves only when a test moves it, and that records when the scheduler pauses. */
class ManualClock implements SchedulerClock {
  private time = Date.parse('2026-03-02T12:00:00.000Z');
  private paused: { readonly until: number; readonly resume: () => void } | undefined;

  now = (): string => new Date(this.time).toISOString();
  in = (ms: number): string => new Date(this.time + ms).toISOString();

  pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resume) => {
      this.paused = { until: this.time + ms, resume };
      signal.onabort = () => resume();
      if (signal.aborted) resume();
    });
  }

  /** Moves to the end of the scheduler's pause and waits for the next pause, `times` times. Returns the milliseconds passed. */
  async endPause(times = 1): Promise<number> {
    const start = this.time;
    for (let count = 0; count < times; count++) {
      const { until, resume } = await this.untilPaused();
      this.paused = undefined;
      this.time = until;
      resume();
      await this.untilPaused();
    }
    return this.time - start;
  }

  /** Resolves when the scheduler pauses and no other work is pending. */
  async untilPaused(): Promise<NonNullable<ManualClock['paused']>> {
    while (!this.paused) await tick();
    await ticks(20);
    return this.paused;
  }
}

const tick = (): Promise<void> => new Promise(setImmediate);
const ticks = async (count: number): Promise<void> => {
  for (let index = 0; index < count; index++) await tick();
};
const positionOf = (index: number): string => `p${String(index).padStart(3, '0')}`;

/** A task with a fake view, which reads the results of runs only when a test calls `catchUp`. */
class FakeTask implements ScheduledTask {
  readonly name = 'remind-follow-ups';
  readonly items = new Map<string, DueItem>();
  /** The ids of the items that were run, in order. */
  readonly runs: string[] = [];
  viewIndex = 0;
  logIndex = 0;
  listError: Error | undefined;
  work: (item: DueItem) => Promise<unknown> = async () => undefined;

  add(id: string, at: string, cause = `cause of ${id}`): void {
    this.items.set(id, { id, at, cause: { id: cause, type: 'FollowUpCreated', position: 'p000' }, checkpoint: null });
  }

  async *dueBefore(time: string): AsyncGenerator<DueItem> {
    if (this.listError) throw this.listError;
    const due = [...this.items.values()].filter(({ at }) => at < time).sort((a, b) => (a.at < b.at ? -1 : 1));
    for (const item of due) yield { ...item, checkpoint: positionOf(this.viewIndex) };
  }

  async run(item: DueItem): Promise<string> {
    this.runs.push(item.id);
    await this.work(item);
    this.logIndex += 1;
    return positionOf(this.logIndex);
  }

  /** Moves the view to the end of the log, so that it no longer reports these items. */
  catchUp(...doneIds: readonly string[]): void {
    this.viewIndex = this.logIndex;
    for (const id of doneIds) this.items.delete(id);
  }
}

let clock: ManualClock;
let task: FakeTask;
let store: SqliteViewStore;
let notices: AutomationNotice[];
let stops: (() => Promise<void>)[];
let stores = 0;

beforeEach(() => {
  clock = new ManualClock();
  task = new FakeTask();
  store = new SqliteViewStore(join(folder, `${(stores += 1)}`), { readerThread: false });
  notices = [];
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  await store.close();
});

/** Starts a scheduler and returns a function that stops it. It also stops after the test. */
function startScheduler(concurrency?: number): () => Promise<void> {
  const abort = new AbortController();
  const running = new Scheduler(task, store, clock, (notice) => notices.push(notice), concurrency).run(abort.signal);
  const stop = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  stops.push(stop);
  return stop;
}

const readDeadLetters = async (): Promise<readonly DeadLetter[]> => {
  const reader = await store.openForReading(createAutomationView(task));
  if (!(await reader.state()).built) return [];
  const all = { where: [], sort: { column: 'since', descending: false }, limit: 10 };
  return (await reader.find<DeadLetter>('parked', all)).rows.map(({ row }) => row);
};

describe('Scheduler', () => {
  it('runs each item as soon as it is due, in the order of due times', async () => {
    task.add('soon', clock.in(300));
    task.add('now', clock.now());
    task.add('long due', clock.in(-60_000));
    task.add('later', clock.in(3_000));
    startScheduler();
    await clock.untilPaused();
    expect(task.runs).toEqual(['long due', 'now']);
    task.catchUp('long due', 'now');
    expect(await clock.endPause()).toBe(300);
    expect(task.runs).toEqual(['long due', 'now', 'soon']);
    task.catchUp('soon');
    expect(await clock.endPause(3)).toBe(2_700);
    expect(task.runs).toEqual(['long due', 'now', 'soon', 'later']);
  });

  it('polls once a second while no item is due', async () => {
    startScheduler();
    expect(await clock.endPause(5)).toBe(5_000);
    task.add('new', clock.now());
    await clock.endPause();
    expect(task.runs).toEqual(['new']);
  });

  it('does not run an item again before the view has read its result', async () => {
    task.add('item', clock.now());
    startScheduler();
    await clock.endPause(10);
    task.catchUp('item');
    await clock.endPause(10);
    expect(task.runs).toEqual(['item']);
  });

  it('runs an item that stays due again after increasing pauses, and never parks it', async () => {
    task.add('item', clock.now());
    startScheduler();
    await clock.untilPaused();
    const runTimes: number[] = [];
    for (let second = 1; second <= 60; second++) {
      task.catchUp();
      const runsBefore = task.runs.length;
      await clock.endPause();
      if (task.runs.length > runsBefore) runTimes.push(second);
    }
    expect(runTimes).toEqual([1, 3, 7, 15, 31]);
    expect(await readDeadLetters()).toEqual([]);
  });

  it('treats an item with another cause as a new item', async () => {
    task.add('item', clock.now());
    startScheduler();
    await clock.untilPaused();
    task.add('item', clock.now(), 'rescheduled');
    await clock.endPause();
    expect(task.runs).toEqual(['item', 'item']);
  });

  it('runs at most `concurrency` items at a time, and never an item twice at the same time', async () => {
    const ends: (() => void)[] = [];
    task.work = () => new Promise<void>((end) => ends.push(end));
    for (const id of ['a', 'b', 'c']) task.add(id, clock.now());
    startScheduler(2);
    await ticks(50);
    expect(task.runs).toEqual(['a', 'b']);
    task.add('a', clock.now(), 'another cause');
    ends[1]!();
    await clock.untilPaused();
    expect(task.runs).toEqual(['a', 'b', 'c']);
    await clock.endPause(3);
    expect(task.runs).toEqual(['a', 'b', 'c']);
    for (const end of ends) end();
    await clock.endPause();
    expect(task.runs).toEqual(['a', 'b', 'c', 'a']);
    for (const end of ends) end();
  });

  it('a scheduler that stops waits for its running items', async () => {
    let end = (): void => undefined;
    task.work = () => new Promise<void>((resolve) => (end = resolve));
    task.add('item', clock.now());
    const stop = startScheduler();
    await clock.untilPaused();
    let stopped = false;
    const stopping = stop().then(() => (stopped = true));
    await ticks(50);
    expect(stopped).toBe(false);
    end();
    await stopping;
  });
});

describe('Scheduler and items that fail', () => {
  beforeEach(() => {
    task.work = async ({ id }) => {
      if (id === 'bad') throw new Error('it failed');
    };
    task.add('bad', clock.in(-1));
    task.add('good', clock.now());
  });

  it('retries a failed item after increasing pauses, then parks it with the reason, and meanwhile runs other items', async () => {
    startScheduler();
    await clock.untilPaused();
    expect(task.runs).toEqual(['bad', 'good']);
    task.catchUp('good');
    await clock.endPause(100);
    expect(task.runs.filter((id) => id === 'bad')).toHaveLength(6);
    expect(notices.map(({ type }) => type)).toEqual([...Array.from({ length: 5 }, () => 'retrying'), 'parked']);
    expect(await readDeadLetters()).toEqual([
      {
        eventId: 'cause of bad',
        type: 'FollowUpCreated',
        position: 'p000',
        reason: 'it failed',
        attempts: 6,
        since: '2026-03-02T12:00:31.000Z',
      },
    ]);
  });

  it('does not run a parked item after a restart, until it has another cause', async () => {
    const stop = startScheduler();
    await clock.endPause(40);
    await stop();
    task.runs.length = 0;
    startScheduler();
    await clock.endPause(5);
    expect(task.runs).not.toContain('bad');
    task.add('bad', clock.now(), 'rescheduled');
    await clock.endPause();
    expect(task.runs).toContain('bad');
  });

  it('retries an item while a store is unavailable, and does not park it', async () => {
    let attempts = 0;
    task.work = async () => {
      attempts += 1;
      if (attempts <= 20) throw new Unavailable('down');
    };
    startScheduler();
    await clock.endPause(30);
    expect(await readDeadLetters()).toEqual([]);
    expect(task.logIndex).toBeGreaterThanOrEqual(2);
    expect(notices.every(({ type }) => type === 'retrying')).toBe(true);
  });
});

describe('Scheduler and its view', () => {
  it('a scheduler waits without a notice while its view is being built', async () => {
    task.add('item', clock.now());
    task.listError = new ViewBeingBuilt('follow-ups');
    startScheduler();
    expect(await clock.endPause(3)).toBeGreaterThan(3_000);
    expect({ runs: task.runs, notices }).toEqual({ runs: [], notices: [] });
    task.listError = undefined;
    await clock.endPause();
    expect(task.runs).toEqual(['item']);
  });

  it('a scheduler retries with notices and increasing pauses while its view cannot be read', async () => {
    task.listError = new Error('unreadable');
    startScheduler();
    await clock.endPause(3);
    expect(notices).toMatchObject([1, 2, 4, 5].map((seconds) => ({ type: 'retrying', inMs: seconds * 1_000 })));
  });
});
