import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { pollUntil } from '#timing/poll';
import { FakeMongodbServer } from '#test/support/fake-mongodb-server';
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

describe('MongodbViewStore', () => {
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
      server.injectFault('update', { disconnect: when });
      const saved = writer.save(createWrites('p1', 1, 2, 3), null, 'p1');
      await expect(saved).rejects.toMatchObject({ name: 'ViewsUnavailable', cause: { name: 'MongoBulkWriteError' } });
      expect((await writer.state()).checkpoint).toBeNull();
      await writer.save(createWrites('p1', 1, 2, 3), null, 'p1');
      expect(await readRanks()).toEqual(['p1', 1, 2, 3]);
    },
  );

  it('a save whose response was lost is reported as a moved checkpoint when it is retried', async () => {
    const writer = await store.openForWriting(view);
    server.injectFault('update', { disconnect: 'after' });
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
    // These codes stand for: not primary, disk full, too few members to make the write durable.
    for (const code of [10_107, 14_031, 64]) {
      server.injectFault('update', { errorCode: code });
      await expect(writer.save(createWrites('p1', 1), null, 'p1')).rejects.toThrow(ViewsUnavailable);
    }
    const huge = { ...createWrites('p1', 1)[0]!, row: { text: 'x'.repeat(17_000_000) } };
    await expect(writer.save([huge], null, 'p1')).rejects.not.toThrow(ViewsUnavailable);
  });

  it('a row is stored even if another worker inserts an older version of it at the same time', async () => {
    const writer = await store.openForWriting(view);
    await writer.save(createWrites('p1', 1), null, 'p1');
    // The server's response if both workers found no row: the row exists, with a lower position.
    server.injectFault('update', { hasDuplicateKeys: true });
    await writer.save(createWrites('p2', 1), 'p1', 'p2');
    expect(await writer.load('things', ['k1'])).toMatchObject(new Map([['k1', { position: 'p2' }]]));
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
      server.injectFault('update', { disconnect: when });
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
    await server.start();
    const lateWriter = await retryUntilAvailable(() => startedEarly.openForWriting(view));
    expect((await retryUntilAvailable(() => lateWriter.state())).checkpoint).toBe('p1');
    await startedEarly.close();
    await writer.save(createWrites('p2', 2), 'p1', 'p2');
    expect(await readRanks()).toEqual(['p2', 1, 2]);
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
      await server.start();
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
