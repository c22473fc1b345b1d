import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

test('the first start without a network explains in one sentence that the npm registry is needed', () => {
  const checkout = mkdtempSync(join(tmpdir(), 'checkout-'));
  for (const file of ['package.json', 'package-lock.json', '.npmrc', 'scripts/prepare.mjs'])
    cpSync(join(root, file), join(checkout, file));
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(checkout, 'scripts', 'prepare.mjs')], {
    encoding: 'utf8',
    env: {
      ...process.env,
      // Nothing listens on port 9.
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_fetch_retries: '0',
      npm_config_cache: join(checkout, 'cache'),
    },
  });
  const isStamped = existsSync(join(checkout, 'node_modules', '.leadstream'));
  rmSync(checkout, { recursive: true });
  expect({ status, stdout, isStamped }).toEqual({ status: 1, stdout: '', isStamped: false });
  expect(stderr.trimEnd().split('\n')).toEqual([
    'Installing dependencies …',
    'The npm registry cannot be reached. The first start needs it to install the dependencies. Connect to the network and try again.',
  ]);
});
