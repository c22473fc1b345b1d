import { afterAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { applyEdits, parseGuide, type GuideStep } from '#test/support/guide';

/*
 * Follows docs/guides/add-a-command.md in a copy of the tree: it compiles with all steps, its spec passes, and the compiler reports
 * each step that is skipped as the guide says.
 */

const root = join(import.meta.dirname, '..', '..');
const guide = readFileSync(join(root, 'docs', 'guides', 'add-a-command.md'), 'utf8');
const steps = parseGuide(guide);

const readText = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);

/** The files that these steps change, with their new texts. */
const follow = (some: readonly GuideStep[]): ReadonlyMap<string, string> =>
  applyEdits(
    some.flatMap(({ edits }) => edits),
    (file) => readText(join(root, file)),
  );
const complete = follow(steps);

const { options, fileNames } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config,
  ts.sys,
  root,
);
const toPath = (fileName: string): string => relative(root, fileName).replaceAll('\\', '/');
const isProductionCode = (path: string): boolean =>
  /^(apps|libs|projections)\//.test(path) && !/\.(spec|contract|fixture)\.ts$/.test(path);

let previous: ts.Program | undefined;
const parsedFiles = new Map<string, ts.SourceFile>();

/** The program of all production code and the changed files. It reads changed texts instead of the files, and shares all others. */
function createProgram(changed: ReadonlyMap<string, string>): ts.Program {
  const host = ts.createCompilerHost(options);
  const fileExists = host.fileExists.bind(host);
  const readFile = host.readFile.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  host.fileExists = (path) => changed.has(toPath(path)) || fileExists(path);
  host.readFile = (path) => changed.get(toPath(path)) ?? readFile(path);
  host.getSourceFile = (path, ...rest) => {
    const key = `${path}\n${changed.get(toPath(path)) ?? ''}`;
    const file = parsedFiles.get(key) ?? getSourceFile(path, ...rest);
    if (file) parsedFiles.set(key, file);
    return file;
  };
  const rootNames = [
    ...fileNames.filter((path) => isProductionCode(toPath(path))),
    ...[...complete.keys()]
      .map((path) => join(root, path))
      .filter((path) => changed.has(toPath(path)) || existsSync(path)),
  ];
  previous = ts.createProgram([...new Set(rootNames)], options, host, previous);
  return previous;
}

/** `path: message` for each error in these files. */
function errorsIn(program: ts.Program, isIncluded: (path: string) => boolean): readonly string[] {
  const files = program.getSourceFiles().filter(({ fileName }) => isIncluded(toPath(fileName)));
  return files.flatMap((file) =>
    [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ messageText }) => `${toPath(file.fileName)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    ),
  );
}

test('the steps of the guide are numbered, and the compiler reminds of the decision and of the views', () => {
  expect(steps.map(({ number }) => number)).toEqual(steps.map((_, index) => index + 1));
  const titles = steps.filter(({ reminders }) => reminders.length > 0).map(({ title }) => title);
  expect(titles).toEqual(expect.arrayContaining(['Decide', 'Decide in every view']));
});

test.each(readdirSync(join(root, 'docs', 'guides')).filter((file) => file.startsWith('add-a')))(
  'every code block of %s fits the code as it is',
  (file) => {
    const markdown = readFileSync(join(root, 'docs', 'guides', file), 'utf8');
    const edits = parseGuide(markdown).flatMap((step) => step.edits);
    // A block without a line that says where it goes would be skipped silently.
    expect(edits).toHaveLength((markdown.match(/^ *```(ts|js|yaml)$/gm) ?? []).length);
    applyEdits(edits, (path) => readText(join(root, path)));
  },
);

describe('The guide in a copy of the repository', () => {
  const copy = mkdtempSync(join(tmpdir(), 'guide-'));
  afterAll(() => rmSync(copy, { recursive: true }));

  test('compiles with all steps', () => {
    const program = createProgram(complete);
    expect(errorsIn(program, (path) => isProductionCode(path) || complete.has(path))).toEqual([]);
  });

  test.each(
    steps.flatMap(({ number, title, reminders }) =>
      reminders.map(({ file, message }) => ({ number, title, file, message })),
    ),
  )('without step $number ($title), the compiler reports in $file: $message', ({ number, file, message }) => {
    const texts = follow(steps.filter((step) => step.number !== number));
    expect(errorsIn(createProgram(texts), (path) => path === file).join('\n')).toContain(message);
  });

  test('passes the spec of the guide', () => {
    for (const name of ['apps', 'libs', 'projections', 'test', 'package.json', 'jest.config.js', '.swcrc'])
      cpSync(join(root, name), join(copy, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction');
    for (const [file, text] of complete) {
      mkdirSync(dirname(join(copy, file)), { recursive: true });
      writeFileSync(join(copy, file), text);
    }
    // Without the build, which only acceptance tests need.
    writeFileSync(
      join(copy, 'jest.guide.js'),
      `import config from './jest.config.js';\nexport default { ...config, globalSetup: undefined };\n`,
    );
    const { status, stderr } = spawnSync(
      process.execPath,
      [
        ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'],
        ...['--config', 'jest.guide.js', '--runInBand', 'lead.add-note', 'lead-list.properties'],
      ],
      { cwd: copy, encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('2 passed, 2 total') });
  });
});
