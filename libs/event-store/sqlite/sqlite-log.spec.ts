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

const withLog = (test: (log: SqliteLog, file: string, commits: CommittedGroup[]) => Promise<void>): Promise<void> =>
  withTempFolder(async (folder) => {
    const file = join(folder, 'events.db');
    const commits: CommittedGroup[] = [];
    const log = SqliteLog.open({ file, onCommit: (group) => commits.push(group) });
    await test(log, file, commits).finally(() => log.close());
  });

/** Changes the log file as an operator could with a database tool. The log must be closed. */
function editByHand(file: string, sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

const response = { request: 'r', answer: 1, keptAt: '2026-03-01T09:00:00Z' };

describe('a log in a SQLite file', () => {
  it('writes all appends and responses that are waiting at the same time in one commit', () =>
    withLog(async (log, _, commits) => {
      await Promise.all([
        ...Array.from({ length: 20 }, () => log.events.append(newStreamName(), 0, newEvents(2))),
        log.responses.saveIfAbsent('c-1', response),
        log.events.append(newStreamName(), 7, newEvents(1)).catch(() => undefined),
      ]);
      expect(commits).toEqual([{ operations: 22, events: 40, milliseconds: expect.any(Number) }]);
    }));

  it('a rejected append does not affect others in the same commit', () =>
    withLog(async (log) => {
      const [first, contested, last] = [newStreamName(), newStreamName(), newStreamName()];
      const outcomes = await Promise.allSettled([
        log.events.append(first, 0, newEvents(1)),
        log.events.append(contested, 0, newEvents(1)),
        log.events.append(contested, 0, newEvents(2)),
        log.responses.saveIfAbsent('c-1', response),
        log.events.append(last, 0, newEvents(1)),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual([
        'fulfilled',
        'fulfilled',
        'rejected',
        'fulfilled',
        'fulfilled',
      ]);
      expect(outcomes[2]).toMatchObject({ reason: expect.any(ConcurrencyError) });
      for (const stream of [first, contested, last]) expect(await log.events.read(stream, 0, 10)).toHaveLength(1);
    }));

  it('the head of an empty log is its start', () =>
    withLog(async (log) => {
      expect(await log.events.head()).toBe(log.events.start);
      expect(log.events.start).toMatch(/^p[0-9a-v]{8}\.0{13}$/);
    }));

  it('a log does not accept positions of another log, or its own future positions', () =>
    withLog((log) =>
      withLog(async (otherLog) => {
        const { position } = await otherLog.events.append(newStreamName(), 0, newEvents(1));
        expect(log.events.isPosition(position)).toBe(false);
        expect(log.events.isPosition(otherLog.events.start)).toBe(false);
        expect(log.events.isPosition(log.events.start.replace(/0$/, '1'))).toBe(false);
        expect(otherLog.events.isPosition(position.replace(/1$/, '2'))).toBe(false);
      }),
    ));

  it('never assigns a position twice, even if its event was deleted by hand', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      const stream = newStreamName();
      const log = SqliteLog.open({ file });
      await log.events.append(stream, 0, newEvents(1));
      const { position: lastPosition } = await log.events.append(stream, 1, newEvents(2));
      await log.close();
      editByHand(file, 'DELETE FROM events WHERE version > 1');
      const reopened = SqliteLog.open({ file });
      const { position, version } = await reopened.events.append(stream, 1, newEvents(1));
      expect(version).toBe(2);
      expect(position > lastPosition).toBe(true);
      await reopened.close();
    }));

  it.each([1, 3])(
    'rejects reading a stream whose version %d is missing, instead of returning a part of it',
    (missing) =>
      withLog(async (log, file) => {
        const stream = newStreamName();
        await log.events.append(stream, 0, newEvents(5));
        await log.close();
        editByHand(file, `DELETE FROM events WHERE version = ${missing}`);
        const reopened = SqliteLog.open({ file });
        await expect(reopened.events.read(stream, 0, 10)).rejects.toMatchObject({
          name: 'MissingEvents',
          stream,
          missingVersion: missing,
        });
        expect(await reopened.events.read(stream, missing, 10)).toHaveLength(5 - missing);
        await reopened.close();
      }),
  );

  it('a damaged event is reported after all events before it have been returned', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      const stream = newStreamName();
      const log = SqliteLog.open({ file });
      const intact = newEvents(2);
      await log.events.append(stream, 0, [...intact, ...newEvents(2)]);
      await log.close();
      editByHand(file, "UPDATE events SET body = '{' WHERE version = 3");
      const reopened = SqliteLog.open({ file });
      const error = await reopened.events.read(stream, 0, 10).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UnreadableEvent);
      expect(error).toMatchObject({ location: { stream, version: 3 }, reason: 'it is not JSON' });
      const { seen } = await followUntil(reopened.events, reopened.events.start, (events) => events.length === 2);
      expect(eventIds(seen)).toEqual(eventIds(intact));
      await reopened.close();
    }));

  it('a log on a full disk rejects only appends that do not fit, and accepts them once there is room', () =>
    withTempFolder(async (folder) => {
      const file = openLogFile({ file: join(folder, 'events.db') });
      const log = new SqliteLog(file);
      const stream = newStreamName();
      await log.events.append(stream, 0, newEvents(1));
      const { page_count: pages } = file.db.prepare('PRAGMA page_count').get() as { page_count: number };
      file.db.exec(`PRAGMA max_page_count = ${pages + 4}`);

      const large = [newEvent('x'.repeat(60_000)), newEvent()];
      const [smallAppend, largeAppend, saved] = await Promise.allSettled([
        log.events.append(stream, 1, newEvents(1)),
        log.events.append(newStreamName(), 0, large),
        log.responses.saveIfAbsent('c-1', response),
      ]);
      expect(smallAppend.status).toBe('fulfilled');
      expect(saved.status).toBe('fulfilled');
      expect(largeAppend).toMatchObject({
        reason: { message: expect.stringContaining('no space left'), cause: { errcode: 13 } },
      });
      expect((largeAppend as PromiseRejectedResult).reason).toBeInstanceOf(Unavailable);

      file.db.exec('PRAGMA max_page_count = 1000000');
      const target = newStreamName();
      await expect(log.events.append(target, 0, large)).resolves.toMatchObject({ version: 2 });
      expect(eventIds(await log.events.read(target, 0, 10))).toEqual(eventIds(large));
      await log.close();
    }));

  it('a log is unavailable, with the reason, while another program has locked its file', () =>
    withLog(async (log, file) => {
      const otherProgram = new DatabaseSync(file);
      otherProgram.exec('BEGIN IMMEDIATE');
      const error = await log.events.append(newStreamName(), 0, newEvents(1)).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Unavailable);
      expect((error as Error).message).toBe('the event log is unavailable: it is locked by another program');
      otherProgram.close();
      await log.events.append(newStreamName(), 0, newEvents(1));
    }));

  it('a log notifies followers in other threads at once', () =>
    withLog(async (log, file) => {
      const thread = new Worker(childModule, { workerData: ['follow', file] });
      const received = new Set<string>();
      let onLine = (): void => undefined;
      thread.on('message', (line: string) => {
        received.add(line);
        onLine();
      });
      const waitForLine = (line: string): Promise<void> =>
        new Promise((resolve) => {
          onLine = () => (received.has(line) ? resolve() : undefined);
          onLine();
        });
      await waitForLine('ready');
      const durations: number[] = [];
      for (let i = 0; i < 30; i++) {
        const startedAt = performance.now();
        await waitForLine((await log.events.append(newStreamName(), 0, newEvents(1))).position);
        durations.push(performance.now() - startedAt);
      }
      // With polling alone, each event would take up to 100 ms. A busy machine may delay many of them.
      expect(durations.toSorted((a, b) => a - b)[9]).toBeLessThan(50);
      const exited = new Promise((resolve) => thread.once('exit', resolve));
      thread.postMessage('stop');
      expect(await exited).toBe(0);
    }));

  it('a log can be followed by other processes', () =>
    withLog(async (log, file) => {
      const reader = startChild('follow', file);
      expect((await reader.lines.next()).value).toBe('ready');
      for (let i = 0; i < 3; i++) {
        const { position } = await log.events.append(newStreamName(), 0, newEvents(1));
        expect((await reader.lines.next()).value).toBe(position);
      }
      reader.kill();
    }));

  it('a log does not block its thread while a follower catches up', () =>
    withLog(async (log) => {
      await log.events.append(newStreamName(), 0, newEvents(50));
      let eventLoopPasses = 0;
      let nextPass: NodeJS.Immediate;
      const countPasses = (): void => {
        nextPass = globalThis.setImmediate(() => {
          eventLoopPasses += 1;
          countPasses();
        });
      };
      countPasses();
      await followUntil(log.events, log.events.start, (seen) => seen.length === 50, 1);
      clearImmediate(nextPass!);
      expect(eventLoopPasses).toBeGreaterThan(20);
    }));

  it('a follower whose next events are only partly cached reads the others at once', () =>
    withLog(async (log) => {
      for (let i = 0; i < 5; i++) await log.events.append(newStreamName(), 0, newEvents(900));
      const stop = new AbortController();
      const follower = (batchSize: number): AsyncIterator<EventBatch> =>
        log.events.follow(log.events.start, { signal: stop.signal, batchSize })[Symbol.asyncIterator]();
      // The first follower evicts the beginning of the log from the cache. The second caches a part of it again.
      for (const batchSize of [4_500, 100]) await follower(batchSize).next();
      const third = follower(1_000);
      const batchSizes: number[] = [];
      const pull = async (): Promise<void> => {
        const { value } = (await third.next()) as { value?: EventBatch };
        batchSizes.push(value?.events.length ?? 0);
      };
      await pull();
      void pull();
      for (let pass = 0; pass < 5; pass++) await setImmediate();
      stop.abort();
      expect(batchSizes).toEqual([100, 1_000]);
    }));

  it('a closed log leaves no open resource in the process', () =>
    withTempFolder(async (folder) => {
      const openResources = (): string[] =>
        process
          .getActiveResourcesInfo()
          .filter((kind) => kind !== 'Immediate')
          .sort();
      const before = openResources();
      const log = SqliteLog.open({ file: join(folder, `${randomUUID()}.db`) });
      const following = followUntil(log.events, log.events.start, (seen) => seen.length === 1);
      await log.events.append(newStreamName(), 0, newEvents(1));
      await following;
      await log.close();
      expect(openResources()).toEqual(before);
    }));
});
