// `npm run check`: format, lint and types in parallel, then the architecture tests.
// `npm run lint`, `npm run typecheck`: only that check.
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';
import { inModules, run, runQuietly } from './run.mjs';

const checks = {
  format: () => runQuietly('Format (prettier)', 'prettier/bin/prettier.cjs', ['--check', '--log-level=warn', '.']),
  types: () =>
    runQuietly('Types (tsc)', 'typescript/bin/tsc', [
      ...['-p', '.', '--incremental', '--tsBuildInfoFile', inModules('.cache/tsc.json')],
    ]),
  lint: (cached) => runQuietly('Lint (eslint)', 'eslint/bin/eslint.js', ['--max-warnings=0', ...cached, '.']),
};
// The cache is fast but not exact, because the result of a typed rule may depend on other files. `npm test` lints without it.
const cache = ['--cache', '--cache-location', inModules('.cache/eslint'), '--cache-strategy', 'content'];

/** Format, types and lint. Returns how many of them failed. */
export async function runChecks() {
  const codes = await Promise.all([checks.format(), checks.types(), checks.lint([])]);
  return codes.filter((code) => code !== 0).length;
}

/** Runs Jest with these arguments. Returns its exit code. */
export const runJest = (args, options = {}) =>
  run('Tests (jest)', 'jest/bin/jest.js', args, {
    ...options,
    nodeOptions: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await prepare();
  const [name] = process.argv.slice(2);
  if (name === undefined) {
    const codes = await Promise.all([checks.format(), checks.types(), checks.lint(cache)]);
    if (codes.some((code) => code !== 0)) process.exitCode = 1;
    else process.exitCode = await runJest(['--selectProjects', 'architecture']);
  } else if (name in checks) {
    process.exitCode = await checks[name](cache);
  } else {
    console.error(`There is no check "${name}". Checks: ${Object.keys(checks).join(', ')}.`);
    process.exitCode = 2;
  }
}
