import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { relative } from 'node:path';

const root = `${import.meta.dirname}/../..`;
// Top-level await: this file loads only as an ES module.
const { join } = await import('node:path');

const name = 'a test file is loaded as an ES module';

test(name, () => {
  expect(typeof join).toBe('function');
});

test('jest runs test files without flags of Node.js, as npx jest and editors start it', () => {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const args = [join(root, 'node_modules/jest/bin/jest.js'), relative(root, import.meta.filename), '-t', name];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('1 passed') });
});
