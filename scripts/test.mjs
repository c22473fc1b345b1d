// `npm test`: prepares the checkout; format, lint and types side by side; then all tests.
// `npm test -- libs/domain`: those tests alone (any arguments of Jest).
// The last line counts: tests, and each check that failed. With TEST_FIGURES=<file> it is written there too.
// With CI set, files with a failed test are run once more: what passes then is named as unsteady, and counts as passed; and what
// a test left running keeps nobody waiting.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { prepare, root } from './prepare.mjs';

const bin = (path) => join(root, 'node_modules', path);
const jestReport = bin('.cache/jest-report.json');

/** The exit code; what the program says comes through as it speaks, or all at once when it has ended. */
function run(heading, program, args, { nodeOptions = [], atOnce = false } = {}) {
  if (!atOnce) console.log(`\n— ${heading}`);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...nodeOptions, bin(program), ...args], {
      cwd: root,
      stdio: ['ignore', ...(atOnce ? ['pipe', 'pipe'] : ['inherit', 'inherit'])],
    });
    const said = [];
    child.stdout?.on('data', (chunk) => said.push(chunk));
    child.stderr?.on('data', (chunk) => said.push(chunk));
    child.on('close', (code, signal) => {
      if (atOnce) console.log(`\n— ${heading}`);
      // A check that passes has nothing to say.
      if (code !== 0) process.stdout.write(Buffer.concat(said));
      if (signal) console.log(`${heading} was ended by ${signal}.`);
      resolve(code ?? 1);
    });
  });
}

async function check() {
  const codes = await Promise.all([
    run('Format (prettier)', 'prettier/bin/prettier.cjs', ['--check', '--log-level=warn', '.'], { atOnce: true }),
    run('Types (tsc)', 'typescript/bin/tsc', ['-p', '.', ...typesCache], { atOnce: true }),
    // Without a cache: what a typed rule says of a file depends on other files.
    run('Lint (eslint)', 'eslint/bin/eslint.js', ['--max-warnings=0', '.'], { atOnce: true }),
  ]);
  return codes.filter((code) => code !== 0).length;
}
const typesCache = ['--incremental', '--tsBuildInfoFile', bin('.cache/tsc.json')];

async function test(args) {
  const first = await jest(args);
  // A file that can't even be loaded is one failure.
  const failed = first.report.numFailedTests + first.report.numRuntimeErrorTestSuites;
  const unsteady = process.env['CI'] && failed > 0 ? await passingNow(first.report) : [];
  for (const each of unsteady) console.log(`unsteady: ${each}`);
  const passed = first.report.numPassedTests + unsteady.length;
  return { passed, failed: failed === 0 && first.code !== 0 ? 1 : failed - unsteady.length };
}

/** What failed, and passes when its files are run once more, by themselves. Where much fails, nothing is left to chance. */
async function passingNow(report) {
  const failures = failuresIn(report);
  const files = [...new Set(failures.map(({ file }) => file))];
  if (files.length > 5 || report.numRuntimeErrorTestSuites > 0) return [];
  const { report: second } = await jest(['--runInBand', '--runTestsByPath', ...files]);
  if (second.numPassedTests === 0 || second.numRuntimeErrorTestSuites > 0) return [];
  const stillFailing = new Set(failuresIn(second).map(({ name }) => name));
  return failures.map(({ name }) => name).filter((name) => !stillFailing.has(name));
}

const failuresIn = (report) =>
  report.testResults.flatMap(({ name: file, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName }) => ({ file, name: `${relative(root, file)} ${fullName}` })),
  );

async function jest(args) {
  rmSync(jestReport, { force: true });
  mkdirSync(dirname(jestReport), { recursive: true });
  const given = ['--json', `--outputFile=${jestReport}`, ...(process.env['CI'] ? ['--forceExit'] : []), ...args];
  const code = await run('Tests (jest)', 'jest/bin/jest.js', given, {
    nodeOptions: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  });
  return { code, report: reportOf() };
}

function reportOf() {
  try {
    return JSON.parse(readFileSync(jestReport, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 0, testResults: [] };
  }
}

await prepare();
const args = process.argv.slice(2);
const failedChecks = args.length > 0 ? 0 : await check();
const { passed, failed } = failedChecks > 0 ? { passed: 0, failed: failedChecks } : await test(args);
if (process.env['TEST_FIGURES']) writeFileSync(process.env['TEST_FIGURES'], `${passed} ${failed}\n`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
