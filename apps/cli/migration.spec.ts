import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Position } from '#domain/event-envelope';
import type { EventStore } from '#event-store/event-store';
import { newEvent, newStreamName, newEvents, followUntil, eventIds } from '#event-store/event-store.test-support';
import { EventStoreDbLog } from '#event-store/eventstoredb/eventstoredb-log';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { FakeEventStoreDbServer } from '#test/support/fake-eventstoredb-server';
import { compareLogs, copyEvents } from './migration.js';

const folder = mkdtempSync(join(tmpdir(), 'migration-'));
let server: FakeEventStoreDbServer;
beforeAll(async () => {
  server = await FakeEventStoreDbServer.start();
});
afterAll(() => {
  server.stop();
  rmSync(folder, { recursive: true, force: true });
});

let openLogs: EventStore[] = [];
afterEach(async () => {
  for (const log of openLogs) await log.close();
  openLogs = [];
});
/** Closes the log after the test. */
async function track<T extends EventStore>(log: T): Promise<T> {
  openLogs.push(log);
  return log;
}
const engines = {
  sqlite: () => track(SqliteLog.open({ file: join(folder, `${randomUUID()}.db`) }).events),
  esdb: async () => track((await EventStoreDbLog.open(`${server.url}#${randomUUID().replaceAll('-', '')}`)).events),
};
const ignoreProgress = (): void => undefined;
const readAll = async (log: EventStore) => {
  const head = await log.head();
  const { seen } = await followUntil(log, log.start, (events) => (events.at(-1)?.position ?? log.start) >= head);
  return seen;
};
const readWithoutPositions = async (log: EventStore) => (await readAll(log)).map(({ position: _, ...event }) => event);

describe.each([
  ['sqlite', 'esdb'],
  ['esdb', 'sqlite'],
  ['sqlite', 'sqlite'],
] as const)('a copy from %s to %s', (from, to) => {
  let source: EventStore;
  let target: EventStore;
  const streams = [newStreamName(), newStreamName(), newStreamName()];

  /** Appends of one to five events, to alternating streams. */
  async function fill(log: EventStore): Promise<void> {
    const versions = [0, 0, 0];
    for (let round = 0; round < 30; round++) {
      const index = (round * round) % 3;
      const events = newEvents(1 + (round % 5));
      await log.append(streams[index]!, versions[index]!, events);
      versions[index]! += events.length;
    }
  }
  const copyAll = async (head?: Position): Promise<number> => {
    const end = head ?? (await source.head());
    const { position } = await compareLogs(source, end, target, ignoreProgress);
    return copyEvents(source, position, end, target, ignoreProgress);
  };

  beforeEach(async () => {
    [source, target] = [await engines[from](), await engines[to]()];
    await fill(source);
  });

  it('a copied log has the same events in the same order, with the same streams and versions', async () => {
    const progress: number[] = [];
    const head = await source.head();
    const count = await copyEvents(source, source.start, head, target, (events) => progress.push(events));
    expect(await readWithoutPositions(target)).toEqual(await readWithoutPositions(source));
    expect(count).toBe(progress.at(-1));
    expect(await compareLogs(source, head, target, ignoreProgress)).toEqual({ events: count, position: head });
  });

  it('copying a log continues where it was interrupted, at any event', async () => {
    const events = await readAll(source);
    let copied = 0;
    for (const last of [0, 1, 2, 40, 41, events.length - 1]) {
      expect(await copyAll(events[last]!.position)).toBe(last + 1 - copied);
      copied = last + 1;
    }
    expect(await readWithoutPositions(target)).toEqual(await readWithoutPositions(source));
    expect(await copyAll()).toBe(0);
  });

  it('copying a log is rejected, and writes nothing, if the target holds an event that the source does not have', async () => {
    await copyAll((await readAll(source))[9]!.position);
    await target.append(newStreamName(), 0, [newEvent()]);
    const before = eventIds(await readAll(target));
    await expect(copyAll()).rejects.toThrow(/^Event number 11 of the target, .* The target contains another log/);
    expect(eventIds(await readAll(target))).toEqual(before);
  });

  it('copying a log is rejected if an event of the target has other content', async () => {
    const { stream, version: _, position: __, ...event } = (await readAll(source))[0]!;
    const changed = { ...event, personal: { from: 'Bob', to: 'Eve' } } as never;
    await target.append(stream, 0, [changed]);
    await expect(copyAll()).rejects.toThrow(/^Event number 1 of the target, .*, in personal\./);
  });

  it('copying a log is rejected if the target holds more events than the source', async () => {
    await copyAll();
    const extra = newEvent();
    await target.append(newStreamName(), 0, [extra]);
    await expect(copyAll()).rejects.toThrow(`The target contains more than the source: event ${extra.id}`);
  });

  it('copying a log reports that another process writes to the target', async () => {
    await target.append((await readAll(source))[0]!.stream, 0, [newEvent()]);
    await expect(copyEvents(source, source.start, await source.head(), target, ignoreProgress)).rejects.toThrow(
      /^Another process writes to the target/,
    );
  });

  it('copying a log splits events that are too large for one append', async () => {
    const large = Array.from({ length: 30 }, () => newEvent('x'.repeat(65_536)));
    const stream = newStreamName();
    for (const [version, event] of large.entries()) await source.append(stream, version, [event]);
    const appends = server.appendCount;
    await copyAll();
    expect((await readAll(target)).slice(-30).map(({ id }) => id)).toEqual(eventIds(large));
    if (to === 'esdb') expect(server.appendCount - appends).toBeGreaterThan(5);
  });
});
