import jest from './jest.config.js';

// `npm run mutate`: changes a folder's code one spot at a time, and looks which changes no spec of that folder notices.
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
      // Random commands find a broken rule too, but need seconds, and do not say which rule it is.
      testPathIgnorePatterns: ['properties\\.spec\\.ts$'],
    },
  },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // What takes longer on a busy machine is not therefore a change that was noticed.
  timeoutMS: 20_000,
  // Without tsconfig.json there is no need for a TypeScript beside Stryker.
  ignorePatterns: ['/tsconfig.json', '/dist', '/docs', '/data'],
  reporters: ['progress-append-only', 'clear-text', 'json'],
  clearTextReporter: { allowColor: false, logTests: false },
  jsonReporter: { fileName: '.stryker-tmp/report.json' },
  tempDirName: '.stryker-tmp',
};
