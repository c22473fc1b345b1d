import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { FakeEventStoreDbServer } from '#test/support/fake-eventstoredb-server';
import { type EventBatch, Unavailable } from '../event-store.js';
import { newStreamName, newEvent, newEvents, followUntil, eventIds } from '../event-store.test-support.js';
import { openClient, parseLogUrl } from './client.js';
import { EventStoreDbLog } from './eventstoredb-log.js';
import { storedResponse, captureFailure, withLog, waitUntil, retryUntilAvailable } from './log.fixture.js';
import { closeClient } from './patched-client.js';

describe('appending to EventStoreDB', () => {
  it('rejects events that would make the client end the process, before they reach the client', () =>
    withLog(async (log, server) => {
      const before = server.appendCount;
      for (const invalidEvent of [
        { ...newEvent(), id: 'x' },
        { ...newEvent(), type: '' },
      ])
        await expect(log.events.append(newStreamName(), 0, [invalidEvent])).rejects.toThrow(TypeError);
      expect(server.appendCount).toBe(before);
    }));

  it('rejects appends and reads of a stream that no follower would see', () =>
    withLog(async (log) => {
      await expect(log.events.append('answer-1', 0, newEvents(1))).rejects.toThrow(
        '"answer-1" is not a stream of the log',
      );
      await expect(log.events.read('$all', 0, 1)).rejects.toThrow(TypeError);
    }));

  it.each(['', 'admin:changeit@'])(
    'an append is never a batch append, which would ignore its deadline, with %p in the URL',
    (credentials) =>
      withLog(
        async (log, server) => {
          await Promise.all(Array.from({ length: 10 }, () => log.events.append(newStreamName(), 0, newEvents(2))));
          expect(server.appendCount).toBeGreaterThanOrEqual(10);
          expect(server.batchAppendCount).toBe(0);
        },
        (server) => server.url.replace('//', `//${credentials}`),
      ),
  );

  it('reads the position of an append if the response has none', () =>
    withLog(async (log, server) => {
      server.returnsPositions = false;
      const stream = newStreamName();
      const { version, position } = await log.events.append(stream, 0, newEvents(3));
      expect([version, position]).toEqual([3, (await log.events.read(stream, 2, 1))[0]!.position]);
    }));
});

describe('a stream of which an EventStoreDB keeps only the newest events', () => {
  it('cannot be read from its middle: the first missing version is reported', () =>
    withLog(async (log, server) => {
      const stream = newStreamName();
      await log.events.append(stream, 0, newEvents(6));
      const client = openClient(parseLogUrl(server.url));
      await client.setStreamMetadata(stream, { truncateBefore: 4 });
      await closeClient(client);
      for (const afterVersion of [0, 2])
        await expect(log.events.read(stream, afterVersion, 500)).rejects.toMatchObject({
          name: 'MissingEvents',
          missingVersion: afterVersion + 1,
          message: expect.stringContaining('$maxCount'),
        });
      expect(await log.events.read(stream, 4, 500)).toHaveLength(2);
    }));
});

