import { describe, expect, test } from '@jest/globals';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { setupApp } from '#test/support/app';
import { canExport } from '#test/support/engines';

const root = join(import.meta.dirname, '..', '..');
const readText = (file: string): string => readFileSync(join(root, file), 'utf8');

describe('the tours', () => {
  // The scorer is off, as in all tests by default. It would add entries to the history between two commands of a tour.
  const app = setupApp();
  const documentedUrl = 'http://127.0.0.1:3000';

  /** The `bash` blocks of a page; the `text` block after one of them is its expected output. */
  const tourOf = (page: string) =>
    [...readText(page).matchAll(/^```bash\n(.*?)^```\n(?:\s*^```text\n(.*?)^```\n)?/gms)]
      .map(([, commands = '', output = '']) => ({ commands, output }))
      .filter(({ commands }) => canExport || !commands.includes('/export'));

  const isInstalled = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

  /** Expected output may contain `...` for any text. */
  const expectedLine = (line: string): unknown => {
    if (!line.includes('...')) return line;
    const parts = line.split('...').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return expect.stringMatching(new RegExp(`^${parts.join('.+')}$`));
  };

  describe.each([
    { page: 'README.md', minLines: 6 },
    { page: 'docs/guides/tour.md', minLines: 20 },
  ])('of $page', ({ page, minLines }) => {
    for (const shell of ['bash', 'zsh'])
      (isInstalled(shell) ? test : test.skip)(
        `the tour of ${page} prints the documented output in ${shell}`,
        async () => {
          const tour = tourOf(page);
          const script = tour.map(({ commands }) => commands).join('\n');
          const expected = tour.flatMap(({ output }) => output.split('\n').slice(0, -1));
          expect(script).toContain(`BASE=${documentedUrl}\n`);
          const { stdout, stderr } = await promisify(execFile)(shell, [
            '-c',
            script.replaceAll(documentedUrl, app.url),
          ]);
          expect(stderr).toBe('');
          expect(stdout.trimEnd().split('\n')).toEqual(expected.map(expectedLine));
          expect(expected.length).toBeGreaterThanOrEqual(minLines);
        },
      );
  });
});

describe('paths and links in the documentation', () => {
  const pages = ['', 'docs', 'apps', 'libs', 'projections', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: folder !== '', encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md')
      .map((name) => join(folder, name)),
  );

  test.each(pages)('all paths and links of %s exist', (page) => {
    const text = readText(page);
    // `x` and `y` are placeholders for any name. A path with a placeholder such as <name> is checked up to it.
    const paths = [...text.matchAll(/(?<![\w/.#-])(?:apps|libs|projections|test|docs|scripts)\/[\w./-]*\w/g)]
      .map(([path]) => path)
      .filter((path) => !/\/[xy]$/.test(path));
    // Files that the reader of a guide creates, and arguments of `npm test`, which are the beginnings of paths.
    const created = [...text.matchAll(/^New file `(\S+)`:$|`(test\/golden\/\w+\.v\d+\.json)`/gm)].map(
      ([, file, goldenFile]) => file ?? goldenFile!,
    );
    const exists = (path: string): boolean =>
      [path, `${path}.spec.ts`].some((file) => existsSync(join(root, file))) ||
      created.some((file) => file.startsWith(path));
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, to = '']) => join(dirname(page), to));
    expect([...paths, ...links].filter((path) => !exists(path))).toEqual([]);
  });
});
