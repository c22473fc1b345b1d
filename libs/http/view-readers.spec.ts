import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Position } from '#domain/event-envelope';
import { Unavailable, type EventStore } from '#event-store/event-store';
import { newEvents, newStreamName } from '#event-store/event-store.test-support';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';
import type { View } from '#read-model/view';
import { ViewReaders } from './view-readers.js';

const view: View = { name: 'empty', version: 1, tables: { things: { on: {}, columns: {}, indexes: [] } } };
const folder = mkdtempSync(join(tmpdir(), 'view-readers-'));
let log: SqliteLog;
let views: SqliteViewStore;
/** The view has reached the second of these three events. */
let positions: readonly Position[];
beforeAll(async () => {
  log = SqliteLog.open({ file: join(folder, 'log.db') });
  const stream = newStreamName();
  await log.events.append(stream, 0, newEvents(3));
  positions = (await log.events.read(stream, 0, 3)).map(({ position }) => position);
  views = new SqliteViewStore(join(folder, 'views'), { readerThread: false });
  const writer = await views.openForWriting(view);
  await writer.save([], null, positions[1]!);
  await writer.finishBuild();
  await writer.close();
});
afterAll(async () => {
  await views.close();
  await log.close();
  rmSync(folder, { recursive: true });
});

/** The log without its server: it recognizes its positions, but cannot be read. */
const unavailableLog = (): EventStore =>
  ({
    start: log.events.start,
    isPosition: (text: string) => log.events.isPosition(text),
    head: () => Promise.reject(new Unavailable('its server does not respond')),
  }) as unknown as EventStore;

describe('ViewReaders while the log is unavailable', () => {
  const readers = (): ViewReaders => new ViewReaders(views, unavailableLog());

  it('read a view at every position that it has reached', async () => {
    for (const after of [log.events.start, positions[0]!, positions[1]!])
      expect((await (await readers().atLeast(view, { after })).state()).checkpoint).toBe(positions[1]);
  });

  it('report that the log is unavailable for a position that the view has not reached', async () => {
    await expect(readers().atLeast(view, { after: positions[2]!, wait: '0' })).rejects.toThrow(Unavailable);
  });

  it('reject what is not a position of the log', async () => {
    await expect(readers().atLeast(view, { after: 'x' })).rejects.toMatchObject({ code: 'validation_failed' });
  });
});

describe('ViewReaders', () => {
  it('report that the view is behind when it does not reach the position in time', async () => {
    const reading = new ViewReaders(views, log.events).atLeast(view, { after: positions[2]!, wait: '20' });
    await expect(reading).rejects.toMatchObject({ code: 'projection_behind' });
  });

  it('reject a position after the end of the log, which no view can reach', async () => {
    const end = positions[2]!;
    const beyond = log.events.start.slice(0, -1) + '9';
    expect(beyond > end).toBe(true);
    await expect(new ViewReaders(views, log.events).atLeast(view, { after: beyond })).rejects.toMatchObject({
      code: 'validation_failed',
    });
  });
});