describe('faults of an EventStoreDB', () => {
  it.each(['unavailable', 'not ready', 'not leader'] as const)(
    'retries every kind of call after the fault "%s"',
    (fault) =>
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
        const { seen } = await followUntil(log.events, log.events.start, (events) => events.length === 1);
        expect(seen).toHaveLength(1);
      }),
  );

  it('a log connects to the leader that the server names', async () => {
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

  it('a log is Unavailable at once, with the reason, if the server rejects the password', () =>
    withLog(async (log, server) => {
      server.failNext('denied');
      const { error, milliseconds } = await captureFailure(log.events.append(newStreamName(), 0, newEvents(1)));
      expect(error).toBeInstanceOf(Unavailable);
      expect((error as Error).message).toContain('needs $r in the ACL of $all');
      expect(milliseconds).toBeLessThan(3_000);
    }));

  it('a server does not count as down while it responds to other calls', () =>
    withLog(async (log, server) => {
      server.dropResponses(1_000);
      const failing = captureFailure(log.events.append(newStreamName(), 0, newEvents(1)));
      await log.events.head();
      expect((await failing).error).toBeInstanceOf(Unavailable);
      server.dropResponses(0);
      expect(await log.events.append(newStreamName(), 0, newEvents(1))).toMatchObject({ version: 1 });
    }));

  it('rejects calls that wait too long for an overloaded server, and accepts them later', () =>
    withLog(async (log, server) => {
      server.appendDelayMs = 600;
      const outcomes = await Promise.all(
        Array.from({ length: 1_000 }, () => captureFailure(log.events.append(newStreamName(), 0, newEvents(1)))),
      );
      const errors = outcomes.map(({ error }) => error).filter((error) => error !== undefined);
      expect(errors.length).toBeGreaterThan(0);
      for (const error of errors) expect(error).toBeInstanceOf(Unavailable);
      expect(await retryUntilAvailable(() => log.events.append(newStreamName(), 0, newEvents(1)))).toMatchObject({
        version: 1,
      });
    }));
});

