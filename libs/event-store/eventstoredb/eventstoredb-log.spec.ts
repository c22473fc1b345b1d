import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { FakeEventStoreDbServer } from '#test/support/fake-eventstoredb-server';
import { type EventBatch, Unavailable } from '../event-store.js';
import { newStreamName, newEvent, newEvents, followUntil, eventIds } from '../event-store.test-support.js';
import { EventStoreDbLog } from './eventstoredb-log.js';
import { storedResponse, captureFailure, withLog, waitUntil, retryUntilAvailable } from './log.fixture.js';

describe('appending to an EventStoreDB', () => {
  it('lets nothing pass on which the client dies', () =>
    withLog(async (log, server) => {
      const before = server.appendCount;
      for (const wrong of [
        { ...newEvent(), id: 'x' },
        { ...newEvent(), type: '' },
      ])
        await expect(log.events.append(newStreamName(), 0, [wrong])).rejects.toThrow(TypeError);
      expect(server.appendCount).toBe(before);
    }));

  it('refuses a stream that no follower would see', () =>
    withLog(async (log) => {
      await expect(log.events.append('answer-1', 0, newEvents(1))).rejects.toThrow(
        'answer-1 is not a stream of this log',
      );
      await expect(log.events.read('$all', 0, 1)).rejects.toThrow(TypeError);
    }));

  it.each(['', 'admin:changeit@'])('never takes the path that ignores deadlines, with %p in the URL', (credentials) =>
    withLog(
      async (log, server) => {
        await Promise.all(Array.from({ length: 10 }, () => log.events.append(newStreamName(), 0, newEvents(2))));
        expect(server.appendCount).toBeGreaterThanOrEqual(10);
        expect(server.batchAppendCount).toBe(0);
      },
      (server) => server.url.replace('//', `//${credentials}`),
    ),
  );

  it('looks for the position when none comes with the answer', () =>
    withLog(async (log, server) => {
      server.returnsPositions = false;
      const stream = newStreamName();
      const { version, position } = await log.events.append(stream, 0, newEvents(3));
      expect([version, position]).toEqual([3, (await log.events.read(stream, 2, 1))[0]!.position]);
    }));
});

describe('a server of EventStoreDB that is away', () => {
  it.each(['unavailable', 'not ready', 'not leader'] as const)('for a moment (%s) is asked again', (fault) =>
    withLog(async (log, server) => {
      server.leaderPort = server.port;
      const stream = newStreamName();
      server.failNext(fault, fault);
      await log.events.append(stream, 0, newEvents(1));
      server.failNext(fault);
      expect(await log.events.read(stream, 0, 10)).toHaveLength(1);
      server.failNext(fault);
      expect(await log.events.head()).not.toBe(log.events.start);
      server.failNext(fault);
      expect(await log.responses.saveIfAbsent(randomUUID(), storedResponse)).toEqual(storedResponse);
      server.failNext(fault);
      const { seen } = await followUntil(log.events, log.events.start, (all) => all.length === 1);
      expect(seen).toHaveLength(1);
    }),
  );

  it('and sends to the leader is left for it', async () => {
    const leader = await FakeEventStoreDbServer.start();
    await withLog(async (log, server) => {
      server.leaderPort = leader.port;
      server.failNext('not leader');
      const stream = newStreamName();
      await log.events.append(stream, 0, newEvents(1));
      expect(leader.log.read(stream)).toHaveLength(1);
      expect(server.log.read(stream)).toBeUndefined();
    });
    leader.stop();
  });

  it('or refuses the password is unavailable at once, and no secret is told', () =>
    withLog(async (log, server) => {
      server.failNext('denied');
      const { error, milliseconds } = await captureFailure(log.events.append(newStreamName(), 0, newEvents(1)));
      expect(error).toBeInstanceOf(Unavailable);
      expect((error as Error).message).toContain('refuses the name and password');
      expect(milliseconds).toBeLessThan(3_000);
    }));

  it('is told from one that answers others meanwhile', () =>
    withLog(async (log, server) => {
      server.dropResponses(1_000);
      const refused = captureFailure(log.events.append(newStreamName(), 0, newEvents(1)));
      await log.events.head();
      expect((await refused).error).toBeInstanceOf(Unavailable);
      server.dropResponses(0);
      expect(await log.events.append(newStreamName(), 0, newEvents(1))).toMatchObject({ version: 1 });
    }));

  it('or has too much to do: who waits too long is told so, and may come again', () =>
    withLog(async (log, server) => {
      server.appendDelayMs = 600;
      const asking = Array.from({ length: 1_000 }, () =>
        captureFailure(log.events.append(newStreamName(), 0, newEvents(1))),
      );
      const errors = (await Promise.all(asking)).map(({ error }) => error).filter((error) => error !== undefined);
      expect(errors.length).toBeGreaterThan(0);
      for (const error of errors) expect(error).toBeInstanceOf(Unavailable);
      expect(await retryUntilAvailable(() => log.events.append(newStreamName(), 0, newEvents(1)))).toMatchObject({
        version: 1,
      });
    }));
});

