import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { FakeMongodbServer } from '#test/support/fake-mongodb-server';
import { CheckpointMoved, type RowQuery, ViewsUnavailable, type RowWrite } from '../view-store.js';
import type { Table, View } from '../view.js';
import { MongodbViewStore } from './mongodb.view-store.js';

const things: Table<{ readonly rank: number }> = {
  on: {},
  columns: { rank: ({ rank }) => rank },
  indexes: [{ prefix: [], sort: 'rank' }],
};
const rows = (position: string, ...ranks: readonly number[]): readonly RowWrite[] =>
  ranks.map((rank) => ({ table: 'things', key: `k${rank}`, position, row: { rank }, columns: { rank } }));
const query: RowQuery = { where: [], sort: { column: 'rank', descending: false }, limit: 9 };

/** As callers do that were told to come again. */
async function untilAvailable<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ViewsUnavailable)) throw error;
    }
  }
}

describe('views in MongoDB', () => {
  let server: FakeMongodbServer;
  let store: MongodbViewStore;
  let made = 0;
  let view: View;
  beforeAll(async () => {
    server = await FakeMongodbServer.start();
    store = new MongodbViewStore(server.url());
  });
  beforeEach(() => {
    view = { name: `view-${++made}`, version: 1, tables: { things } };
  });
  const opened = async () => {
    const writer = await store.openForWriting(view);
    await writer.finishBuild();
    return writer;
  };
  afterAll(async () => {
    await store.close();
    await server.stop();
  });
  const ranks = async () => {
    const { rows, checkpoint } = await (await store.openForReading(view)).find<{ rank: number }>('things', query);
    return [checkpoint, ...rows.map(({ row }) => row.rank)];
  };

  it.each(['before', 'after'] as const)(
    'is unavailable when the network fails %s rows are written, and holds the same rows after a second try',
    async (when) => {
      const writer = await opened();
      server.injectFault('update', { disconnect: when });
      const saved = writer.save(rows('p1', 1, 2, 3), null, 'p1');
      await expect(saved).rejects.toMatchObject({ name: 'ViewsUnavailable', cause: { name: 'MongoBulkWriteError' } });
      expect((await writer.state()).checkpoint).toBeNull();
      await writer.save(rows('p1', 1, 2, 3), null, 'p1');
      expect(await ranks()).toEqual(['p1', 1, 2, 3]);
    },
  );

  it('finds the checkpoint moved when only the answer to moving it was lost', async () => {
    const writer = await store.openForWriting(view);
    server.injectFault('update', { disconnect: 'after' });
    await expect(writer.save([], null, 'p1')).rejects.toThrow(ViewsUnavailable);
    expect((await writer.state()).checkpoint).toBe('p1');
    await expect(writer.save([], null, 'p1')).rejects.toThrow(CheckpointMoved);
  });

  it('tells what is refused from what can be tried again', async () => {
    const writer = await store.openForWriting(view);
    server.injectFault('update', { errorCode: 10_334 });
    const refused = writer.save(rows('p1', 1), null, 'p1');
    await expect(refused).rejects.toThrow(/refused as asked/);
    await expect(refused).rejects.not.toThrow(ViewsUnavailable);
    // Not primary; the disk is full; too few members to make it durable.
    for (const code of [10_107, 14_031, 64]) {
      server.injectFault('update', { errorCode: code });
      await expect(writer.save(rows('p1', 1), null, 'p1')).rejects.toThrow(ViewsUnavailable);
    }
    const huge = { ...rows('p1', 1)[0]!, row: { text: 'x'.repeat(17_000_000) } };
    await expect(writer.save([huge], null, 'p1')).rejects.not.toThrow(ViewsUnavailable);
  });

  it('does not lose a row to another worker who inserted an older one at the same moment', async () => {
    const writer = await store.openForWriting(view);
    await writer.save(rows('p1', 1), null, 'p1');
    // As the server answers when both found no row: the row is there, and of a lower position.
    server.injectFault('update', { hasDuplicateKeys: true });
    await writer.save(rows('p2', 1), 'p1', 'p2');
    expect(await writer.load('things', ['k1'])).toMatchObject(new Map([['k1', { position: 'p2' }]]));
  });

  it('does not vouch for rows that were wiped while they were written', async () => {
    const writer = await opened();
    let release!: () => void;
    const hold = new Promise<void>((resolve) => (release = resolve));
    const heard = server.receivedCommands.length;
    server.injectFault('update', { delayUntil: hold });
    const saving = writer.save(rows('p1', 1), null, 'p1');
    while (!server.receivedCommands.slice(heard).includes('update')) await setImmediate();
    await store.wipe(view);
    release();
    await expect(saving).rejects.toThrow(CheckpointMoved);
    expect((await writer.state()).checkpoint).toBeNull();
    await writer.finishBuild();
    await writer.save(rows('p1', 1), null, 'p1');
    expect(await ranks()).toEqual(['p1', 1]);
  });

  it.each([
    ['before', ['p1', 1], false],
    ['after', ['p1', 2], true],
  ] as const)('takes over in one step, whether the network fails %s it or not', async (when, shown, done) => {
    await (await opened()).save(rows('p1', 1), null, 'p1');
    const beside = await store.openForWriting(view, { candidate: true });
    await beside.save(rows('p1', 2), null, 'p1');
    await beside.finishBuild();
    server.injectFault('update', { disconnect: when });
    await expect(beside.promote()).rejects.toThrow(ViewsUnavailable);
    expect(await ranks()).toEqual(shown);
    expect((await store.candidateState(view)) === undefined).toBe(done);
    expect(await beside.promote()).toBe(true);
    expect(await ranks()).toEqual(['p1', 2]);
  });

  it('is not built when it was wiped meanwhile', async () => {
    const writer = await store.openForWriting(view);
    let release!: () => void;
    const hold = new Promise<void>((resolve) => (release = resolve));
    const heard = server.receivedCommands.length;
    server.injectFault('createIndexes', { delayUntil: hold });
    const building = writer.finishBuild();
    while (!server.receivedCommands.slice(heard).includes('createIndexes')) await setImmediate();
    await store.wipe(view);
    release();
    await building;
    expect((await writer.state()).built).toBe(false);
  });

  it.each([
    ['the server stops', () => server.injectFault('find', { errorCode: 50 })],
    ['nobody stops', () => server.injectFault('find', { delayUntil: new Promise(() => undefined) })],
  ])('gives up a query that runs too long, which %s', async (_, slow) => {
    const hasty = new MongodbViewStore(server.url(), { queryMs: 300 });
    const reader = await hasty.openForReading(view);
    slow();
    await expect(reader.state()).rejects.toThrow(ViewsUnavailable);
    expect((await untilAvailable(() => reader.state())).checkpoint).toBeNull();
    await hasty.close();
  });

  it('is unavailable in time while the server is away, from the start or later, and recovers by itself', async () => {
    const writer = await opened();
    await writer.save(rows('p1', 1), null, 'p1');
    const reader = await store.openForReading(view);
    await server.stop();
    const early = new MongodbViewStore(server.url(), { serverSelectionMs: 300 });
    await expect(early.openForWriting(view)).rejects.toThrow(ViewsUnavailable);
    await Promise.all(
      [writer.save(rows('p2', 2), 'p1', 'p2'), reader.find('things', query)].map((it) =>
        expect(it).rejects.toThrow(ViewsUnavailable),
      ),
    );
    await server.start();
    const late = await untilAvailable(() => early.openForWriting(view));
    expect((await untilAvailable(() => late.state())).checkpoint).toBe('p1');
    await early.close();
    await writer.save(rows('p2', 2), 'p1', 'p2');
    expect(await ranks()).toEqual(['p2', 1, 2]);
  });

  it('is unavailable to who asks just when the server has hung up', async () => {
    const sockets: Socket[] = [];
    const opened = (message: unknown) => void sockets.push((message as { socket: Socket }).socket);
    subscribe('net.client.socket', opened);
    const asking = new MongodbViewStore(server.url());
    try {
      const reader = await asking.openForReading(view);
      await reader.state();
      const asked = new Promise((resolve) => {
        for (const socket of sockets)
          socket.once('end', () => resolve(reader.state().catch((error: unknown) => error)));
      });
      await server.stop();
      expect(await asked).toMatchObject({ name: 'ViewsUnavailable', cause: { code: 'EPIPE' } });
    } finally {
      unsubscribe('net.client.socket', opened);
      await asking.close();
      await server.start();
    }
  });

  it('makes other indexes when they changed, and leaves those of others alone', async () => {
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

  it('says so when the columns changed under the same version, until the view is wiped', async () => {
    await store.openForWriting(view);
    const other = { ...view, tables: { things: { ...things, columns: { ...things.columns, more: () => 1 } } } };
    await expect(store.openForWriting(other)).rejects.toThrow(/holds other tables or columns.*raise the version/);
    await store.wipe(other);
    expect((await (await store.openForWriting(other)).state()).checkpoint).toBeNull();
  });

  it('refuses a URL without a database, not repeating its password', () => {
    for (const url of ['mongodb://me:secret@127.0.0.1', 'mongodb://me:secret@a,b/?w=1'])
      expect(() => new MongodbViewStore(url)).toThrow(/^The URL of the views must name a database/);
  });

  it('is closed for good', async () => {
    const closing = new MongodbViewStore(server.url());
    const reader = await closing.openForReading(view);
    await reader.state();
    await closing.close();
    await expect(reader.state()).rejects.toThrow(ViewsUnavailable);
  });
});
