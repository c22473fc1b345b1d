import { afterAll, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';
import { findOlderVersions } from './tidy.command.js';

const folder = mkdtempSync(join(tmpdir(), 'views-'));
const store = new SqliteViewStore(folder, { readerThread: false });
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

test('findOlderVersions returns only the stored view versions that are older than those of this release', async () => {
  for (const [name, version] of [
    ['one', 1],
    ['one', 2],
    ['one', 3],
    ['other', 2],
    ['another', 1],
  ] as const)
    await store.openForWriting({ name, version, tables: {} });
  const release = [
    { name: 'one', version: 3 },
    { name: 'other', version: 1 },
  ];
  const older = [1, 2].map((version) => ({ view: 'one', version }));
  expect(await findOlderVersions(store, release)).toEqual(older);
  for (const { view: name, version } of older) await store.wipe({ name, version, tables: {} });
  expect(await findOlderVersions(store, release)).toEqual([]);
  expect(await store.versions('one')).toEqual([3]);
});