describe('following an EventStoreDB', () => {
  /** Appends to a few streams at once until told to stop; how many. */
  const writing = (log: EventStoreDbLog, stop: AbortSignal): Promise<number[]> =>
    Promise.all(
      Array.from({ length: 3 }, async () => {
        const stream = newStreamName();
        for (let version = 0; ; version++) {
          if (stop.aborted) return version;
          const event = newEvent();
          await retryUntilAvailable(() => log.events.append(stream, version, [event]));
        }
      }),
    );

  const nothingMissing = (seen: readonly { position: string; stream: string; version: number }[]): void => {
    const positions = seen.map(({ position }) => position);
    expect(positions).toEqual([...new Set(positions)].sort());
    for (const stream of new Set(seen.map((event) => event.stream))) {
      const mine = seen.filter((event) => event.stream === stream);
      expect(mine.map(({ version }) => version)).toEqual(mine.map((_, i) => i + 1));
    }
  };

  it('loses nothing and repeats nothing when it is dropped again and again', () =>
    withLog(async (log, server) => {
      server.dropAfterEvents = 20;
      const stop = new AbortController();
      const appending = writing(log, stop.signal);
      const { seen } = await followUntil(log.events, log.events.start, (all) => all.length >= 100, 7);
      server.dropAfterEvents = Infinity;
      server.dropSubscriptions();
      stop.abort();
      nothingMissing(seen);
      const total = (await appending).reduce((sum, count) => sum + count);
      const rest = await followUntil(log.events, seen.at(-1)!.position, (all) => all.length >= total - seen.length);
      nothingMissing([...seen, ...rest.seen]);
      expect(seen.length + rest.seen.length).toBe(total);
    }));

  it('goes on when the server has been started again', () =>
    withLog(async (log, server) => {
      const stream = newStreamName();
      await log.events.append(stream, 0, newEvents(3));
      let restarted: Promise<void> | undefined;
      const { seen } = await followUntil(log.events, log.events.start, (all) => {
        restarted ??= (async () => {
          server.stop();
          await server.start();
          await retryUntilAvailable(() => log.events.append(stream, 3, [...lateEvents]));
        })();
        return all.length >= 6;
      });
      await restarted;
      nothingMissing(seen);
      expect(eventIds(seen).slice(3)).toEqual(eventIds(lateEvents));
    }));
  const lateEvents = newEvents(3);

  it('leaves no call open on the server, however it is left', () =>
    withLog(async (log, server) => {
      await log.events.append(newStreamName(), 0, newEvents(5));
      for (let i = 0; i < 20; i++) {
        for await (const _ of log.events.follow(log.events.start, { signal: new AbortController().signal })) break;
        await followUntil(log.events, log.events.start, (seen) => seen.length === 5);
        expect(await log.events.read(newStreamName(), 0, 10)).toEqual([]);
      }
      await waitUntil(() => server.openReadCount === 0);
    }));

  it('reads no further ahead than a little when nobody pulls', () =>
    withLog(async (log, server) => {
      for (let i = 0; i < 50; i++) await log.events.append(newStreamName(), 0, newEvents(100));
      const { signal } = new AbortController();
      const batches = log.events.follow(log.events.start, { signal, batchSize: 10 })[Symbol.asyncIterator]();
      const first = (await batches.next()) as IteratorYieldResult<EventBatch>;
      expect(first.value.events).toHaveLength(10);
      for (let i = 0; i < 100; i++) await log.events.head();
      expect(server.eventsSent).toBeLessThan(2_000);
      await batches.return!();
    }));

  it('sees nothing of what is not of this log, nor does its head', () =>
    withLog(async (log, server) => {
      const stream = newStreamName();
      server.appendForeign('$stats-1', 10);
      expect(await log.events.head()).toBe(log.events.start);
      const { position } = await log.events.append(stream, 0, newEvents(1));
      server.appendForeign('order-1', 1_200);
      await log.responses.saveIfAbsent(randomUUID(), storedResponse);
      expect(await log.events.head()).toBe(position);
      const beside = await EventStoreDbLog.open(`${server.url}#beside`);
      expect(await beside.events.head()).toBe(beside.events.start);
      expect(beside.events.isPosition(position)).toBe(false);
      const { position: other } = await beside.events.append(stream, 0, newEvents(1));
      expect([await beside.events.head(), await log.events.head()]).toEqual([other, position]);
      const { position: last } = await log.events.append(stream, 1, newEvents(1));
      const { seen } = await followUntil(log.events, log.events.start, (all) => all.at(-1)?.position === last);
      expect(seen.map(({ version }) => version)).toEqual([1, 2]);
      await beside.close();
    }));

  it('goes on with its look for the end where it ran out of time, over what others have written', () =>
    withLog(async (log, server) => {
      const { position } = await log.events.append(newStreamName(), 0, newEvents(1));
      const beside = await EventStoreDbLog.open(`${server.url}#beside`);
      server.appendForeign('order-1', 2_000);
      for (const times of [1, 2]) {
        const before = server.eventsScanned;
        const looking = captureFailure(beside.events.head());
        await waitUntil(() => server.eventsScanned > before + 200);
        server.failNext('denied');
        expect((await looking).error).toBeInstanceOf(Unavailable);
        server.appendForeign('order-2', 10 * times);
      }
      const before = server.eventsScanned;
      expect(await beside.events.head()).toBe(beside.events.start);
      expect(server.eventsScanned - before).toBeLessThan(1_800);
      expect(await log.events.head()).toBe(position);
      await beside.close();
    }));

  it('looks through nothing that was on the server before its log began', () =>
    withLog(async (_, server) => {
      server.appendForeign('order-1', 5_000);
      const log = await EventStoreDbLog.open(`${server.url}#young`);
      expect(await log.events.head()).toBe(log.events.start);
      expect(server.eventsScanned).toBeLessThan(10);
      const stream = newStreamName();
      const { position } = await log.events.append(stream, 0, newEvents(1));
      const { seen } = await followUntil(log.events, log.events.start, (all) => all.length === 1);
      expect(seen.map((it) => it.position)).toEqual([position]);
      await log.close();
    }));
});

