import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const json = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'));
/** Only folders that contain a file, because a clone has no empty folders. */
const foldersOf = (folder: string) =>
  readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(root, folder), entry.parentPath).split(sep)[0]!)
    .filter((name, index, names) => name && names.indexOf(name) === index);

test('nest-cli.json lists exactly the existing apps and libraries', () => {
  const { projects } = json('nest-cli.json') as {
    projects: Record<string, { type: string; root: string; sourceRoot: string }>;
  };
  const listed = Object.entries(projects).map(([name, { type, root, sourceRoot }]) => [name, type, root, sourceRoot]);
  const existing = [
    ...foldersOf('apps').map((name) => [name, 'application', `apps/${name}`, `apps/${name}`]),
    ...foldersOf('libs').map((name) => [name, 'library', `libs/${name}`, `libs/${name}`]),
    ['projections', 'library', 'projections', 'projections'],
  ];
  expect(listed.toSorted()).toEqual(existing.toSorted());
});

test('package.json has an import alias for every library, with its source and its build', () => {
  const path = (folder: string) => ({ source: `./${folder}/*.ts`, default: `./dist/${folder}/*.js` });
  const { imports } = json('package.json') as { imports: object };
  expect(imports).toMatchObject({
    ...Object.fromEntries(foldersOf('libs').map((name) => [`#${name}/*`, path(`libs/${name}`)])),
    ...Object.fromEntries(['projections', 'apps', 'test'].map((name) => [`#${name}/*`, path(name)])),
  });
});

test('package-lock.json names no registry and lists the optional packages of every platform', () => {
  type Package = { resolved?: string; optionalDependencies?: Record<string, string> };
  const { packages } = json('package-lock.json') as { packages: Record<string, Package> };
  expect(Object.keys(packages).filter((path) => packages[path]!.resolved)).toEqual([]);
  // `npm ci` fails on another platform if the lock file lacks the packages of that platform.
  const optional = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).map((name) => [`${path}/node_modules/${name}`, `node_modules/${name}`]),
  );
  const missing = optional.filter((paths) => !paths.some((path) => packages[path]));
  expect(missing.map(([, name]) => name)).toEqual([]);
});

describe('purity of the domain and the projections', () => {
  const impure =
    /\bnew Date\b(?!\([^)])|\bDate\(\)|\bDate\.now\b|\bperformance\b|\bMath\.random\b|\brandom(UUID|Bytes|Int)\b|\bgetRandomValues\b|\bprocess\./;
  const withoutComments = (text: string) => text.replace(/\/\*.*?\*\/|\/\/.*?$/gms, '');
  const isImpure = (text: string) => impure.test(withoutComments(text));

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
  ])('the check for impure code rejects: %s', (line) => expect(isImpure(line)).toBe(true));

  test.each([
    'const due = new Date(command.dueAt);',
    'const due = Date.parse(command.dueAt);',
    '// Date.now() would make two folds of the same log differ.',
    '/* No new Date() here. */',
    'const processed = state.processed;',
  ])('the check for impure code accepts: %s', (line) => expect(isImpure(line)).toBe(false));

  test('the domain and the projections read no clock, random source or environment', () => {
    const files = ['libs/domain', 'libs/resources', 'projections']
      .flatMap((folder) =>
        readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
      )
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
    expect(files.filter((file) => isImpure(readFileSync(join(root, file), 'utf8')))).toEqual([]);
    expect(files).toContain(join('libs', 'domain', 'event.ts'));
  });
});
