// `npm test`: prepares the checkout, checks format, lint and types in parallel, then runs all tests.
// `npm test -- libs/domain`: only those tests (any arguments of Jest). `npm run test:watch`: the tests affected by a change.
// The last line counts tests; each failed check counts as one failure. With TEST_FIGURES=<file>, the counts are also written there.
// With CI set, files with a failed test run once more: a test that then passes is reported as unsteady and counts as passed.
// With CI set, Jest also does not wait for processes that a test has left running.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { runChecks, runJest } from './check.mjs';
import { prepare, root } from './prepare.mjs';
import { inModules } from './run.mjs';

const jestReport = inModules('.cache/jest-report.json');
const isCi = Boolean(process.env['CI']);

async function test(args) {
  const first = await jest(args);
  // A file that cannot be loaded counts as one failure.
  const failed = first.report.numFailedTests + first.report.numRuntimeErrorTestSuites;
  const unsteady = isCi && failed > 0 ? await passingOnRetry(first.report) : [];
  for (const name of unsteady) console.log(`unsteady: ${name}`);
  const passed = first.report.numPassedTests + unsteady.length;
  return { passed, failed: failed === 0 && first.code !== 0 ? 1 : failed - unsteady.length };
}

/** The failed tests that pass when their files run once more, by themselves. None if many files failed. */
async function passingOnRetry(report) {
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
  const code = await runJest(['--json', `--outputFile=${jestReport}`, ...(isCi ? ['--forceExit'] : []), ...args]);
  return { code, report: readReport() };
}

function readReport() {
  try {
    return JSON.parse(readFileSync(jestReport, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 0, testResults: [] };
  }
}

await prepare();
const args = process.argv.slice(2);
if (args.some((argument) => /^--watch(All)?$/.test(argument))) {
  // Jest's keys (a, f, p, q) come from the terminal.
  process.exitCode = await runJest(args, { stdin: 'inherit' });
} else {
  const failedChecks = args.length > 0 ? 0 : await runChecks();
  const { passed, failed } = failedChecks > 0 ? { passed: 0, failed: failedChecks } : await test(args);
  if (process.env['TEST_FIGURES']) writeFileSync(process.env['TEST_FIGURES'], `${passed} ${failed}\n`);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}
