import { describe, expect, it } from '@jest/globals';
import { FakeEventStoreDbServer } from '#test/support/fake-eventstoredb-server';
import { ConcurrencyError, Unavailable } from '../event-store.js';
import { newStreamName, newEvent, newEvents, followUntil, eventIds } from '../event-store.test-support.js';
import { EventStoreDbLog } from './eventstoredb-log.js';
import { storedResponse, captureFailure, withLog, retryUntilAvailable } from './log.fixture.js';

// Each test waits for seconds on a separate server, so they run concurrently. Tests that use much CPU are in another file.

describe('lost responses', () => {
  it.concurrent('an append whose response is lost is retried and returns its one result', () =>
    withLog(async (log, server) => {
      const stream = newStreamName();
      const [first, second] = [newEvents(2), newEvents(1)];
      server.dropResponses(1);
      const { version, position } = await log.events.append(stream, 0, first);
      const read = await log.events.read(stream, 0, 10);
      expect(eventIds(read)).toEqual(eventIds(first));
      expect({ version, position }).toEqual({ version: 2, position: read[1]!.position });
      expect(await log.events.append(stream, 2, second)).toMatchObject({ version: 3 });
    }),
  );

  it.concurrent('an append whose response is lost succeeds on a conflict if the stream holds its own events', () =>
    withLog(async (log, server) => {
      const stream = newStreamName();
      server.log.deduplicatesAppends = false;
      server.dropResponses(1);
      const appended = newEvents(2);
      const { version, position } = await log.events.append(stream, 0, appended);
      expect(version).toBe(2);
      expect(position).toBe((await log.events.read(stream, 1, 1))[0]!.position);
      await expect(log.events.append(stream, 0, newEvents(2))).rejects.toThrow(ConcurrencyError);
    }),
  );

  it.concurrent('an append whose response is lost does not affect other appends', () =>
    withLog(async (log, server) => {
      server.dropResponses(1);
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, () => log.events.append(newStreamName(), 0, newEvents(1))),
      );
      expect(outcomes.map(({ version }) => version)).toEqual(Array.from({ length: 20 }, () => 1));
    }),
  );
});

describe('a server that stays down', () => {
  it.concurrent.each(['frozen', 'stopped'])(
    'a log rejects calls as Unavailable within five seconds, then at once, until its server is back (%s)',
    (how) =>
      withLog(async (log, server) => {
        const stream = newStreamName();
        await log.events.append(stream, 0, newEvents(1));
        if (how === 'frozen') server.freeze();
        else server.stop();
        const event = newEvent();
        const failures = await Promise.all(
          [
            log.events.append(stream, 1, [event]),
            log.events.read(stream, 0, 1),
            log.events.head(),
            log.responses.find('x'),
            log.responses.saveIfAbsent('x', storedResponse),
          ].map(captureFailure),
        );
        for (const { error, milliseconds } of failures) {
          expect(error).toBeInstanceOf(Unavailable);
          expect(milliseconds).toBeLessThan(5_000);
        }
        // Later calls must fail sooner than the first ones. A call that probes the server may take a second.
        const { error, milliseconds } = await captureFailure(log.events.append(stream, 1, newEvents(1)));
        expect(error).toBeInstanceOf(Unavailable);
        expect(milliseconds).toBeLessThan(1_000);

        if (how === 'frozen') server.thaw();
        else await server.start();
        await retryUntilAvailable(() => log.events.append(stream, 1, [event]));
        expect(await log.events.read(stream, 0, 10)).toHaveLength(2);
      }),
  );

  it.concurrent('a log with several hosts in its URL rejects calls as Unavailable until a host is back', () =>
    withLog(
      async (log, server) => {
        server.stop();
        // Many calls, because a call that replaces the client also affects the other calls.
        const failures = await Promise.all(
          Array.from({ length: 20 }, () => captureFailure(log.events.append(newStreamName(), 0, newEvents(1)))),
        );
        for (const { error, milliseconds } of failures) {
          expect(error).toBeInstanceOf(Unavailable);
          expect(milliseconds).toBeLessThan(5_000);
        }
        await server.start();
        await Promise.all(
          Array.from({ length: 20 }, () =>
            retryUntilAvailable(() => log.events.append(newStreamName(), 0, newEvents(1))),
          ),
        );
      },
      (server) => server.url.replace('127.0.0.1', '127.0.0.1:1,127.0.0.1'),
    ),
  );

  it.concurrent(
    'a log closes while calls and followers wait for its server, and rejects them as Unavailable',
    async () => {
      const server = await FakeEventStoreDbServer.start();
      const log = await EventStoreDbLog.open(server.url);
      server.freeze();
      const appending = captureFailure(log.events.append(newStreamName(), 0, newEvents(1)));
      const following = captureFailure(followUntil(log.events, log.events.start, () => false));
      await log.close();
      expect((await appending).error).toBeInstanceOf(Unavailable);
      expect((await following).error).toBeInstanceOf(Unavailable);
      server.stop();
    },
  );

  it.concurrent('a log does not open while its server is down', async () => {
    const server = await FakeEventStoreDbServer.start();
    server.stop();
    await expect(EventStoreDbLog.open(server.url)).rejects.toThrow(Unavailable);
  });

  it.concurrent.each(['frozen', 'stopped'])(
    'a log rejects its followers as Unavailable within ten seconds while its server is away (%s)',
    (how) =>
      withLog(async (log, server) => {
        if (how === 'frozen') server.freeze();
        else server.stop();
        const { error, milliseconds } = await captureFailure(followUntil(log.events, log.events.start, () => false));
        expect(error).toBeInstanceOf(Unavailable);
        expect(milliseconds).toBeLessThan(10_000);
      }),
  );
});
