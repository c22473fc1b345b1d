import jest from './jest.config.js';

// `npm run mutate`: changes the code of a folder in one place at a time, and reports the changes that no spec of the folder detects.
// MUTATE=<folder> chooses the folder. Stryker is pinned in package.json: see docs/reference/node-20.md.
const { displayName: _, rootDir: __, ...unit } = jest.projects[0];
const folder = process.env.MUTATE || '{libs/domain,libs/resources,projections}';

export default {
  mutate: [`${folder}/**/*.ts`, '!**/*.spec.ts'],
  testRunner: 'jest',
  plugins: ['@stryker-mutator/jest-runner'],
  testRunnerNodeArgs: ['--experimental-vm-modules', '--no-warnings'],
  jest: {
    projectType: 'custom',
    enableFindRelatedTests: false,
    config: {
      ...unit,
      testMatch: [`<rootDir>/${folder}/**/*.spec.ts`],
      // Property tests detect a broken rule too, but take seconds and do not name the rule.
      testPathIgnorePatterns: ['properties\\.spec\\.ts$'],
    },
  },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // High, so that a slow run on a busy machine does not count as a detected change.
  timeoutMS: 20_000,
  // With tsconfig.json Stryker would need its own TypeScript.
  ignorePatterns: ['/tsconfig.json', '/dist', '/docs', '/data'],
  reporters: ['progress-append-only', 'clear-text', 'json'],
  clearTextReporter: { allowColor: false, logTests: false },
  jsonReporter: { fileName: '.stryker-tmp/report.json' },
  tempDirName: '.stryker-tmp',
};
