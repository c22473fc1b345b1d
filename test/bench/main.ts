import { ceiling } from './ceiling.bench.js';
import { engines } from './engines.bench.js';
import { exports } from './export.bench.js';
import { growth } from './growth.bench.js';
import { lag } from './lag.bench.js';
import { lists } from './lists.bench.js';
import { log } from './log.bench.js';
import { BenchOptions } from './options.js';
import { peers } from './peers.bench.js';
import { receipts } from './receipts.bench.js';
import { describeMachine, toPlainText, type Bench, writeResult } from './report.js';
import { soak } from './soak.bench.js';

/*
 * `npm run bench`: every bench in a short form. `npm run bench -- ceiling --seconds 10`: one by name; what the sizes are called
 * stands in options.ts. `--write` puts figures and charts into docs/benchmarks.md.
 */

const benches: readonly Bench[] = [log, peers, ceiling, lag, receipts, exports, growth, soak, lists, engines];

/** @throws Error for what can't be understood */
function asked(options: BenchOptions): readonly Bench[] {
  if (options.names.length === 0) return benches.filter(({ isLong: long }) => !long);
  return options.names.map((name) => {
    const found = benches.find((it) => it.name === name);
    if (!found) throw new Error(`There is no bench ${name}. Benches: ${benches.map((it) => it.name).join(', ')}.`);
    return found;
  });
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  const options = new BenchOptions(process.argv.slice(2));
  const missed: string[] = [];
  for (const bench of asked(options)) {
    const where = describeMachine();
    const since = performance.now();
    console.log(`\n${bench.name}: ${bench.description}\n${where}`);
    const found = await bench.run(options, (line) => console.log(`  … ${line}`));
    console.log(`\n${toPlainText(found.text)}\n(${bench.name}: ${Math.round((performance.now() - since) / 1_000)} s)`);
    if (options.write) await writeResult(bench, found, where);
    missed.push(...(found.missed ?? []).map((goal) => `${bench.name}: ${goal}`));
  }
  console.log(missed.length === 0 ? '\nAll goals reached.' : `\nMissed:\n${missed.map((it) => `  ${it}`).join('\n')}`);
} catch (error) {
  console.error(error instanceof Error && !('code' in error) ? error.message : error);
  process.exit(1);
}
