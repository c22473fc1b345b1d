import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const json = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'));
/** Those that hold a file: a clone has no others. */
const foldersOf = (folder: string) =>
  readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(root, folder), entry.parentPath).split(sep)[0]!)
    .filter((name, index, names) => name && names.indexOf(name) === index);

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
  const missing = optional.filter((places) => !places.some((place) => packages[place]));
  expect(missing.map(([, name]) => name)).toEqual([]);
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
    '/* No new Date() here. */',
    'const processed = state.processed;',
  ])('%s is let through', (line) => expect(reachesOutside(line)).toBe(false));

  test('they do', () => {
    const files = ['libs/domain', 'libs/resources', 'projections']
      .flatMap((folder) =>
        readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
      )
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
    expect(files.filter((file) => reachesOutside(readFileSync(join(root, file), 'utf8')))).toEqual([]);
    expect(files).toContain(join('libs', 'domain', 'event.ts'));
  });
});
