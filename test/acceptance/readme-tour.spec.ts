import { describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { setupApp } from '#test/support/app';
import { canExport } from '#test/support/engines';
import { settingNames, settingsTable } from '#wiring/settings-table';

const root = join(import.meta.dirname, '..', '..');
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');
const readme = textOf('README.md');

describe('the tour', () => {
  const app = setupApp({ QUALIFICATION: 'local', QUALIFICATION_DEBOUNCE_MS: '100' });
  const address = 'http://127.0.0.1:3000';
  const pasted = [...readme.matchAll(/^```bash\n(.*?)^```/gms)]
    .map(([, lines = '']) => lines)
    .filter((lines) => canExport || !lines.includes('/export'))
    .join('\n');

  test('prints what the README says it prints', async () => {
    expect(pasted).toContain(`BASE=${address}\n`);
    const expected = [...pasted.matchAll(/#=> (.*)$/gm)].map(([, line = '']) => line);
    const run = promisify(execFile)('bash', ['-c', pasted.replaceAll(address, app.url)]);
    const { stdout, stderr } = await run;
    expect(stderr).toBe('');
    const said = stdout.trimEnd().split('\n');
    expect(said).toEqual(
      expected.map((line): unknown => (line.includes('...') ? expect.stringMatching(like(line)) : line)),
    );
    expect(expected.length).toBeGreaterThan(20);
  });

  /** `...` stands for anything. */
  const like = (line: string): RegExp =>
    new RegExp(
      `^${line
        .split('...')
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
        .join('.+')}$`,
    );
});

test('the table of settings is that of the settings, with their defaults', () => {
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)`\s*\| (.*?)\s*\|/gm)].map(([, name, fallback]) => [name, fallback]);
  expect(rows.map(([name]) => name).toSorted()).toEqual(settingNames.toSorted());
  const defaults = Object.entries(settingsTable)
    .filter(([, setting]) => setting.default !== null)
    .map(([name, setting]) => [name, `\`${setting.default}\``]);
  expect(rows).toEqual(expect.arrayContaining(defaults));
});

describe('every path that is named is there:', () => {
  const documents = ['', 'docs', 'apps', 'libs', 'projections', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: folder !== '', encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md')
      .map((name) => join(folder, name)),
  );

  test.each(documents)('%s', (document) => {
    const text = textOf(document);
    // x and y stand for any name; what goes on with <...> is checked up to there.
    const named = [...text.matchAll(/(?<![\w/.#-])(?:apps|libs|projections|test|docs|scripts)\/[\w./-]*\w/g)]
      .map(([path]) => path)
      .filter((path) => !/\/[xy]$/.test(path));
    const linked = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, to = '']) => join(dirname(document), to));
    expect([...named, ...linked].filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});
