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

const folder = mkdtempSync(join(tmpdir(), 'clockwork-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Stands still until it is moved, and knows who waits for it. */
class DrivenTime implements SchedulerClock {
  private at = Date.parse('2026-03-02T12:00:00.000Z');
  private resting: { readonly until: number; readonly wake: () => void } | undefined;

  now = (): string => new Date(this.at).toISOString();
  in = (ms: number): string => new Date(this.at + ms).toISOString();

  pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((wake) => {
      this.resting = { until: this.at + ms, wake };
      signal.onabort = () => wake();
      if (signal.aborted) wake();
    });
  }

  /** Moves on to when it wants to be woken, `times` over, and each time lets it come to rest again. Says how far that was. */
  async wake(times = 1): Promise<number> {
    const from = this.at;
    for (let nth = 0; nth < times; nth++) {
      const { until, wake } = await this.rests();
      this.resting = undefined;
      this.at = until;
      wake();
      await this.rests();
    }
    return this.at - from;
  }

  /** Resolves when it waits for the time, and nothing else goes on any more. */
  async rests(): Promise<NonNullable<DrivenTime['resting']>> {
    while (!this.resting) await turn();
    for (let nth = 0; nth < 20; nth++) await turn();
    return this.resting;
  }
}

const turn = (): Promise<void> => new Promise(setImmediate);
const position = (nth: number): string => `p${String(nth).padStart(3, '0')}`;

/** A view that says what is due, and hears of what was done a while later. */
class Agenda implements ScheduledTask {
  readonly name = 'remind-follow-ups';
  readonly entries = new Map<string, DueItem>();
  /** What was asked to be carried out, in order. */
  readonly asked: string[] = [];
  /** How far the view is. */
  seen = 0;
  /** How far the log is. */
  head = 0;
  trouble: Error | undefined;
  work: (due: DueItem) => Promise<unknown> = async () => undefined;

  put(id: string, at: string, cause = `cause of ${id}`): void {
    this.entries.set(id, { id, at, cause: { id: cause, type: 'FollowUpCreated', position: 'p000' }, checkpoint: null });
  }

  async *dueBefore(time: string): AsyncGenerator<DueItem> {
    if (this.trouble) throw this.trouble;
    const soonest = [...this.entries.values()].filter((it) => it.at < time).sort((a, b) => (a.at < b.at ? -1 : 1));
    for (const due of soonest) yield { ...due, checkpoint: position(this.seen) };
  }

  async run(due: DueItem): Promise<string> {
    this.asked.push(due.id);
    await this.work(due);
    return position((this.head += 1));
  }

  /** The view takes in all that was done. */
  catchUp(...done: readonly string[]): void {
    this.seen = this.head;
    for (const id of done) this.entries.delete(id);
  }
}

let time: DrivenTime;
let agenda: Agenda;
let store: SqliteViewStore;
let news: AutomationNotice[];
let stops: (() => Promise<void>)[];
let nth = 0;

beforeEach(() => {
  time = new DrivenTime();
  agenda = new Agenda();
  store = new SqliteViewStore(join(folder, `${(nth += 1)}`), { readerThread: false });
  news = [];
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  await store.close();
});

/** Runs until it is stopped, or the test is over. */
function run(atOnce?: number): () => Promise<void> {
  const stop = new AbortController();
  const running = new Scheduler(agenda, store, time, (it) => news.push(it), atOnce).run(stop.signal);
  const stopped = async (): Promise<void> => {
    stop.abort();
    await running;
  };
  stops.push(stopped);
  return stopped;
}

const parked = async (): Promise<readonly DeadLetter[]> => {
  const reader = await store.openForReading(createAutomationView(agenda));
  if (!(await reader.state()).built) return [];
  const all = { where: [], sort: { column: 'since', descending: false }, limit: 10 };
  return (await reader.find<DeadLetter>('parked', all)).rows.map(({ row }) => row);
};

describe('What is due by the clock', () => {
  it('is done at its time, the soonest first, and what is due later then', async () => {
    agenda.put('soon', time.in(300));
    agenda.put('now', time.now());
    agenda.put('long due', time.in(-60_000));
    agenda.put('later', time.in(3_000));
    run();
    await time.rests();
    expect(agenda.asked).toEqual(['long due', 'now']);
    agenda.catchUp('long due', 'now');
    expect(await time.wake()).toBe(300);
    expect(agenda.asked).toEqual(['long due', 'now', 'soon']);
    agenda.catchUp('soon');
    expect(await time.wake(3)).toBe(2_700);
    expect(agenda.asked).toEqual(['long due', 'now', 'soon', 'later']);
  });

  it('is looked for once a second while there is nothing', async () => {
    run();
    expect(await time.wake(5)).toBe(5_000);
    agenda.put('new', time.now());
    await time.wake();
    expect(agenda.asked).toEqual(['new']);
  });

  it('is not asked for again while the view does not know yet that it was done', async () => {
    agenda.put('one', time.now());
    run();
    await time.wake(10);
    agenda.catchUp('one');
    await time.wake(10);
    expect(agenda.asked).toEqual(['one']);
  });

  it('that was done in vain is done again with growing pauses', async () => {
    agenda.put('one', time.now());
    run();
    await time.rests();
    const times: number[] = [];
    for (let second = 1; second <= 60; second++) {
      agenda.catchUp();
      const before = agenda.asked.length;
      await time.wake();
      if (agenda.asked.length > before) times.push(second);
    }
    expect(times).toEqual([1, 3, 7, 15, 31]);
    expect(await parked()).toEqual([]);
  });

  it('is another thing when it has another cause', async () => {
    agenda.put('one', time.now());
    run();
    await time.rests();
    agenda.put('one', time.now(), 'rescheduled');
    await time.wake();
    expect(agenda.asked).toEqual(['one', 'one']);
  });

  it('is done side by side, but never more than asked for, and one thing once at a time', async () => {
    const ends: (() => void)[] = [];
    agenda.work = () => new Promise<void>((end) => ends.push(end));
    for (const id of ['a', 'b', 'c']) agenda.put(id, time.now());
    run(2);
    for (let nth = 0; nth < 50; nth++) await turn();
    expect(agenda.asked).toEqual(['a', 'b']);
    agenda.put('a', time.now(), 'another cause');
    ends[1]!();
    await time.rests();
    expect(agenda.asked).toEqual(['a', 'b', 'c']);
    await time.wake(3);
    expect(agenda.asked).toEqual(['a', 'b', 'c']);
    for (const end of ends) end();
    await time.wake();
    expect(agenda.asked).toEqual(['a', 'b', 'c', 'a']);
    for (const end of ends) end();
  });

  it('that is under way is waited for when it stops', async () => {
    let end = (): void => undefined;
    agenda.work = () => new Promise<void>((resolve) => (end = resolve));
    agenda.put('one', time.now());
    const stop = run();
    await time.rests();
    let stopped = false;
    const stopping = stop().then(() => (stopped = true));
    for (let nth = 0; nth < 50; nth++) await turn();
    expect(stopped).toBe(false);
    end();
    await stopping;
  });
});

describe('What fails', () => {
  beforeEach(() => {
    agenda.work = async ({ id }) => {
      if (id === 'bad') throw new Error('no way');
    };
    agenda.put('bad', time.in(-1));
    agenda.put('good', time.now());
  });

  it('holds up nothing else, is tried again with growing pauses, and is then parked with its reason', async () => {
    run();
    await time.rests();
    expect(agenda.asked).toEqual(['bad', 'good']);
    agenda.catchUp('good');
    await time.wake(100);
    expect(agenda.asked.filter((id) => id === 'bad')).toHaveLength(6);
    expect(news.map(({ what }) => what)).toEqual([...Array.from({ length: 5 }, () => 'retrying'), 'parked']);
    expect(await parked()).toEqual([
      {
        eventId: 'cause of bad',
        type: 'FollowUpCreated',
        position: 'p000',
        reason: 'no way',
        attempts: 6,
        since: '2026-03-02T12:00:31.000Z',
      },
    ]);
  });

  it('and is parked stays so for whoever begins anew, until it has another cause', async () => {
    const stop = run();
    await time.wake(40);
    await stop();
    agenda.asked.length = 0;
    run();
    await time.wake(5);
    expect(agenda.asked).not.toContain('bad');
    agenda.put('bad', time.now(), 'rescheduled');
    await time.wake();
    expect(agenda.asked).toContain('bad');
  });

  it('because a store is out of reach is waited out, and never parked', async () => {
    let times = 0;
    agenda.work = async () => {
      if ((times += 1) <= 20) throw new Unavailable('down');
    };
    run();
    await time.wake(30);
    expect(await parked()).toEqual([]);
    expect(agenda.head).toBeGreaterThanOrEqual(2);
    expect(news.every(({ what }) => what === 'retrying')).toBe(true);
  });
});

describe('A view', () => {
  it('that is being built is waited for in silence', async () => {
    agenda.put('one', time.now());
    agenda.trouble = new ViewBeingBuilt('follow-ups');
    run();
    expect(await time.wake(3)).toBeGreaterThan(3_000);
    expect({ asked: agenda.asked, news }).toEqual({ asked: [], news: [] });
    agenda.trouble = undefined;
    await time.wake();
    expect(agenda.asked).toEqual(['one']);
  });

  it('that can not be read is asked again after pauses, which is told', async () => {
    agenda.trouble = new Error('unreadable');
    run();
    await time.wake(3);
    expect(news).toMatchObject([1, 2, 4, 5].map((s) => ({ what: 'retrying', inMs: s * 1_000 })));
  });
});
