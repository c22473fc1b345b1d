import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { pollUntil } from '#timing/poll';
import { FakeMongodbServer } from '#test/support/fake-mongodb-server';
import { InMemoryLog, positionAt } from '../in-memory-log.fixture.js';
import { ProjectionRunner } from '../projection-runner.js';
import { CheckpointMoved, type RowQuery, ViewsUnavailable, type RowWrite } from '../view-store.js';
import type { Table, View } from '../view.js';
import { MongodbViewStore } from './mongodb.view-store.js';

const things: Table<{ readonly rank: number }> = {
  on: {},
  columns: { rank: ({ rank }) => rank },
  indexes: [{ prefix: [], sort: 'rank' }],
};
const createWrites = (position: string, ...ranks: readonly number[]): readonly RowWrite[] =>
  ranks.map((rank) => ({ table: 'things', key: `k${rank}`, position, row: { rank }, columns: { rank } }));
const query: RowQuery = { where: [], sort: { column: 'rank', descending: false }, limit: 9 };

/** Retries while the view store is unavailable, as callers do. */
async function retryUntilAvailable<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ViewsUnavailable)) throw error;
    }
  }
}

/** Until the driver finds no server any more. */
async function waitForOutage(call: () => Promise<unknown>): Promise<void> {
  const hasNoServer = async (): Promise<boolean> =>
    call().then(
      () => false,
      (error: unknown) => /Server selection timed out|ECONNREFUSED/.test((error as Error).message),
    );
  await pollUntil(hasNoServer, { intervalMs: 1 });
}

