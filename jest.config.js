import { readFileSync } from 'node:fs';

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
  // Our './x.js' is x.ts. The .js comes first because packages pass through here too: theirs are what they say.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': ['$1.js', '$1.ts'] },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/test/architecture/refused/'],
  transform: { '\\.ts$': ['@swc/jest', { ...swc, sourceMaps: 'inline' }] },
});

/** The engines behind the app, `<log>+<views>`: as TEST_ENGINES says, else those whose servers are given. */
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
  // Says only that a test does not hang: a machine may be busy with other things.
  testTimeout: 240_000,
  // Apps under test are processes of their own, and much of a test is waiting for them.
  maxWorkers: 2,
  projects: [
    suite('unit', ['<rootDir>/{libs,projections,apps}/**/*.spec.ts']),
    ...acceptance,
    suite('architecture', ['<rootDir>/test/architecture/*.spec.ts']),
  ],
};
