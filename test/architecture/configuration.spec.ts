import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settingNames } from '#wiring/settings-table';

const root = join(import.meta.dirname, '..', '..');
const page = join(root, 'docs', 'reference', 'configuration.md');
const check = (file: string) => {
  const script = join(root, 'scripts', 'configuration.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check', file], { encoding: 'utf8' });
  return { status, stderr };
};

test('docs/reference/configuration.md is up to date (otherwise run npm run docs)', () => {
  expect(check(page)).toEqual({ status: 0, stderr: '' });
});

test('docs/reference/configuration.md lists every setting', () => {
  const names = [...readFileSync(page, 'utf8').matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name);
  expect(names).toEqual(settingNames);
});

test('the check of docs/reference/configuration.md fails if the page differs in one word', () => {
  const folder = mkdtempSync(join(tmpdir(), 'configuration-'));
  const file = join(folder, 'old.md');
  writeFileSync(file, readFileSync(page, 'utf8').replace('`3000`', '`3001`'));
  const { status, stderr } = check(file);
  rmSync(folder, { recursive: true });
  expect(status).toBe(1);
  expect(stderr).toContain('is not current. Run npm run docs.');
});
