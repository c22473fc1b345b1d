import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
// Top-level await: this file loads only as an ES module.
const { version } = await import('node:process');

const name = 'a test file is loaded as an ES module';

test(name, () => {
  expect(version).toMatch(/^v\d/);
});

test('jest runs test files without special flags of Node.js, as npx jest and editors do', () => {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const args = [join(root, 'node_modules/jest/bin/jest.js'), relative(root, import.meta.filename), '-t', name];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('1 passed') });
});
