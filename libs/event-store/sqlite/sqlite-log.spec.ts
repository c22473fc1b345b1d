import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { UnreadableEvent } from '#domain/event-codec';
import { type EventBatch, ConcurrencyError, Unavailable } from '../event-store.js';
import { newStreamName, newEvent, newEvents, followUntil, eventIds } from '../event-store.test-support.js';
import type { CommittedGroup } from './group-commit.js';
import { childModule, withTempFolder, startChild } from './log-children.fixture.js';
import { openLogFile } from './log-file.js';
import { SqliteLog } from './sqlite-log.js';

const inLog = (test: (log: SqliteLog, file: string, commits: CommittedGroup[]) => Promise<void>): Promise<void> =>
  withTempFolder(async (folder) => {
    const file = join(folder, 'events.db');
    const commits: CommittedGroup[] = [];
    const log = SqliteLog.open({ file, onCommit: (group) => commits.push(group) });
    await test(log, file, commits).finally(() => log.close());
  });

/** The log's file in the hands of somebody with a database tool, the log being closed meanwhile. */
function byHand(file: string, sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

const answer = { request: 'r', answer: 1, keptAt: '2026-03-01T09:00:00Z' };

describe('a log in a SQLite file', () => {
  it('writes all that waits at one moment, appends and answers, in one commit', () =>
    inLog(async (log, _, commits) => {
      await Promise.all([
        ...Array.from({ length: 20 }, () => log.events.append(newStreamName(), 0, newEvents(2))),
        log.responses.saveIfAbsent('c-1', answer),
        log.events.append(newStreamName(), 7, newEvents(1)).catch(() => undefined),
      ]);
      expect(commits).toEqual([{ operations: 22, events: 40, milliseconds: expect.any(Number) }]);
    }));

  it('harms nobody in the same commit when it refuses an append', () =>
    inLog(async (log) => {
      const [before, twice, after] = [newStreamName(), newStreamName(), newStreamName()];
      const outcomes = await Promise.allSettled([
        log.events.append(before, 0, newEvents(1)),
        log.events.append(twice, 0, newEvents(1)),
        log.events.append(twice, 0, newEvents(2)),
        log.responses.saveIfAbsent('c-1', answer),
        log.events.append(after, 0, newEvents(1)),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual([
        'fulfilled',
        'fulfilled',
        'rejected',
        'fulfilled',
        'fulfilled',
      ]);
      expect(outcomes[2]).toMatchObject({ reason: expect.any(ConcurrencyError) });
      for (const stream of [before, twice, after]) expect(await log.events.read(stream, 0, 10)).toHaveLength(1);
    }));

  it('is at its start when it is empty', () =>
    inLog(async (log) => {
      expect(await log.events.head()).toBe(log.events.start);
      expect(log.events.start).toMatch(/^p[0-9a-v]{8}\.0{13}$/);
    }));

  it('knows the positions of another log, and its own that are still to come, as none of its', () =>
    inLog((one) =>
      inLog(async (other) => {
        const { position } = await other.events.append(newStreamName(), 0, newEvents(1));
        expect(one.events.isPosition(position)).toBe(false);
        expect(one.events.isPosition(other.events.start)).toBe(false);
        expect(one.events.isPosition(one.events.start.replace(/0$/, '1'))).toBe(false);
        expect(other.events.isPosition(position.replace(/1$/, '2'))).toBe(false);
      }),
    ));

  it('never hands out a position again, even of events deleted by hand', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      const stream = newStreamName();
      const log = SqliteLog.open({ file });
      await log.events.append(stream, 0, newEvents(1));
      const { position: last } = await log.events.append(stream, 1, newEvents(2));
      await log.close();
      byHand(file, 'DELETE FROM events WHERE version > 1');
      const again = SqliteLog.open({ file });
      const { position, version } = await again.events.append(stream, 1, newEvents(1));
      expect(version).toBe(2);
      expect(position > last).toBe(true);
      await again.close();
    }));

  it('says which event is damaged, after all events before it', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      const stream = newStreamName();
      const log = SqliteLog.open({ file });
      const fine = newEvents(2);
      await log.events.append(stream, 0, [...fine, ...newEvents(2)]);
      await log.close();
      byHand(file, "UPDATE events SET body = '{' WHERE version = 3");
      const again = SqliteLog.open({ file });
      const stopped = await again.events.read(stream, 0, 10).catch((error: unknown) => error);
      expect(stopped).toBeInstanceOf(UnreadableEvent);
      expect(stopped).toMatchObject({ location: { stream, version: 3 }, reason: 'it is not JSON' });
      expect(eventIds((await followUntil(again.events, again.events.start, (seen) => seen.length === 2)).seen)).toEqual(
        eventIds(fine),
      );
      await again.close();
    }));

  it('is unavailable to what does not fit on a full disk, and goes on when there is room', () =>
    withTempFolder(async (folder) => {
      const file = openLogFile({ file: join(folder, 'events.db') });
      const log = new SqliteLog(file);
      const stream = newStreamName();
      await log.events.append(stream, 0, newEvents(1));
      const { page_count: pages } = file.db.prepare('PRAGMA page_count').get() as { page_count: number };
      file.db.exec(`PRAGMA max_page_count = ${pages + 4}`);

      const large = [newEvent('x'.repeat(60_000)), newEvent()];
      const [small, tooLarge, kept] = await Promise.allSettled([
        log.events.append(stream, 1, newEvents(1)),
        log.events.append(newStreamName(), 0, large),
        log.responses.saveIfAbsent('c-1', answer),
      ]);
      expect(small.status).toBe('fulfilled');
      expect(kept.status).toBe('fulfilled');
      expect(tooLarge).toMatchObject({
        reason: { message: expect.stringContaining('no space left'), cause: { errcode: 13 } },
      });
      expect((tooLarge as PromiseRejectedResult).reason).toBeInstanceOf(Unavailable);

      file.db.exec('PRAGMA max_page_count = 1000000');
      const target = newStreamName();
      await expect(log.events.append(target, 0, large)).resolves.toMatchObject({ version: 2 });
      expect(eventIds(await log.events.read(target, 0, 10))).toEqual(eventIds(large));
      await log.close();
    }));

  it('is unavailable, in our words, while another program has locked it', () =>
    inLog(async (log, file) => {
      const intruder = new DatabaseSync(file);
      intruder.exec('BEGIN IMMEDIATE');
      const refused = await log.events.append(newStreamName(), 0, newEvents(1)).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(Unavailable);
      expect((refused as Error).message).toBe("the event log can't be used: it is locked by another program");
      intruder.close();
      await log.events.append(newStreamName(), 0, newEvents(1));
    }));

  it('tells followers in other threads at once', () =>
    inLog(async (log, file) => {
      const thread = new Worker(childModule, { workerData: ['follow', file] });
      const said = new Set<string>();
      let heard = (): void => undefined;
      thread.on('message', (line: string) => {
        said.add(line);
        heard();
      });
      const until = (line: string): Promise<void> =>
        new Promise((resolve) => {
          heard = () => (said.has(line) ? resolve() : undefined);
          heard();
        });
      await until('ready');
      const took: number[] = [];
      for (let i = 0; i < 30; i++) {
        const started = performance.now();
        await until((await log.events.append(newStreamName(), 0, newEvents(1))).position);
        took.push(performance.now() - started);
      }
      // Found by looking every 100 ms alone, each comes that much behind the one before it. A busy machine may hold up many.
      expect(took.toSorted((a, b) => a - b)[9]).toBeLessThan(50);
      const gone = new Promise((resolve) => thread.once('exit', resolve));
      thread.postMessage('stop');
      expect(await gone).toBe(0);
    }));

  it('is followed from other processes', () =>
    inLog(async (log, file) => {
      const reader = startChild('follow', file);
      expect((await reader.lines.next()).value).toBe('ready');
      for (let i = 0; i < 3; i++) {
        const { position } = await log.events.append(newStreamName(), 0, newEvents(1));
        expect((await reader.lines.next()).value).toBe(position);
      }
      reader.kill();
    }));

  it('lets others have a turn while it catches up', () =>
    inLog(async (log) => {
      await log.events.append(newStreamName(), 0, newEvents(50));
      let turns = 0;
      const turn = (): void => void (turns++, (timer = globalThis.setImmediate(turn)));
      let timer = globalThis.setImmediate(turn);
      await followUntil(log.events, log.events.start, (seen) => seen.length === 50, 1);
      clearImmediate(timer);
      expect(turns).toBeGreaterThan(20);
    }));

  it('goes on at once where it finds only the beginning of what others have read before it', () =>
    inLog(async (log) => {
      for (let n = 0; n < 5; n++) await log.events.append(newStreamName(), 0, newEvents(900));
      const stop = new AbortController();
      const follower = (batchSize: number): AsyncIterator<EventBatch> =>
        log.events.follow(log.events.start, { signal: stop.signal, batchSize })[Symbol.asyncIterator]();
      // The first pushes out the beginning, of which the second brings back a part.
      for (const batchSize of [4_500, 100]) await follower(batchSize).next();
      const third = follower(1_000);
      const got: number[] = [];
      const take = async (): Promise<void> => {
        const { value } = (await third.next()) as { value?: EventBatch };
        got.push(value?.events.length ?? 0);
      };
      await take();
      void take();
      for (let turn = 0; turn < 5; turn++) await setImmediate();
      stop.abort();
      expect(got).toEqual([100, 1_000]);
    }));

  it('leaves nothing open behind', () =>
    withTempFolder(async (folder) => {
      const before = process
        .getActiveResourcesInfo()
        .filter((kind) => kind !== 'Immediate')
        .sort();
      const log = SqliteLog.open({ file: join(folder, `${randomUUID()}.db`) });
      const following = followUntil(log.events, log.events.start, (seen) => seen.length === 1);
      await log.events.append(newStreamName(), 0, newEvents(1));
      await following;
      await log.close();
      expect(
        process
          .getActiveResourcesInfo()
          .filter((kind) => kind !== 'Immediate')
          .sort(),
      ).toEqual(before);
    }));
});
