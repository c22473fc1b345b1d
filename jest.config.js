import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import inspector from 'node:inspector';
import vm from 'node:vm';

restartWithModules();

const { $schema: _, ...swc } = JSON.parse(readFileSync(new URL('.swcrc', import.meta.url), 'utf8'));

/** Suites by place: `.spec.ts` beside the code it describes, `test/acceptance` over real HTTP, `test/architecture`. */
const suite = (displayName, testMatch, globals = {}) => ({
  displayName,
  testMatch,
  globals,
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  // `source` makes `#domain/*` the .ts files, as it does for the compiler; without it they are the build.
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  // Our './x.js' is x.ts. The .js comes first because the relative imports of packages are mapped here too.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': ['$1.js', '$1.ts'] },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/test/architecture/refused/'],
  transform: { '\\.ts$': ['@swc/jest', { ...swc, sourceMaps: 'inline' }] },
});

/** The engines behind the app, `<log>+<views>`: those of TEST_ENGINES, else servers where their URLs are set. */
const { TEST_ESDB_URL, TEST_MONGODB_URL, TEST_ENGINES } = process.env;
const embedded = 'sqlite+sqlite';
const engines = TEST_ENGINES || `${TEST_ESDB_URL ? 'esdb' : 'sqlite'}+${TEST_MONGODB_URL ? 'mongodb' : 'sqlite'}`;

const onEngines = (testEngines, tests = '{acceptance,golden,torture}/**/*') =>
  suite(testEngines === embedded ? 'acceptance' : `acceptance on ${testEngines}`, [`<rootDir>/test/${tests}.spec.ts`], {
    testEngines,
  });
const central = '{acceptance/{interactions,history,processes,receipts},torture/outage}';
const acceptance =
  engines === 'all'
    ? [embedded, 'esdb+mongodb', 'esdb+sqlite', 'sqlite+mongodb'].map((each) => onEngines(each))
    : engines === embedded && !TEST_ENGINES
      ? [onEngines(embedded), onEngines('esdb+mongodb', central)]
      : [onEngines(engines)];

export default {
  globalSetup: './scripts/jest-setup.mjs',
  // Only detects a test that hangs: the machine may be busy.
  testTimeout: 240_000,
  // Tests mostly wait for apps, which are processes of their own.
  maxWorkers: 2,
  projects: [
    suite('unit', ['<rootDir>/{libs,projections,apps}/**/*.spec.ts']),
    ...acceptance,
    suite('architecture', ['<rootDir>/test/architecture/*.spec.ts']),
  ],
};

/**
 * The tests and some packages are ES modules, which Jest loads only under a flag of Node.js. So that `npx jest`, an editor's test
 * button and a debugger work without knowing the flag, Jest is started a second time with it.
 */
function restartWithModules() {
  const isJest = /[\\/](jest[\\/]bin[\\/]jest(\.js)?|\.bin[\\/]jest)$/.test(process.argv[1] ?? '');
  if ('SourceTextModule' in vm || !isJest) return;
  // One process at a time can use the debugger's port.
  if (process.execArgv.some((argument) => argument.startsWith('--inspect'))) inspector.close();
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const { status } = spawnSync(process.execPath, [...process.execArgv, ...flags, ...process.argv.slice(1)], {
    stdio: 'inherit',
  });
  process.exit(status ?? 1);
}
