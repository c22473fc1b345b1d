import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deriveContactKey, contactStream } from '#commands/ids';
import type { Position } from '#domain/event';
import type { EventStore } from '#event-store/event-store';
import { newEvent, newStreamName, newEvents, followUntil, eventIds } from '#event-store/event-store.test-support';
import { EventStoreDbLog } from '#event-store/eventstoredb/eventstoredb-log';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { FakeEventStoreDbServer } from '#test/support/fake-eventstoredb-server';
import { compareLogs, copyEvents, isIdKeyOfLog } from './migration.js';

const folder = mkdtempSync(join(tmpdir(), 'migration-'));
let server: FakeEventStoreDbServer;
beforeAll(async () => {
  server = await FakeEventStoreDbServer.start();
});
afterAll(() => {
  server.stop();
  rmSync(folder, { recursive: true, force: true });
});

let opened: EventStore[] = [];
afterEach(async () => {
  for (const log of opened) await log.close();
  opened = [];
});
async function kept<T extends EventStore>(log: T): Promise<T> {
  opened.push(log);
  return log;
}
const engines = {
  sqlite: () => kept(SqliteLog.open({ file: join(folder, `${randomUUID()}.db`) }).events),
  esdb: async () => kept((await EventStoreDbLog.open(`${server.url}#${randomUUID().replaceAll('-', '')}`)).events),
};
const silent = (): void => undefined;
const all = async (log: EventStore) => {
  const head = await log.head();
  const { seen } = await followUntil(log, log.start, (them) => (them.at(-1)?.position ?? log.start) >= head);
  return seen;
};
const unplaced = async (log: EventStore) => (await all(log)).map(({ position: _, ...event }) => event);

describe.each([
  ['sqlite', 'esdb'],
  ['esdb', 'sqlite'],
  ['sqlite', 'sqlite'],
] as const)('a copy from %s to %s', (from, to) => {
  let one: EventStore;
  let other: EventStore;
  const streams = [newStreamName(), newStreamName(), newStreamName()];

  /** Streams that take turns, with appends of one to five events. */
  async function fill(log: EventStore): Promise<void> {
    const versions = [0, 0, 0];
    for (let nth = 0; nth < 30; nth++) {
      const of = (nth * nth) % 3;
      const some = newEvents(1 + (nth % 5));
      await log.append(streams[of]!, versions[of]!, some);
      versions[of]! += some.length;
    }
  }
  const copyAll = async (head?: Position): Promise<number> => {
    const upTo = head ?? (await one.head());
    const { position } = await compareLogs(one, upTo, other, silent);
    return copyEvents(one, position, upTo, other, silent);
  };

  beforeEach(async () => {
    [one, other] = [await engines[from](), await engines[to]()];
    await fill(one);
  });

  it('has the same events in the same order, of the same streams and versions', async () => {
    const told: number[] = [];
    const head = await one.head();
    const count = await copyEvents(one, one.start, head, other, (n) => told.push(n));
    expect(await unplaced(other)).toEqual(await unplaced(one));
    expect(count).toBe(told.at(-1));
    expect(await compareLogs(one, head, other, silent)).toEqual({ events: count, position: head });
  });

  it('that was cut off anywhere goes on there', async () => {
    const events = await all(one);
    let there = 0;
    for (const upTo of [0, 1, 2, 40, 41, events.length - 1]) {
      expect(await copyAll(events[upTo]!.position)).toBe(upTo + 1 - there);
      there = upTo + 1;
    }
    expect(await unplaced(other)).toEqual(await unplaced(one));
    expect(await copyAll()).toBe(0);
  });

  it('is refused to a target that holds another event, and nothing is written', async () => {
    await copyAll((await all(one))[9]!.position);
    await other.append(newStreamName(), 0, [newEvent()]);
    const before = eventIds(await all(other));
    await expect(copyAll()).rejects.toThrow(
      /^Event number 11 of the target, .* differs\. The target holds another log/,
    );
    expect(eventIds(await all(other))).toEqual(before);
  });

  it('is refused to a target that holds one that says something else', async () => {
    const { stream, version: _, position: __, ...event } = (await all(one))[0]!;
    const changed = { ...event, personal: { from: 'Bob', to: 'Eve' } } as never;
    await other.append(stream, 0, [changed]);
    await expect(copyAll()).rejects.toThrow(/^Event number 1 of the target, .*: personal differs/);
  });

  it('is refused to a target that holds more', async () => {
    await copyAll();
    const more = newEvent();
    await other.append(newStreamName(), 0, [more]);
    await expect(copyAll()).rejects.toThrow(`The target holds more than the source: event ${more.id}`);
  });

  it('says so when somebody else writes to the target', async () => {
    await other.append((await all(one))[0]!.stream, 0, [newEvent()]);
    await expect(copyEvents(one, one.start, await one.head(), other, silent)).rejects.toThrow(/Somebody else writes/);
  });

  it('splits what no single append may hold', async () => {
    const large = Array.from({ length: 30 }, () => newEvent('x'.repeat(65_536)));
    const stream = newStreamName();
    for (const [nth, event] of large.entries()) await one.append(stream, nth, [event]);
    const appends = server.appendCount;
    await copyAll();
    expect((await all(other)).slice(-30).map(({ id }) => id)).toEqual(eventIds(large));
    if (to === 'esdb') expect(server.appendCount - appends).toBeGreaterThan(5);
  });
});

it('a key is known by the first contact', async () => {
  const log = await engines.sqlite();
  expect(await isIdKeyOfLog(log, 'any key will do')).toBe(true);
  await log.append(newStreamName(), 0, [newEvent()]);
  const contactKey = deriveContactKey('the right key', 'demo', 'c-1');
  const registered = {
    ...newEvent(),
    type: 'ContactRegistered',
    data: { contactKey },
    personal: { contactId: 'c-1', name: null, phone: null, email: null },
  };
  await log.append(contactStream('demo', contactKey), 0, [registered]);
  expect(await isIdKeyOfLog(log, 'the right key')).toBe(true);
  expect(await isIdKeyOfLog(log, 'another key')).toBe(false);
});