describe('following EventStoreDB', () => {
  /** Appends to three streams until stopped. Resolves with the number of events in each. */
  const appendUntilStopped = (log: EventStoreDbLog, stop: AbortSignal): Promise<number[]> =>
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

  const expectNoGapsOrRepeats = (seen: readonly { position: string; stream: string; version: number }[]): void => {
    const positions = seen.map(({ position }) => position);
    expect(positions).toEqual([...new Set(positions)].sort());
    for (const stream of new Set(seen.map((event) => event.stream))) {
      const inStream = seen.filter((event) => event.stream === stream);
      expect(inStream.map(({ version }) => version)).toEqual(inStream.map((_, index) => index + 1));
    }
  };

  it('a follower misses and repeats no event when its subscription is dropped repeatedly', () =>
    withLog(async (log, server) => {
      server.dropAfterEvents = 20;
      const stop = new AbortController();
      const appending = appendUntilStopped(log, stop.signal);
      const { seen } = await followUntil(log.events, log.events.start, (events) => events.length >= 100, 7);
      server.dropAfterEvents = Infinity;
      server.dropSubscriptions();
      stop.abort();
      expectNoGapsOrRepeats(seen);
      const total = (await appending).reduce((sum, count) => sum + count);
      const rest = await followUntil(
        log.events,
        seen.at(-1)!.position,
        (events) => events.length >= total - seen.length,
      );
      expectNoGapsOrRepeats([...seen, ...rest.seen]);
      expect(seen.length + rest.seen.length).toBe(total);
    }));

  it('a follower continues after the server was restarted', () =>
    withLog(async (log, server) => {
      const stream = newStreamName();
      await log.events.append(stream, 0, newEvents(3));
      const laterEvents = newEvents(3);
      let restarting: Promise<void> | undefined;
      const { seen } = await followUntil(log.events, log.events.start, (events) => {
        restarting ??= (async () => {
          server.stop();
          await server.start();
          await retryUntilAvailable(() => log.events.append(stream, 3, laterEvents));
        })();
        return events.length >= 6;
      });
      await restarting;
      expectNoGapsOrRepeats(seen);
      expect(eventIds(seen).slice(3)).toEqual(eventIds(laterEvents));
    }));

  it('a follower leaves no open call on the server, however it ends', () =>
    withLog(async (log, server) => {
      await log.events.append(newStreamName(), 0, newEvents(5));
      for (let i = 0; i < 20; i++) {
        for await (const _ of log.events.follow(log.events.start, { signal: new AbortController().signal })) break;
        await followUntil(log.events, log.events.start, (seen) => seen.length === 5);
        expect(await log.events.read(newStreamName(), 0, 10)).toEqual([]);
      }
      await waitUntil(() => server.openReadCount === 0);
    }));

  it('a follower buffers only a few events while its consumer does not read', () =>
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

  it('a follower sees no event of other logs or applications on the server, and neither does head', () =>
    withLog(async (log, server) => {
      const stream = newStreamName();
      server.appendForeign('$stats-1', 10);
      expect(await log.events.head()).toBe(log.events.start);
      const { position } = await log.events.append(stream, 0, newEvents(1));
      server.appendForeign('order-1', 1_200);
      await log.responses.saveIfAbsent(randomUUID(), storedResponse);
      expect(await log.events.head()).toBe(position);
      const otherLog = await EventStoreDbLog.open(`${server.url}#other`);
      expect(await otherLog.events.head()).toBe(otherLog.events.start);
      expect(otherLog.events.isPosition(position)).toBe(false);
      const { position: otherPosition } = await otherLog.events.append(stream, 0, newEvents(1));
      expect([await otherLog.events.head(), await log.events.head()]).toEqual([otherPosition, position]);
      const { position: lastPosition } = await log.events.append(stream, 1, newEvents(1));
      const { seen } = await followUntil(
        log.events,
        log.events.start,
        (events) => events.at(-1)?.position === lastPosition,
      );
      expect(seen.map(({ version }) => version)).toEqual([1, 2]);
      await otherLog.close();
    }));
});

describe('the search for the head on EventStoreDB', () => {
  it('head continues its search where an earlier call timed out, without reading the same foreign events again', () =>
    withLog(async (log, server) => {
      const { position } = await log.events.append(newStreamName(), 0, newEvents(1));
      const otherLog = await EventStoreDbLog.open(`${server.url}#other`);
      server.appendForeign('order-1', 2_000);
      for (const factor of [1, 2]) {
        const before = server.eventsScanned;
        const searching = captureFailure(otherLog.events.head());
        await waitUntil(() => server.eventsScanned > before + 200);
        server.failNext('denied');
        expect((await searching).error).toBeInstanceOf(Unavailable);
        server.appendForeign('order-2', 10 * factor);
      }
      const before = server.eventsScanned;
      expect(await otherLog.events.head()).toBe(otherLog.events.start);
      expect(server.eventsScanned - before).toBeLessThan(1_800);
      expect(await log.events.head()).toBe(position);
      await otherLog.close();
    }));

  it('head does not search events that were on the server before the log was created', () =>
    withLog(async (_, server) => {
      server.appendForeign('order-1', 5_000);
      const log = await EventStoreDbLog.open(`${server.url}#young`);
      expect(await log.events.head()).toBe(log.events.start);
      expect(server.eventsScanned).toBeLessThan(10);
      const stream = newStreamName();
      const { position } = await log.events.append(stream, 0, newEvents(1));
      const { seen } = await followUntil(log.events, log.events.start, (events) => events.length === 1);
      expect(seen.map((event) => event.position)).toEqual([position]);
      await log.close();
    }));
});

describe('a log on EventStoreDB', () => {
  it('a log rejects a position that is not the position of an event', () =>
    withLog(async (log) => {
      const { position } = await log.events.append(newStreamName(), 0, newEvents(1));
      const noEvent = position.slice(0, -1) + (position.endsWith('0') ? '1' : '0');
      await expect(followUntil(log.events, noEvent, () => false)).rejects.toThrow(RangeError);
    }));

  it('one log is created even if several processes open it for the first time at once', async () => {
    const server = await FakeEventStoreDbServer.start();
    const logs = await Promise.all(Array.from({ length: 8 }, () => EventStoreDbLog.open(server.url)));
    expect(new Set(logs.map((log) => log.events.start)).size).toBe(1);
    await Promise.all(logs.map((log) => log.close()));
    server.stop();
  });

  it.each(['kurrentdb', 'kurrent', 'kdb'])(
    'opens the same log with a URL of KurrentDB that starts with %s://',
    (scheme) =>
      withLog(async (log, server) => {
        const sameLog = await EventStoreDbLog.open(server.url.replace('esdb', scheme));
        expect(sameLog.events.start).toBe(log.events.start);
        await sameLog.close();
      }),
  );

  it('opens with a URL that prefers the leader, which it needs anyway', () =>
    withLog(
      async (log) => {
        expect(await log.events.head()).toBe(log.events.start);
      },
      (server) => `${server.url}&nodePreference=leader`,
    ));

  it.each([
    ['kurrentdb+discover://u:secret@c:2113?tls=false#a1', 'esdb+discover://u:secret@c:2113?tls=false', 'a1'],
    ['kurrent://a:2113,b:2113', 'esdb://a:2113,b:2113', ''],
    ['esdb://kdb:2113', 'esdb://kdb:2113', ''],
  ])('reads the URL %s as one that the client understands', (url, connectionString, logName) => {
    expect(parseLogUrl(url)).toEqual({ connectionString, logName });
  });

  it.each([
    'http://x',
    'kurrentdb://',
    'kurrentdb2://u:secret@h',
    'esdb://',
    'esdb://u:secret@h:port',
    'esdb://u:secret@h?tls=maybe',
    'esdb://u:secret@h#Not-a-name',
    'esdb://u:secret@h?tlsVerifyCert=false',
    'esdb://u:secret@h?tls=false&throw_on_append_failure=false',
    'esdb://u:secret@h?colour=red',
    'esdb://u:secret@h?nodePreference=follower',
    'esdb://u:secret@h?tls=false&node_preference=readonlyreplica',
    'esdb://u:secret@h?nodePreference=random&tls=false',
  ])('rejects the URL %s without repeating its password', async (url) => {
    const { error } = await captureFailure(EventStoreDbLog.open(url));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).not.toContain('secret');
  });

  it('deletes the index entries of responses together with the responses', () =>
    withLog(async (log, server) => {
      const [oldId, newId] = [randomUUID(), randomUUID()];
      await log.responses.saveIfAbsent(oldId, storedResponse);
      await log.responses.saveIfAbsent(newId, { ...storedResponse, keptAt: '2026-03-01T11:00:00Z' });
      expect(await log.responses.deleteBefore('2026-03-01T10:30:00Z')).toBe(1);
      expect(server.log.read('answers-2026-03-01T09:00:00.000Z')).toBeUndefined();
      expect(server.log.read('answers')).toHaveLength(1);
      expect(await log.responses.deleteBefore('2026-03-01T11:00:00.001Z')).toBe(1);
      expect(await log.responses.find(newId)).toBeUndefined();
      // The hour that this stream is for has not ended.
      expect(server.log.read('answers-2026-03-01T11:00:00.000Z')).toHaveLength(1);
    }));

  it('a process with a log survives every fault of the server, without an unhandled error', async () => {
    const server = await FakeEventStoreDbServer.start();
    try {
      // The compiled log.child.ts, which `npm test` builds. A process cannot run the TypeScript sources.
      const file = join(import.meta.dirname, '../../../dist/libs/event-store/eventstoredb/log.child.js');
      const child = spawn(process.execPath, [file, server.url.replace('127.0.0.1', '127.0.0.1:1,127.0.0.1')]);
      const exited = once(child, 'exit');
      const [output, errorOutput] = [text(child.stdout), text(child.stderr)];
      const waitForEvents = (count: number): Promise<void> => {
        const goal = server.log.all.length + count;
        return waitUntil(() => server.log.all.length >= goal || child.exitCode !== null);
      };
      await waitForEvents(20);
      for (const causeFault of [
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
        await causeFault();
        await waitForEvents(20);
      }
      child.stdin.write('stop\n');
      const [code] = (await exited) as [number];
      expect(await errorOutput).toBe('');
      expect(code).toBe(0);
      const { appended, seen } = JSON.parse((await output).split('\n')[1]!) as { appended: string[]; seen: string[] };
      expect(seen.toSorted()).toEqual(appended.toSorted());
    } finally {
      server.stop();
    }
  });
});
