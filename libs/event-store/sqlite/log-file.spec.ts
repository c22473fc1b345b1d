import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { newEvent } from '../event-store.test-support.js';
import { withTempFolder, startChild } from './log-children.fixture.js';
import { UnusableLogFile } from './log-file.js';
import { SqliteLog } from './sqlite-log.js';

/** What opening says, and that it says it properly. */
function refusal(file: string, readOnly = false): string {
  try {
    void SqliteLog.open({ file, readOnly }).close();
  } catch (error) {
    expect(error).toBeInstanceOf(UnusableLogFile);
    expect((error as Error).message).toContain(file);
    expect((error as Error).message).not.toMatch(/sqlite_|unable to|database is/i);
    return (error as UnusableLogFile).message;
  }
  throw new Error(`${file} was opened`);
}

/** Permissions mean nothing to root, who runs the tests in containers. */
function asNobody<T>(work: () => T): T {
  if (process.getuid?.() !== 0) return work();
  process.seteuid!(65534);
  try {
    return work();
  } finally {
    process.seteuid!(0);
  }
}

describe('opening the file of a log', () => {
  it('makes the folders it lies in', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'a', 'b', 'events.db');
      await SqliteLog.open({ file }).close();
      expect(existsSync(file)).toBe(true);
    }));

  it('is refused to a second writer of the same process, also by another path, and the first goes on', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      const log = SqliteLog.open({ file });
      symlinkSync(folder, join(folder, 'link'));
      expect(refusal(file)).toContain('in use by another process');
      expect(() => SqliteLog.open({ file: join(folder, 'link', 'events.db') })).toThrow('in use by another process');
      await log.events.append('agent-demo-1', 0, [newEvent()]);
      await log.close();
      await SqliteLog.open({ file }).close();
    }));

  it('is refused while another process writes, and granted as soon as that one was killed', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      const holder = startChild('hold', file);
      expect(await holder.lines.next()).toMatchObject({ value: 'ready' });
      expect(refusal(file)).toContain('in use by another process');
      holder.kill();
      for await (const _ of holder.lines);
      const log = SqliteLog.open({ file });
      const late = startChild('hold', file);
      expect((await late.lines.next()).value).toMatch(/^UnusableLogFile: .*in use by another process/);
      await log.close();
    }));

  it('for reading needs a log that is there', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      expect(refusal(file, true)).toContain('there is no such file');
      expect(existsSync(file)).toBe(false);
      writeFileSync(file, '');
      expect(refusal(file, true)).toContain('nothing was written to it yet');
    }));

  it('for reading works beside a writer and without one, and writes nothing', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      const log = SqliteLog.open({ file });
      const beside = SqliteLog.open({ file, readOnly: true });
      const { position } = await log.events.append('agent-demo-1', 0, [newEvent()]);
      expect(await beside.events.head()).toBe(position);
      expect(beside.events.isPosition(position)).toBe(true);
      expect(await beside.events.read('agent-demo-1', 0, 10)).toHaveLength(1);
      await expect(beside.events.append('agent-demo-1', 1, [newEvent()])).rejects.toThrow('opened for reading only');
      const answer = { request: '', answer: 1, keptAt: '2026-03-01T09:00:00Z' };
      await expect(beside.responses.saveIfAbsent('c', answer)).rejects.toThrow('opened for reading only');
      await log.close();
      await beside.close();
      const alone = SqliteLog.open({ file, readOnly: true });
      expect(await alone.events.head()).toBe(position);
      await alone.close();
    }));

  it('leaves a file alone that is not a database', () =>
    withTempFolder((folder) => {
      const file = join(folder, 'notes.txt');
      const text = 'not a log, but somebody’s notes\n'.repeat(200);
      writeFileSync(file, text);
      expect(refusal(file)).toContain('its file is not a SQLite database');
      expect(refusal(file, true)).toContain('its file is not a SQLite database');
      expect(readFileSync(file, 'utf8')).toBe(text);
    }));

  it('leaves a database alone that another program made', () =>
    withTempFolder((folder) => {
      const file = join(folder, 'other.db');
      const other = new DatabaseSync(file);
      other.exec('CREATE TABLE theirs (a)');
      other.close();
      const before = readFileSync(file);
      expect(refusal(file)).toContain('it is a database of another program');
      expect(readFileSync(file).equals(before)).toBe(true);
    }));

  it('refuses a format that a later release wrote', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      await SqliteLog.open({ file }).close();
      const later = new DatabaseSync(file);
      later.exec('PRAGMA user_version = 99');
      later.close();
      expect(refusal(file)).toContain('its format is 99, newer than 1');
    }));

  it('names what is wrong with the path', () =>
    withTempFolder((folder) => {
      writeFileSync(join(folder, 'file'), '');
      expect(refusal(join(folder, 'file', 'events.db'))).toContain('a part of its path is not a folder');
      mkdirSync(join(folder, 'folder.db'));
      expect(refusal(join(folder, 'folder.db'))).toContain('can not be opened or created');
    }));

  it('names a folder that can’t be written', () =>
    withTempFolder((folder) => {
      chmodSync(folder, 0o555);
      const beside = join(folder, 'events.db');
      const below = join(folder, 'new', 'events.db');
      expect(asNobody(() => refusal(beside))).toContain('can not be opened or created');
      expect(asNobody(() => refusal(below))).toContain('permission is denied');
      chmodSync(folder, 0o755);
    }));

  it('names a file that can’t be written, in a folder that can', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      await SqliteLog.open({ file }).close();
      chmodSync(folder, 0o777);
      chmodSync(`${file}.lock`, 0o666);
      chmodSync(file, 0o444);
      expect(asNobody(() => refusal(file))).toContain('read-only');
    }));
});