describe('a log in an EventStoreDB', () => {
  it('has no place but those of its events', () =>
    withLog(async (log) => {
      const { position } = await log.events.append(newStreamName(), 0, newEvents(1));
      const beside = position.slice(0, -1) + (position.endsWith('0') ? '1' : '0');
      await expect(followUntil(log.events, beside, () => false)).rejects.toThrow(RangeError);
    }));

  it('is begun once, by whoever is first', async () => {
    const server = await FakeEventStoreDbServer.start();
    const logs = await Promise.all(Array.from({ length: 8 }, () => EventStoreDbLog.open(server.url)));
    expect(new Set(logs.map((log) => log.events.start)).size).toBe(1);
    await Promise.all(logs.map((log) => log.close()));
    server.stop();
  });

  it.each([
    'http://x',
    'esdb://',
    'esdb://u:secret@h:port',
    'esdb://u:secret@h?tls=maybe',
    'esdb://u:secret@h#Not-a-name',
    'esdb://u:secret@h?tlsVerifyCert=false',
    'esdb://u:secret@h?tls=false&throw_on_append_failure=false',
    'esdb://u:secret@h?colour=red',
  ])('is not at %s, and no password is told', async (url) => {
    const { error } = await captureFailure(EventStoreDbLog.open(url));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).not.toContain('secret');
  });

  it('forgets the list of the answers that it has forgotten', () =>
    withLog(async (log, server) => {
      const [old, young] = [randomUUID(), randomUUID()];
      await log.responses.saveIfAbsent(old, storedResponse);
      await log.responses.saveIfAbsent(young, { ...storedResponse, keptAt: '2026-03-01T11:00:00Z' });
      expect(await log.responses.deleteBefore('2026-03-01T10:30:00Z')).toBe(1);
      expect(server.log.read('answers-2026-03-01T09:00:00.000Z')).toBeUndefined();
      expect(server.log.read('answers')).toHaveLength(1);
      expect(await log.responses.deleteBefore('2026-03-01T11:00:00.001Z')).toBe(1);
      expect(await log.responses.find(young)).toBeUndefined();
      // The hour is not over.
      expect(server.log.read('answers-2026-03-01T11:00:00.000Z')).toHaveLength(1);
    }));

  it('lives on in a process that no stray error ends', async () => {
    const server = await FakeEventStoreDbServer.start();
    try {
      // A process can't run the sources: this is what `npm test` built of log.child.ts.
      const file = join(import.meta.dirname, '../../../dist/libs/event-store/eventstoredb/log.child.js');
      const child = spawn(process.execPath, [file, server.url.replace('127.0.0.1', '127.0.0.1:1,127.0.0.1')]);
      const ended = once(child, 'exit');
      const [said, complained] = [text(child.stdout), text(child.stderr)];
      const more = (count: number): Promise<void> => {
        const goal = server.log.all.length + count;
        return waitUntil(() => server.log.all.length >= goal || child.exitCode !== null);
      };
      await more(20);
      for (const trouble of [
        async () => server.dropSubscriptions(),
        async () => server.dropResponses(2),
        async () => server.failNext('unavailable', 'not ready', 'unavailable'),
        async () => {
          server.stop();
          await server.start();
        },
        async () => {
          server.stop();
          await captureFailure(EventStoreDbLog.open(server.url));
          await server.start();
        },
      ]) {
        await trouble();
        await more(20);
      }
      child.stdin.write('stop\n');
      const [code] = (await ended) as [number];
      expect(await complained).toBe('');
      expect(code).toBe(0);
      const { appended, seen } = JSON.parse((await said).split('\n')[1]!) as { appended: string[]; seen: string[] };
      expect(seen.toSorted()).toEqual(appended.toSorted());
    } finally {
      server.stop();
    }
  });
});
