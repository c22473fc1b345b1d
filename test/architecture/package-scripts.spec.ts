import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};

/** On Windows npm runs scripts with cmd.exe. Only a program with plain arguments means the same there and in a Unix shell. */
const isPortable = (script: string): boolean =>
  /^(node|npx|prettier)( [\w./@=:+-]+)*$/.test(script) && !/^[A-Z_]+=/.test(script);

describe('the scripts of package.json', () => {
  test.each([
    'exec node scripts/start.mjs',
    'PORT=3001 node scripts/start.mjs',
    'TORTURE_ROUNDS=${TORTURE_ROUNDS:-100} npm test',
    'node scripts/prepare.mjs && node dist/main.js',
    'node scripts/prepare.mjs; node dist/main.js',
    'node scripts/report.mjs > report.txt',
    'node scripts/report.mjs | tee report.txt',
    "prettier --write '**/*.ts'",
    'prettier --write *.ts',
    'node scripts/start.mjs $PORT',
    'rm -rf dist',
  ])('the check of package.json scripts rejects shell syntax: %s', (script) => {
    expect(isPortable(script)).toBe(false);
  });

  test.each(Object.entries(scripts))('the script %s runs in cmd.exe and in a Unix shell: %s', (_, script) => {
    expect(isPortable(script)).toBe(true);
  });

  test.each(Object.entries(scripts))('the script %s names only files that exist: %s', (_, script) => {
    const files = script.split(' ').filter((word) => word.startsWith('scripts/'));
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});
