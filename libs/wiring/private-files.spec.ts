import { afterAll, expect, test } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { makeFilesPrivate } from './private-files.js';
import { parseSettings } from './settings.js';

const folder = mkdtempSync(join(tmpdir(), 'private-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

const onPosix = process.platform === 'win32' ? test.skip : test;

onPosix('makeFilesPrivate changes only files and folders of the service, and logs a key that others could read', () => {
  const [own, mixed] = [join(folder, 'own'), join(folder, 'mixed')];
  for (const dataDir of [own, mixed]) {
    mkdirSync(join(dataDir, 'views'), { recursive: true });
    for (const name of ['events.db', 'events.db-wal', 'id.key', 'views/agents.v1.g1.db'])
      writeFileSync(join(dataDir, name), '');
  }
  writeFileSync(join(mixed, 'notes.txt'), '');
  for (const path of [own, mixed, join(own, 'views')]) chmodSync(path, 0o755);
  for (const path of ['own/events.db', 'own/id.key', 'mixed/events.db', 'mixed/notes.txt'])
    chmodSync(join(folder, path), 0o644);
  chmodSync(join(mixed, 'id.key'), 0o600);

  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(line) });
  for (const DATA_DIR of [own, mixed, join(folder, 'missing')]) makeFilesPrivate(parseSettings({ DATA_DIR }), logger);
  for (const path of [own, join(own, 'views'), join(mixed, 'views')]) expect(modeOf(path)).toBe('700');
  for (const path of [
    'own/events.db',
    'own/events.db-wal',
    'own/id.key',
    'own/views/agents.v1.g1.db',
    'mixed/events.db',
  ])
    expect(modeOf(join(folder, path))).toBe('600');
  expect([modeOf(mixed), modeOf(join(mixed, 'notes.txt'))]).toEqual(['755', '644']);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/own\/id\.key.*other users could read the key/);
});
