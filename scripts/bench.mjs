// `npm run bench`: prepares the checkout, then runs the benches in this process.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './prepare.mjs';

const usage = `Usage: npm run bench [-- <bench>... [options]]

Without names every bench runs in a short form. Without --write, results are only printed.

Benches: log, peers, ceiling, lag, receipts, export, growth, soak, lists, engines

Options:
  --seconds <n>          seconds per round
  --rounds <n>           rounds per measurement
  --minutes <n>          minutes of the soak
  --connections <n>      concurrent connections
  --events <n>           events in a filled log
  --recipients <n>       recipients of a broadcast
  --leads <n>            leads in the generated log; growth takes several, such as 10000,100000
  --events-per-lead <n>  events per lead in the generated log
  --seed <n>             seed of the generated log
  --folder <path>        folder that keeps the generated log for the next run
  --offline              leave out the benches that install packages from the npm registry
  --write                write the results to docs/evidence/benchmarks.md
  --help                 print this text`;

const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) {
  console.log(usage);
} else {
  await prepare();
  const entry = join(root, 'dist', 'test', 'bench', 'main.js');
  process.argv = [process.argv[0], entry, ...args];
  await import(pathToFileURL(entry).href);
}
