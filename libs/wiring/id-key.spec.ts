import { afterAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { contactStream, deriveContactKey } from '#commands/ids';
import { newEvent, newStreamName } from '#event-store/event-store.test-support';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { openIdKey } from './id-key.js';
import { OperatorError } from './operator-error.js';
import { parseSettings, type Settings } from './settings.js';

const folder = mkdtempSync(join(tmpdir(), 'id-key-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rightKey = 'the key of this log';
const otherKey = 'the key of another log';

const register = (secret: string) => {
  const contactKey = deriveContactKey(secret, 'demo', 'c-1');
  const event = {
    ...newEvent(),
    type: 'ContactRegistered',
    data: { contactKey },
    personal: { contactId: 'c-1', name: null, phone: null, email: null },
  };
  return { stream: contactStream('demo', contactKey), events: [event] };
};

/** A data folder of its own for each test. */
function newSettings(): { settings: Settings; withKey: (key: string) => Settings } {
  const DATA_DIR = join(folder, randomUUID());
  mkdirSync(DATA_DIR);
  return { settings: parseSettings({ DATA_DIR }), withKey: (ID_KEY) => parseSettings({ DATA_DIR, ID_KEY }) };
}

const logFileOf = ({ dataDir }: Settings): string => join(dataDir, 'events.db');

/** Opens the log, then its key. Returns the key, or the message of the OperatorError. */
async function open(settings: Settings, { write = true } = {}): Promise<string> {
  const log = SqliteLog.open({ file: logFileOf(settings), readOnly: !write });
  try {
    return await openIdKey(settings, log, { write });
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return error.message;
  } finally {
    await log.close();
  }
}

async function fill(settings: Settings, secret: string): Promise<void> {
  const log = SqliteLog.open({ file: logFileOf(settings) });
  await log.events.append(newStreamName(), 0, [newEvent()]);
  const { stream, events } = register(secret);
  await log.events.append(stream, 0, events);
  await log.close();
}

/** Turns the log into one of a release that stored no fingerprint. */
function removeFingerprint(settings: Settings): void {
  const db = new DatabaseSync(logFileOf(settings));
  db.exec('ALTER TABLE log DROP COLUMN key_fingerprint');
  db.close();
}

describe('openIdKey', () => {
  it('creates a key for an empty log, and returns the same key at the next start', async () => {
    const { settings } = newSettings();
    const key = await open(settings);
    expect(readFileSync(join(settings.dataDir, 'id.key'), 'utf8').trim()).toBe(key);
    expect(await open(settings)).toBe(key);
    expect(await open(settings, { write: false })).toBe(key);
  });

  it('rejects another key once a key was used, also while the log is empty', async () => {
    const { withKey } = newSettings();
    expect(await open(withKey(rightKey))).toBe(rightKey);
    expect(await open(withKey(otherKey))).toMatch(/^ID_KEY is not the key of this log \(sqlite:.*no events yet/);
    await fill(withKey(rightKey), rightKey);
    for (const write of [true, false])
      expect(await open(withKey(otherKey), { write })).toMatch(/^ID_KEY is not the key of this log .* Restore the key/);
    expect(await open(withKey(rightKey))).toBe(rightKey);
  });

  it('creates no key for a log that has events or a fingerprint, and names id.key and ID_KEY', async () => {
    const { settings, withKey } = newSettings();
    await fill(settings, rightKey);
    for (const write of [true, false]) {
      expect(await open(settings, { write })).toMatch(/^There is no .*id\.key, .* Restore id\.key .* set ID_KEY/);
      expect(existsSync(join(settings.dataDir, 'id.key'))).toBe(false);
    }
    const empty = newSettings();
    await open(empty.withKey(rightKey));
    expect(await open(empty.settings)).toMatch(/^There is no .*id\.key/);
    expect(await open(withKey(rightKey))).toBe(rightKey);
  });

  it('checks the key of an older log against its first contact, and stores its fingerprint when it writes', async () => {
    const { settings, withKey } = newSettings();
    await fill(settings, rightKey);
    removeFingerprint(settings);
    for (const write of [false, true])
      expect(await open(withKey(otherKey), { write })).toMatch(/^ID_KEY is not the key of this log/);
    removeFingerprint(settings);
    expect(await open(withKey(rightKey), { write: false })).toBe(rightKey);
    expect(await open(withKey(rightKey))).toBe(rightKey);
    // The first contact would now fit the other key, but the fingerprint does not.
    const db = new DatabaseSync(logFileOf(settings));
    db.prepare("UPDATE streams SET name = ? WHERE name LIKE 'contact-%'").run(register(otherKey).stream);
    db.close();
    expect(await open(withKey(otherKey))).toMatch(/^ID_KEY is not the key of this log/);
  });

  it('finds the first contact of an older log behind an event that cannot be read', async () => {
    const { settings, withKey } = newSettings();
    await fill(settings, rightKey);
    removeFingerprint(settings);
    const db = new DatabaseSync(logFileOf(settings));
    db.exec("UPDATE events SET body = '{' WHERE position = 1");
    db.close();
    expect(await open(withKey(otherKey))).toMatch(/^ID_KEY is not the key of this log/);
    expect(await open(withKey(rightKey))).toBe(rightKey);
  });

  it('rejects a key file that is damaged', async () => {
    const { settings } = newSettings();
    writeFileSync(join(settings.dataDir, 'id.key'), 'short\n');
    expect(await open(settings)).toMatch(/id\.key is damaged\. Restore it from a backup/);
  });
});
