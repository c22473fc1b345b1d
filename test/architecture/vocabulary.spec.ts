import { beforeAll, describe, expect, test } from '@jest/globals';
import { ESLint } from 'eslint';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import tseslint from 'typescript-eslint';

const root = join(import.meta.dirname, '..', '..');
const folders = ['apps', 'libs', 'projections', 'scripts', 'test', 'docs'];

let eslint: ESLint;
let deniedWords: ReadonlySet<string>;

beforeAll(async () => {
  // The configuration of the repository without rules that need types, because the linted text is not a file of the project.
  eslint = new ESLint({
    cwd: root,
    overrideConfig: [{ files: ['**/*.ts'], ...tseslint.configs.disableTypeChecked }],
  });
  const config = (await eslint.calculateConfigForFile(join(root, 'libs', 'domain', 'event.ts'))) as {
    rules: { 'id-denylist': readonly [number, ...string[]] };
  };
  const [, ...names] = config.rules['id-denylist'];
  deniedWords = new Set(names.map((name) => name.toLowerCase()));
});

async function lint(line: string): Promise<readonly (string | null)[]> {
  const [result] = await eslint.lintText(`${line}\n`, { filePath: join(root, 'libs', 'domain', 'example.ts') });
  return result!.messages
    .map(({ ruleId }) => ruleId)
    .filter((rule) => rule === null || ['id-denylist', 'no-restricted-syntax'].includes(rule));
}

const wordsOf = (path: string): readonly string[] => path.split(/[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])/);
const hasDeniedWord = (path: string): boolean => wordsOf(path).some((word) => deniedWords.has(word.toLowerCase()));

describe('the vocabulary rule of ESLint', () => {
  test('the list of denied words contains words that once had several meanings', () => {
    for (const word of ['told', 'asked', 'heard', 'door', 'place', 'turn', 'most', 'usual', 'patience', 'beside'])
      expect(deniedWords).toContain(word);
  });

  test('ESLint reports every denied word as the name of a variable and of a type', async () => {
    for (const word of deniedWords) {
      expect([word, await lint(`export const ${word} = 1;`)]).toEqual([word, ['id-denylist']]);
      const typeName = word[0]!.toUpperCase() + word.slice(1);
      expect([typeName, await lint(`export interface ${typeName} { readonly id: string }`)]).toEqual([
        typeName,
        ['id-denylist'],
      ]);
    }
  });

  test.each([
    'export const mostRows = 200;',
    'export const MOST_ROWS = 200;',
    'export const rowsToldLate = 1;',
    'export type FreshPlace = string;',
    'export type PlaceInLog = string;',
    'export function askAgain(): void {}',
    'export class Doorkeeping { isTold = false; }',
    'export class Log { tellAll(): void {} }',
    'export class Log { #mostRows = 1; }',
    'export interface Log { readonly mostRows: number }',
    'export const { rows: rowsAsked } = { rows: 1 };',
    'export const count = (rowsAsked: number) => rowsAsked;',
  ])('ESLint reports a denied word within a name: %s', async (line) => {
    expect(await lint(line)).toEqual(['no-restricted-syntax']);
  });

  test.each([
    'export const ids = [1].map((it) => it);',
    'export const ids = [1].map(function (it) { return it; });',
    'export const ids = Object.entries({}).map(([, it]) => it);',
    'export const count = ({ id: it }: { id: number }) => it;',
    'export const count = (it = 1) => it;',
    'export const it = 1;',
    'export type Matches = (it: string) => boolean;',
  ])('ESLint reports `it` as the name of a parameter or variable: %s', async (line) => {
    expect(await lint(line)).toEqual(['no-restricted-syntax']);
  });

  test.each([
    "import { it } from '@jest/globals'; it('works', () => undefined);",
    'export const almostDone = true;',
    'export const returnedRows = 1;',
    'export const placeholder = "";',
    'export const marketplaces = 1;',
    'export const askew = 1;',
    'export const foretold = 1;',
    'export const itemCount = 1;',
    'export const mask = 1;',
    'export const text = "Nobody told it.";',
  ])('ESLint accepts a name without a denied word: %s', async (line) => {
    expect(await lint(line)).toEqual([]);
  });
});

describe('file names', () => {
  test('a file or folder name with a denied word is detected, and another name is not', () => {
    for (const path of [
      'libs/commands/kept-told.ts',
      'libs/domain/door.ts',
      'libs/nobody/log.ts',
      'apps/cli/mostRows.ts',
    ])
      expect([path, hasDeniedWord(path)]).toEqual([path, true]);
    for (const path of ['libs/domain/marketplace.ts', 'libs/http/placeholder.spec.ts', 'scripts/returned.mjs'])
      expect([path, hasDeniedWord(path)]).toEqual([path, false]);
  });

  test('no file or folder name in the repository has a denied word', () => {
    const paths = folders
      .filter((folder) => existsSync(join(root, folder)))
      .flatMap((folder) =>
        readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
      );
    expect(paths.filter(hasDeniedWord)).toEqual([]);
    expect(paths).toContain(join('libs', 'domain', 'event.ts'));
  });
});
