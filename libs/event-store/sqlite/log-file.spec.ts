import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { newEvent } from '../event-store.test-support.js';
import { withTempFolder, startChild } from './log-children.fixture.js';
import { UnusableLogFile } from './log-file.js';
import { SqliteLog } from './sqlite-log.js';

/** The message of the error on opening. It must name the file and must not be one of SQLite's own messages. */
function openError(file: string, readOnly = false): string {
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

/** In containers the tests run as root, to whom file permissions do not apply. */
function withoutRootRights<T>(work: () => T): T {
  if (process.getuid?.() !== 0) return work();
  process.seteuid!(65534);
  try {
    return work();
  } finally {
    process.seteuid!(0);
  }
}

describe('opening a log file', () => {
  it('creates a log file together with the folders of its path', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'a', 'b', 'events.db');
      await SqliteLog.open({ file }).close();
      expect(existsSync(file)).toBe(true);
    }));

  it('does not open a log file for a second writer in the same process, even through another path', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      const log = SqliteLog.open({ file });
      symlinkSync(folder, join(folder, 'link'));
      expect(openError(file)).toContain('in use by another process');
      expect(() => SqliteLog.open({ file: join(folder, 'link', 'events.db') })).toThrow('in use by another process');
      await log.events.append('agent-demo-1', 0, [newEvent()]);
      await log.close();
      await SqliteLog.open({ file }).close();
    }));

  it('does not open a log file while another process writes, and opens it as soon as that process is killed', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      const holder = startChild('hold', file);
      expect(await holder.lines.next()).toMatchObject({ value: 'ready' });
      expect(openError(file)).toContain('in use by another process');
      holder.kill();
      for await (const _ of holder.lines);
      const log = SqliteLog.open({ file });
      const second = startChild('hold', file);
      expect((await second.lines.next()).value).toMatch(/^UnusableLogFile: .*in use by another process/);
      await log.close();
    }));

  it('does not open a log file read-only unless it exists and holds a log', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      expect(openError(file, true)).toContain('the file does not exist');
      expect(existsSync(file)).toBe(false);
      writeFileSync(file, '');
      expect(openError(file, true)).toContain('nothing has been written to it yet');
    }));

  it('opens a log file read-only with or without a writer, and then never writes to it', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      const log = SqliteLog.open({ file });
      const reader = SqliteLog.open({ file, readOnly: true });
      const { position } = await log.events.append('agent-demo-1', 0, [newEvent()]);
      expect(await reader.events.head()).toBe(position);
      expect(reader.events.isPosition(position)).toBe(true);
      expect(await reader.events.read('agent-demo-1', 0, 10)).toHaveLength(1);
      await expect(reader.events.append('agent-demo-1', 1, [newEvent()])).rejects.toThrow('is opened read-only');
      const response = { request: '', answer: 1, keptAt: '2026-03-01T09:00:00Z' };
      await expect(reader.responses.saveIfAbsent('c', response)).rejects.toThrow('is opened read-only');
      await log.close();
      await reader.close();
      const readerAlone = SqliteLog.open({ file, readOnly: true });
      expect(await readerAlone.events.head()).toBe(position);
      await readerAlone.close();
    }));

  it('rejects a file that is not a database and leaves it unchanged', () =>
    withTempFolder((folder) => {
      const file = join(folder, 'notes.txt');
      const text = 'not a log, but somebody’s notes\n'.repeat(200);
      writeFileSync(file, text);
      expect(openError(file)).toContain('the file is not a SQLite database');
      expect(openError(file, true)).toContain('the file is not a SQLite database');
      expect(readFileSync(file, 'utf8')).toBe(text);
    }));

  it('rejects a database of another program and leaves it unchanged', () =>
    withTempFolder((folder) => {
      const file = join(folder, 'other.db');
      const otherDatabase = new DatabaseSync(file);
      otherDatabase.exec('CREATE TABLE theirs (a)');
      otherDatabase.close();
      const before = readFileSync(file);
      expect(openError(file)).toContain('it is a database of another program');
      expect(readFileSync(file).equals(before)).toBe(true);
    }));

  it('rejects a log file that a later release wrote in a newer format', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      await SqliteLog.open({ file }).close();
      const db = new DatabaseSync(file);
      db.exec('PRAGMA user_version = 99');
      db.close();
      expect(openError(file)).toContain('its format version is 99, but this release supports at most 1');
    }));

  it('names the reason if the path of a log file cannot be used', () =>
    withTempFolder((folder) => {
      writeFileSync(join(folder, 'file'), '');
      expect(openError(join(folder, 'file', 'events.db'))).toContain('a part of its path is not a folder');
      mkdirSync(join(folder, 'folder.db'));
      expect(openError(join(folder, 'folder.db'))).toContain('cannot be opened or created');
    }));

  it('names the reason if the folder of a log file is not writable', () =>
    withTempFolder((folder) => {
      chmodSync(folder, 0o555);
      const file = join(folder, 'events.db');
      const fileInNewFolder = join(folder, 'new', 'events.db');
      expect(withoutRootRights(() => openError(file))).toContain('cannot be opened or created');
      expect(withoutRootRights(() => openError(fileInNewFolder))).toContain('permission is denied');
      chmodSync(folder, 0o755);
    }));

  it('names the reason if a log file is not writable but its folder is', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      await SqliteLog.open({ file }).close();
      chmodSync(folder, 0o777);
      chmodSync(`${file}.lock`, 0o666);
      chmodSync(file, 0o444);
      expect(withoutRootRights(() => openError(file))).toContain('read-only');
    }));
});
