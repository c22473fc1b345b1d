/** Suites by suffix: `.spec.ts` beside the code it describes, `test/acceptance` over real HTTP, `test/architecture`. */
const suite = (displayName, testMatch, more = {}) => ({
  displayName,
  testMatch,
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  transform: { '\\.ts$': ['@swc/jest', { ...swc, sourceMaps: 'inline' }] },
  ...more,
});

import { readFileSync } from 'node:fs';
const { $schema, ...swc } = JSON.parse(readFileSync(new URL('.swcrc', import.meta.url), 'utf8'));
void $schema;

export default {
  testTimeout: 30_000,
  projects: [
    suite('unit', ['<rootDir>/{libs,projections,apps}/**/*.spec.ts']),
    suite('acceptance', ['<rootDir>/test/{acceptance,golden,torture}/**/*.spec.ts']),
    suite('architecture', ['<rootDir>/test/architecture/*.spec.ts']),
  ],
};
