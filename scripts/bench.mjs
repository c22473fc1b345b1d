// `npm run bench`: prepares the checkout, then runs the benchmarks in this process.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './prepare.mjs';

const usage = `Usage: npm run bench [-- <benchmark>... [options]]

Without names, all except lists and engines run in a short form. Without --write, results are only printed.

Benchmarks: log, peers, ceiling, lag, receipts, export, growth, soak, lists, engines

Options:
  --seconds <n>          seconds per measurement
  --rounds <n>           number of measurements of each contestant
  --minutes <n>          minutes of the soak
  --connections <n>      concurrent connections
  --events <n>           events per round of log, or events in each store of peers
  --recipients <n>       recipients of a broadcast
  --leads <n>            leads in the generated log; growth takes several, such as 10000,100000
  --events-per-lead <n>  events per lead in the generated log
  --seed <n>             seed of the generated log
  --folder <path>        folder that keeps the generated log for the next run
  --offline              leave out peers that would have to be downloaded
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