describe('a view in MongoDB', () => {
  let server: FakeMongodbServer;
  let store: MongodbViewStore;
  let viewCount = 0;
  let view: View;
  beforeAll(async () => {
    server = await FakeMongodbServer.start();
    store = new MongodbViewStore(server.url());
  });
  beforeEach(() => {
    view = { name: `view-${++viewCount}`, version: 1, tables: { things } };
  });
  /** Until the store shared by these tests can use it again. */
  const restart = async () => {
    await server.start();
    const reader = await store.openForReading(view);
    await retryUntilAvailable(() => reader.state());
  };
  const openBuilt = async () => {
    const writer = await store.openForWriting(view);
    await writer.finishBuild();
    return writer;
  };
  afterAll(async () => {
    await store.close();
    await server.stop();
  });
  const readRanks = async () => {
    const { rows, checkpoint } = await (await store.openForReading(view)).find<{ rank: number }>('things', query);
    return [checkpoint, ...rows.map(({ row }) => row.rank)];
  };

  it.each(['before', 'after'] as const)(
    'is unavailable when the connection fails %s rows are written, and has the same rows after a retry',
    async (when) => {
      const writer = await openBuilt();
      server.injectWriteFault('update', { disconnect: when });
      const saved = writer.save(createWrites('p1', 1, 2, 3), null, 'p1');
      await expect(saved).rejects.toMatchObject({ name: 'ViewsUnavailable', cause: { name: 'MongoBulkWriteError' } });
      expect((await writer.state()).checkpoint).toBeNull();
      await writer.save(createWrites('p1', 1, 2, 3), null, 'p1');
      expect(await readRanks()).toEqual(['p1', 1, 2, 3]);
    },
  );

  it('a save whose response was lost is reported as a moved checkpoint when it is retried', async () => {
    const writer = await store.openForWriting(view);
    server.injectWriteFault('update', { disconnect: 'after' });
    await expect(writer.save([], null, 'p1')).rejects.toThrow(ViewsUnavailable);
    expect((await writer.state()).checkpoint).toBe('p1');
    await expect(writer.save([], null, 'p1')).rejects.toThrow(CheckpointMoved);
  });

  it('a MongoDB view is unavailable after errors that a retry may solve, but not if the server rejects the request', async () => {
    const writer = await store.openForWriting(view);
    server.injectFault('update', { errorCode: 10_334 });
    const rejected = writer.save(createWrites('p1', 1), null, 'p1');
    await expect(rejected).rejects.toThrow(/injected error/);
    await expect(rejected).rejects.not.toThrow(ViewsUnavailable);
    // Not primary; disk full; too few members to make the write durable.
    for (const code of [10_107, 14_031, 64, 59]) {
      if (code === 10_107) server.injectWriteFault('update', { errorCode: code });
      else server.injectFault('update', { errorCode: code });
      await expect(writer.save(createWrites('p1', 1), null, 'p1')).rejects.toThrow(ViewsUnavailable);
    }
    const huge = { ...createWrites('p1', 1)[0]!, row: { text: 'x'.repeat(17_000_000) } };
    await expect(writer.save([huge], null, 'p1')).rejects.not.toThrow(ViewsUnavailable);
  });

  it.each(['before', 'after'] as const)(
    'applies a write once when the driver repeats it because the connection failed %s it',
    async (when) => {
      const writer = await openBuilt();
      server.injectFault('findAndModify', { disconnect: when });
      server.injectFault('update', { disconnect: when });
      await writer.save(createWrites('p1', 1, 2), null, 'p1');
      expect(await readRanks()).toEqual(['p1', 1, 2]);
    },
  );

  it('does not apply an event to a row that a read returned from an older moment', async () => {
    // It has no sessions, which would require a later moment.
    const staleServer = await FakeMongodbServer.start({ replicaSet: false });
    const staleStore = new MongodbViewStore(staleServer.url());
    const writer = await staleStore.openForWriting(view);
    const row = (position: string, events: number, previous: RowWrite | null): RowWrite => ({
      table: 'things',
      key: 'a',
      position,
      row: { rank: events },
      columns: { rank: events },
      previous,
    });
    const first = row('p1', 1, null);
    await writer.save([first], null, 'p1');
    const early = staleServer.takeSnapshot();
    const second = row('p2', 2, first);
    await writer.save([second], 'p1', 'p2');
    staleServer.injectFault('find', { staleSince: early });
    expect((await writer.load('things', ['a'])).get('a')?.position).toBe('p1');
    await expect(writer.save([row('p3', 2, first)], 'p2', 'p3')).rejects.toThrow(CheckpointMoved);
    expect((await writer.load('things', ['a'])).get('a')).toEqual({ row: { rank: 2 }, position: 'p2' });
    await writer.save([row('p3', 3, second)], 'p2', 'p3');
    expect((await writer.load('things', ['a'])).get('a')).toEqual({ row: { rank: 3 }, position: 'p3' });
    await staleStore.close();
    await staleServer.stop();
  });

  it('loads no row that is older than the checkpoint it has read', async () => {
    const writer = await openBuilt();
    await writer.save(createWrites('p1', 1), null, 'p1');
    const early = server.takeSnapshot();
    await writer.save(createWrites('p2', 1), 'p1', 'p2');
    const nextWriter = await store.openForWriting(view);
    server.injectFault('find', { staleSince: early });
    expect((await nextWriter.load('things', ['k1'])).get('k1')?.position).toBe('p2');
  });

  it('does not return rows from before a position that a caller has waited for', async () => {
    const writer = await openBuilt();
    await writer.save(createWrites('p1', 1), null, 'p1');
    const early = server.takeSnapshot();
    await writer.save(createWrites('p2', 1, 2), 'p1', 'p2');
    const reader = await store.openForReading(view);
    expect((await reader.state()).checkpoint).toBe('p2');
    server.injectFault('find', { staleSince: early });
    const { checkpoint, rows } = await reader.find('things', query);
    expect([checkpoint, rows.length]).toEqual(['p2', 2]);
  });

  it('returns a row whose first sort value is written between the reads of rows with a value and of those without', async () => {
    const nullable: Table<{ readonly rank: number | null }> = {
      on: {},
      columns: { rank: ({ rank }) => rank },
      indexes: things.indexes,
    };
    view = { ...view, tables: { things: nullable } };
    const write = (key: string, position: string, rank: number | null): RowWrite => {
      return { table: 'things', key, position, row: { rank }, columns: { rank } };
    };
    const writer = await openBuilt();
    await writer.save([write('a', 'p1', 1), write('b', 'p1', null)], null, 'p1');
    const reader = await store.openForReading(view);
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const isNullSegment = ({ filter }: Record<string, unknown>) => JSON.stringify(filter).includes('{"$eq":null}');
    server.injectFault('find', { delayUntil: released, only: isNullSegment });
    const commandCount = server.receivedCommands.length;
    const page = reader.find('things', query);
    // The checkpoint, the rows with a value, and those without.
    await pollUntil(() => server.receivedCommands.length === commandCount + 3, { intervalMs: 1 });
    await writer.save([write('b', 'p2', 2)], 'p1', 'p2');
    release();
    expect((await page).rows.map(({ key }) => key)).toEqual(['a', 'b']);
  });

  it.each([189, 91, 133, 6, 14_031])(
    'is unavailable when one shard fails with error %i and another reports duplicate keys',
    async (code) => {
      const writer = await openBuilt();
      server.injectFault('update', { writeErrorCodes: [11_000, code] });
      await expect(writer.save(createWrites('p1', 1, 2), null, 'p1')).rejects.toThrow(ViewsUnavailable);
    },
  );

  it('is unavailable when the server responds to its monitor but not to a write', async () => {
    const impatientStore = new MongodbViewStore(server.url(), { writeMs: 200 });
    const writer = await impatientStore.openForWriting(view);
    server.injectFault('update', { delayUntil: new Promise(() => undefined) });
    await expect(writer.save(createWrites('p1', 1), null, 'p1')).rejects.toThrow(/has not responded within/);
    await retryUntilAvailable(() => writer.save(createWrites('p1', 1), null, 'p1'));
    await impatientStore.close();
  });

  it('is unavailable when the server does not respond to the question whether it supports snapshots', async () => {
    const impatientStore = new MongodbViewStore(server.url(), { queryMs: 200 });
    const reader = await impatientStore.openForReading(view);
    // The driver's monitor has no session.
    const hasSession = (command: object) => 'lsid' in command;
    server.injectFault('hello', { delayUntil: new Promise(() => undefined), only: hasSession });
    await expect(reader.snapshot()).rejects.toThrow(/aborted due to timeout|Timed out/);
    await impatientStore.close();
  });

  it('a checkpoint does not move past rows that were wiped while they were written', async () => {
    const writer = await openBuilt();
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const commandCount = server.receivedCommands.length;
    server.injectFault('update', { delayUntil: released });
    const saving = writer.save(createWrites('p1', 1), null, 'p1');
    await pollUntil(() => server.receivedCommands.slice(commandCount).includes('update'), { intervalMs: 1 });
    await store.wipe(view);
    release();
    await expect(saving).rejects.toThrow(CheckpointMoved);
    expect((await writer.state()).checkpoint).toBeNull();
    await writer.finishBuild();
    await writer.save(createWrites('p1', 1), null, 'p1');
    expect(await readRanks()).toEqual(['p1', 1]);
  });

  it.each([
    ['before', ['p1', 1], false],
    ['after', ['p1', 2], true],
  ] as const)(
    'a MongoDB candidate is promoted in one step, even if the connection fails %s it',
    async (when, ranks, isPromoted) => {
      await (await openBuilt()).save(createWrites('p1', 1), null, 'p1');
      const candidate = await store.openForWriting(view, { candidate: true });
      await candidate.save(createWrites('p1', 2), null, 'p1');
      await candidate.finishBuild();
      server.injectWriteFault('update', { disconnect: when });
      await expect(candidate.promote()).rejects.toThrow(ViewsUnavailable);
      expect(await readRanks()).toEqual(ranks);
      expect((await store.candidateState(view)) === undefined).toBe(isPromoted);
      expect(await candidate.promote()).toBe(true);
      expect(await readRanks()).toEqual(['p1', 2]);
    },
  );

  it('a MongoDB view that is wiped while its indexes are created is not built', async () => {
    const writer = await store.openForWriting(view);
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const commandCount = server.receivedCommands.length;
    server.injectFault('createIndexes', { delayUntil: released });
    const building = writer.finishBuild();
    await pollUntil(() => server.receivedCommands.slice(commandCount).includes('createIndexes'), { intervalMs: 1 });
    await store.wipe(view);
    release();
    await building;
    expect((await writer.state()).built).toBe(false);
  });

  it.each([
    ['the server aborts', () => server.injectFault('find', { errorCode: 50 })],
    ['the server does not abort', () => server.injectFault('find', { delayUntil: new Promise(() => undefined) })],
  ])('a query on MongoDB that takes too long and that %s is rejected as unavailable', async (_, makeSlow) => {
    const impatientStore = new MongodbViewStore(server.url(), { queryMs: 300 });
    const reader = await impatientStore.openForReading(view);
    makeSlow();
    await expect(reader.state()).rejects.toThrow(ViewsUnavailable);
    expect((await retryUntilAvailable(() => reader.state())).checkpoint).toBeNull();
    await impatientStore.close();
  });

  it('a MongoDB view is unavailable within its deadline while the server is down, and recovers by itself', async () => {
    const writer = await openBuilt();
    await writer.save(createWrites('p1', 1), null, 'p1');
    const reader = await store.openForReading(view);
    await server.stop();
    const startedEarly = new MongodbViewStore(server.url(), { serverSelectionMs: 300 });
    await expect(startedEarly.openForWriting(view)).rejects.toThrow(ViewsUnavailable);
    await Promise.all(
      [writer.save(createWrites('p2', 2), 'p1', 'p2'), reader.find('things', query)].map((call) =>
        expect(call).rejects.toThrow(ViewsUnavailable),
      ),
    );
    await restart();
    const lateWriter = await retryUntilAvailable(() => startedEarly.openForWriting(view));
    expect((await retryUntilAvailable(() => lateWriter.state())).checkpoint).toBe('p1');
    await startedEarly.close();
    await writer.save(createWrites('p2', 2), 'p1', 'p2');
    expect(await readRanks()).toEqual(['p2', 1, 2]);
  });

  it('fails almost at once during an outage that has been noticed, and recovers by itself', async () => {
    await (await openBuilt()).save(createWrites('p1', 1), null, 'p1');
    const patientStore = new MongodbViewStore(server.url(), { serverSelectionMs: 1_500 });
    const reader = await patientStore.openForReading(view);
    await reader.state();
    await server.stop();
    await waitForOutage(() => reader.state());
    const startedAt = performance.now();
    for (let call = 0; call < 5; call++) await expect(reader.state()).rejects.toThrow(ViewsUnavailable);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await restart();
    expect((await retryUntilAvailable(() => reader.state())).checkpoint).toBe('p1');
    await patientStore.close();
  });

  it('can be read from a snapshot after an outage during which its client was replaced', async () => {
    const writer = await openBuilt();
    await writer.save(createWrites('p1', 1), null, 'p1');
    const snapshotStore = new MongodbViewStore(server.url(), { serverSelectionMs: 200 });
    const snapshot = await (await snapshotStore.openForReading(view)).snapshot();
    await server.stop();
    await waitForOutage(() => snapshot.find('things', query));
    await restart();
    await retryUntilAvailable(() => writer.save(createWrites('p2', 2), 'p1', 'p2'));
    const { checkpoint, rows } = await retryUntilAvailable(() => snapshot.find<{ rank: number }>('things', query));
    expect([checkpoint, ...rows.map(({ row }) => row.rank)]).toEqual(['p1', 1]);
    await snapshot.close();
    await snapshotStore.close();
  });

  it('stops at once at an event whose row is too big, with everything before it saved', async () => {
    const log = new InMemoryLog(100);
    log.appendAgentEvents('a', 'AgentRegistered', 'AgentRegistered').appendAgentEvents('b', 'AgentRegistered');
    const growing: Table<{ readonly text: string }> = {
      on: {
        AgentRegistered: {
          key: ({ data }) => data.agentId,
          apply: (row) => ({ text: row ? 'x'.repeat(17_000_000) : '' }),
        },
      },
      columns: {},
      indexes: [],
    };
    const notices: string[] = [];
    const stop = new AbortController();
    const growingView = { ...view, tables: { growing } };
    const runner = new ProjectionRunner(growingView, store, log, ({ type }) => notices.push(type));
    const running = runner.run(stop.signal);
    const reader = await store.openForReading(growingView);
    const stopped = await pollUntil(async () => (await reader.state()).stopped, { intervalMs: 10 });
    expect(stopped).toMatchObject({ eventId: 'event-2', position: positionAt(2) });
    expect((await reader.state()).checkpoint).toBe(positionAt(1));
    expect(notices).toEqual(['stopped']);
    stop.abort();
    await running;
  });

  it('a read just after the MongoDB server has closed the connection is rejected as unavailable', async () => {
    const sockets: Socket[] = [];
    const onSocket = (message: unknown): void => {
      sockets.push((message as { socket: Socket }).socket);
    };
    subscribe('net.client.socket', onSocket);
    const readingStore = new MongodbViewStore(server.url());
    try {
      const reader = await readingStore.openForReading(view);
      await reader.state();
      const readAfterEnd = new Promise((resolve) => {
        for (const socket of sockets)
          socket.once('end', () => resolve(reader.state().catch((error: unknown) => error)));
      });
      await server.stop();
      expect(await readAfterEnd).toMatchObject({ name: 'ViewsUnavailable', cause: { code: 'EPIPE' } });
    } finally {
      unsubscribe('net.client.socket', onSocket);
      await readingStore.close();
      await restart();
    }
  });

  it('a MongoDB view counts as not built after its indexes changed, until they are created', async () => {
    await (await store.openForWriting(view)).finishBuild();
    const changed = { ...view, tables: { things: { ...things, indexes: [{ prefix: ['rank'], where: { rank: 1 } }] } } };
    const writer = await store.openForWriting(changed);
    expect((await writer.state()).built).toBe(false);
    await writer.finishBuild();
    expect((await writer.state()).built).toBe(true);
    expect((await (await store.openForReading(view)).state()).built).toBe(false);
    const wider = { ...view, tables: { things: { ...things, indexes: [{ prefix: ['rank'], include: ['rank'] }] } } };
    expect((await (await store.openForWriting(wider)).state()).built).toBe(false);
    const unknown = {
      ...view,
      tables: { things: { ...things, indexes: [{ prefix: ['rank'], include: ['weight'] }] } },
    };
    await expect(store.openForWriting(unknown)).rejects.toThrow('an index of view-');
  });

  it('a MongoDB view whose columns changed without a new version is unavailable, with the reason, until it is wiped', async () => {
    await store.openForWriting(view);
    const other = { ...view, tables: { things: { ...things, columns: { ...things.columns, more: () => 1 } } } };
    await expect(store.openForWriting(other)).rejects.toThrow(/has other tables or columns.*Raise the view's version/);
    await store.wipe(other);
    expect((await (await store.openForWriting(other)).state()).checkpoint).toBeNull();
  });

  it('a MongoDB URL without a database is rejected, without repeating the password', () => {
    for (const url of ['mongodb://me:secret@127.0.0.1', 'mongodb://me:secret@a,b/?w=1'])
      expect(() => new MongodbViewStore(url)).toThrow(/^The URL of the read store must name a database/);
  });

  it('a MongoDB view cannot be read after its store was closed', async () => {
    const closedStore = new MongodbViewStore(server.url());
    const reader = await closedStore.openForReading(view);
    await reader.state();
    await closedStore.close();
    await expect(reader.state()).rejects.toThrow(ViewsUnavailable);
  });
});
