import { describe, expect, it } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newStreamName, newEvents } from '#event-store/event-store.test-support';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { maxProblems, verifyLog, type VerificationResult } from './verification.js';

describe('a log of more streams and ids than are remembered at once', () => {
  /** 60 streams of two events each, after `sql` was done to them. */
  async function verified(sql: string, remembered: number): Promise<VerificationResult & { passes: number }> {
    const folder = mkdtempSync(join(tmpdir(), 'verification-'));
    const file = join(folder, 'events.db');
    try {
      const log = SqliteLog.open({ file });
      for (let i = 0; i < 60; i++) await log.events.append(newStreamName(), 0, newEvents(2));
      await log.close();
      const db = new DatabaseSync(file);
      db.exec(sql);
      db.close();

      const read = SqliteLog.open({ file, readOnly: true });
      const passes = new Set<number>();
      const found = await verifyLog(read.events, await read.events.head(), (pass) => passes.add(pass), remembered);
      await read.close();
      return { ...found, passes: passes.size };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('is read several times, and is as sound as it would be at once', async () => {
    expect(await verified('', 1_000)).toEqual({ events: 120, streams: 60, problems: [], passes: 1 });
    const { passes, ...found } = await verified('', 30);
    expect(found).toEqual({ events: 120, streams: 60, problems: [] });
    expect(passes).toBeGreaterThan(1);
  });

  it.each([1_000, 30])('tells each problem once: with room for %i', async (remembered) => {
    const { events, streams, problems } = await verified(
      `UPDATE events SET body = json_set(body, '$.id', (SELECT body ->> '$.id' FROM events WHERE position = 2)) WHERE position = 119;
       UPDATE events SET body = '[]' WHERE position IN (7, 120);
       UPDATE events SET version = 5 WHERE position = 50;
       DELETE FROM events WHERE position = 77`,
      remembered,
    );
    expect({ events, streams }).toEqual({ events: 119, streams: 60 });
    expect(problems.map(({ what }) => what).toSorted()).toEqual([
      "it can't be read: a field of the event envelope is missing",
      "it can't be read: a field of the event envelope is missing",
      'its id is that of an event before it',
      'its version is 2 where 1 was due',
      'its version is 5 where 2 was due',
    ]);
  });

  it('is given up when nearly all is wrong', async () => {
    const copies = Array.from(
      { length: maxProblems / 100 },
      (_, nth) => `INSERT INTO events (stream, version, id, body)
        SELECT stream, version + ${nth + 1}000, randomblob(16), body FROM events WHERE position <= 120;`,
    );
    const { problems } = await verified(copies.join(''), 100);
    expect(problems).toHaveLength(maxProblems);
  });
});
