// `npm run torture`: the tests that kill processes, with many rounds (TORTURE_ROUNDS, default 100). `npm test` runs only a few.
process.env['TORTURE_ROUNDS'] ||= '100';
process.argv.splice(2, 0, 'test/torture');
await import('./test.mjs');
