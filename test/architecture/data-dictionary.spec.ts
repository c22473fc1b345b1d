import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventTypes } from '#domain/event-codec';

const root = join(import.meta.dirname, '..', '..');
const page = join(root, 'docs', 'reference', 'data-dictionary.md');
const check = (file: string) => {
  const script = join(root, 'scripts', 'data-dictionary.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check', file], { encoding: 'utf8' });
  return { status, stderr };
};

test('docs/reference/data-dictionary.md is up to date (otherwise run npm run docs)', () => {
  expect(check(page)).toEqual({ status: 0, stderr: '' });
});

test('docs/reference/data-dictionary.md lists every event type', () => {
  const heads = [...readFileSync(page, 'utf8').matchAll(/^### (.*)$/gm)].map(([, name]) => name);
  expect(heads).toEqual(eventTypes);
});

test('the check of docs/reference/data-dictionary.md fails if the page differs in one word', () => {
  const folder = mkdtempSync(join(tmpdir(), 'data-dictionary-'));
  const file = join(folder, 'old.md');
  writeFileSync(file, readFileSync(page, 'utf8').replace('unique in the log', 'unique'));
  const { status, stderr } = check(file);
  rmSync(folder, { recursive: true });
  expect(status).toBe(1);
  expect(stderr).toContain('is not current. Run npm run docs.');
});
