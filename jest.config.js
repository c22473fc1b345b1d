import { readFileSync } from 'node:fs';

const { $schema: _, ...swc } = JSON.parse(readFileSync(new URL('.swcrc', import.meta.url), 'utf8'));

/** Suites by place: `.spec.ts` beside the code it describes, `test/acceptance` over real HTTP, `test/architecture`. */
const suite = (displayName, testMatch) => ({
  displayName,
  testMatch,
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

export default {
  testTimeout: 30_000,
  projects: [
    suite('unit', ['<rootDir>/{libs,projections,apps}/**/*.spec.ts']),
    suite('acceptance', ['<rootDir>/test/{acceptance,golden,torture}/**/*.spec.ts']),
    suite('architecture', ['<rootDir>/test/architecture/*.spec.ts']),
  ],
};
