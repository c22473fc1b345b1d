import { describe, expect, it } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newEvent, newStreamName, newEvents } from '#event-store/event-store.test-support';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { maxProblems, verifyLog, type VerificationResult } from './verification.js';

describe('verifyLog, with more streams and ids than fit into memory', () => {
  /** Verifies 60 streams of two events each, changed by `sql`. */
  async function verify(sql: string, maxRemembered: number): Promise<VerificationResult & { passes: number }> {
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
      const result = await verifyLog(read.events, await read.events.head(), (pass) => passes.add(pass), maxRemembered);
      await read.close();
      return { ...result, passes: passes.size };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('verifyLog in several passes over the log returns the same result as in one', async () => {
    expect(await verify('', 1_000)).toEqual({ events: 120, streams: 60, problems: [], passes: 1 });
    const { passes, ...result } = await verify('', 30);
    expect(result).toEqual({ events: 120, streams: 60, problems: [] });
    expect(passes).toBeGreaterThan(1);
  });

  it.each([1_000, 30])(
    'verifyLog reports each problem once when it remembers at most %i ids and streams',
    async (maxRemembered) => {
      const { events, streams, problems } = await verify(
        `UPDATE events SET body = json_set(body, '$.id', (SELECT body ->> '$.id' FROM events WHERE position = 2)) WHERE position = 119;
       UPDATE events SET body = '[]' WHERE position IN (7, 120);
       UPDATE events SET version = 5 WHERE position = 50;
       DELETE FROM events WHERE position = 77`,
        maxRemembered,
      );
      expect({ events, streams }).toEqual({ events: 119, streams: 60 });
      expect(problems.map(({ what }) => what).toSorted()).toEqual([
        'an earlier event has the same id',
        expect.stringMatching(/^cannot be read: ./),
        expect.stringMatching(/^cannot be read: ./),
        'its version is 2, expected 1',
        'its version is 5, expected 2',
      ]);
    },
  );

  it.each([1_000, 2])(
    'reports a contact that was registered under two keys when it remembers at most %i ids and streams',
    async (maxRemembered) => {
      const register = (key: string) => ({
        ...newEvent(),
        type: 'ContactRegistered',
        data: { contactKey: key },
        personal: { contactId: 'c-1', name: null, phone: null, email: null },
      });
      const folder = mkdtempSync(join(tmpdir(), 'verification-'));
      const log = SqliteLog.open({ file: join(folder, 'events.db') });
      const [first, second] = ['contact-demo-a', 'contact-demo-b'] as const;
      await log.events.append(first, 0, [register('a')]);
      await log.events.append(second, 0, [register('b')]);
      const otherContact = { ...register('c'), personal: { ...register('c').personal, contactId: 'c-2' } };
      await log.events.append('contact-demo-c', 0, [otherContact]);
      const { problems } = await verifyLog(log.events, await log.events.head(), undefined, maxRemembered);
      await log.close();
      rmSync(folder, { recursive: true });
      expect(problems).toMatchObject([
        {
          stream: second,
          version: 1,
          what: `its contact has another key in ${first}, so it may have two active leads`,
        },
      ]);
    },
  );

  it('verifyLog stops after the maximum number of problems', async () => {
    const copies = Array.from(
      { length: maxProblems / 100 },
      (_, index) => `INSERT INTO events (stream, version, id, body)
        SELECT stream, version + ${index + 1}000, randomblob(16), body FROM events WHERE position <= 120;`,
    );
    const { problems } = await verify(copies.join(''), 100);
    expect(problems).toHaveLength(maxProblems);
  });
});
