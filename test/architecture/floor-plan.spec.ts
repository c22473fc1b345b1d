import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const json = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'));
const foldersOf = (folder: string) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? entry.name : [],
      )
    : [];

test('nest-cli.json names every app and library there is, and no other', () => {
  const { projects } = json('nest-cli.json') as {
    projects: Record<string, { type: string; root: string; sourceRoot: string }>;
  };
  const named = Object.entries(projects).map(([name, { type, root, sourceRoot }]) => [name, type, root, sourceRoot]);
  const found = [
    ...foldersOf('apps').map((name) => [name, 'application', `apps/${name}`, `apps/${name}`]),
    ...foldersOf('libs').map((name) => [name, 'library', `libs/${name}`, `libs/${name}`]),
    ['projections', 'library', 'projections', 'projections'],
  ];
  expect(named.toSorted()).toEqual(found.toSorted());
});

test('package.json has a path import for every library, to its source and to its build', () => {
  const path = (folder: string) => ({ source: `./${folder}/*.ts`, default: `./dist/${folder}/*.js` });
  const { imports } = json('package.json') as { imports: object };
  expect(imports).toMatchObject({
    ...Object.fromEntries(foldersOf('libs').map((name) => [`#${name}/*`, path(`libs/${name}`)])),
    ...Object.fromEntries(['projections', 'apps', 'test'].map((name) => [`#${name}/*`, path(name)])),
  });
});

test('package-lock.json serves every machine, from whatever registry it uses', () => {
  type Package = { resolved?: string; optionalDependencies?: Record<string, string> };
  const { packages } = json('package-lock.json') as { packages: Record<string, Package> };
  expect(Object.keys(packages).filter((path) => packages[path]!.resolved)).toEqual([]);
  // `npm ci` refuses a lock that leaves out what other systems would install.
  const optional = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).map((name) => [`${path}/node_modules/${name}`, `node_modules/${name}`]),
  );
  expect(optional.filter((places) => !places.some((place) => packages[place]))).toEqual([]);
});

describe('the domain and the projections get time, ids, chance and settings as data', () => {
  const outside =
    /\bnew Date\b(?!\([^)])|\bDate\(\)|\bDate\.now\b|\bperformance\b|\bMath\.random\b|\brandom(UUID|Bytes|Int)\b|\bgetRandomValues\b|\bprocess\./;
  const withoutComments = (text: string) => text.replace(/\/\*.*?\*\/|\/\/.*?$/gms, '');
  const reachesOutside = (text: string) => outside.test(withoutComments(text));

  test.each([
    'const now = new Date();',
    'const now = new Date;',
    'const now = Date();',
    'const now = Date.now();',
    'const clock = Date.now;',
    'const now = performance.now();',
    'if (Math.random() < 0.5) return [];',
    'const id = crypto.randomUUID();',
    'const id = randomUUID();',
    'const limit = process.env.LIMIT; // the limit',
  ])('%s is refused', (line) => expect(reachesOutside(line)).toBe(true));

  test.each([
    'const due = new Date(command.dueAt);',
    'const due = Date.parse(command.dueAt);',
    '// Date.now() would make two folds of the same log differ.',
    '/**\n * No new Date() here.\n */',
    'const processed = state.processed;',
  ])('%s is let through', (line) => expect(reachesOutside(line)).toBe(false));

  test('they do', () => {
    const files = ['libs/domain', 'projections']
      .flatMap((folder) =>
        readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
      )
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
    expect(files.filter((file) => reachesOutside(readFileSync(join(root, file), 'utf8')))).toEqual([]);
    expect(files).toContain(join('libs', 'domain', 'event.ts'));
  });
});
