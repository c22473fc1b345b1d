// `npm run golden`: writes test/golden files of event schemas that have none yet, then runs the tests of all of them.
import { runJest } from './check.mjs';
import { prepare } from './prepare.mjs';

await prepare();
process.env['GOLDEN_FILES'] = 'write';
process.exitCode = await runJest(['--selectProjects', 'acceptance', '--testPathPatterns', 'test/golden']);
