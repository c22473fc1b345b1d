import { ceiling } from './ceiling.bench.js';
import { engines } from './engines.bench.js';
import { exports } from './export.bench.js';
import { growth } from './growth.bench.js';
import { lag } from './lag.bench.js';
import { lists } from './lists.bench.js';
import { log } from './log.bench.js';
import { BenchOptions, flagsHelp, UsageError } from './options.js';
import { peers } from './peers.bench.js';
import { receipts } from './receipts.bench.js';
import { describeMachine, toPlainText, type Bench, writeResult } from './report.js';
import { soak } from './soak.bench.js';

const benches: readonly Bench[] = [log, peers, ceiling, lag, receipts, exports, growth, soak, lists, engines];

function usage(): string {
  const descriptions = benches.map(
    ({ name, description, isLong }) => `  ${name.padEnd(10)}${description}${isLong ? ' *' : ''}`,
  );
  return [
    'Usage: npm run bench -- [<bench> ...] [options]',
    'Measures speed and prints the figures. Without a name, it runs all benches except those marked *.',
    `Benches:\n${descriptions.join('\n')}`,
    `Options:\n${flagsHelp()}`,
    `Examples:
  npm run bench -- ceiling --seconds 10
  npm run bench -- growth --leads 10000,100000 --write`,
    'docs/evidence/benchmarks.md explains what each bench measures and which sizes it takes.',
  ].join('\n\n');
}

/** @throws UsageError if there is no bench of a name */
function selectBenches({ names }: BenchOptions): readonly Bench[] {
  if (names.length === 0) return benches.filter(({ isLong }) => !isLong);
  return names.map((name) => {
    const bench = benches.find((candidate) => candidate.name === name);
    if (bench) return bench;
    throw new UsageError(`There is no bench ${name}. Choose from: ${benches.map((choice) => choice.name).join(', ')}.`);
  });
}

async function runBenches(options: BenchOptions): Promise<void> {
  const missed: string[] = [];
  for (const bench of selectBenches(options)) {
    const machine = describeMachine();
    const since = performance.now();
    console.log(`\n${bench.name}: ${bench.description}\n${machine}`);
    const result = await bench.run(options, (line) => console.log(`  … ${line}`));
    const seconds = Math.round((performance.now() - since) / 1_000);
    console.log(`\n${toPlainText(result.text)}\n(${bench.name}: ${seconds} s)`);
    if (options.write) await writeResult(bench, result, machine);
    missed.push(...(result.missed ?? []).map((goal) => `  ${bench.name}: ${goal}`));
  }
  console.log(missed.length === 0 ? '\nAll goals reached.' : `\nGoals missed:\n${missed.join('\n')}`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  const options = new BenchOptions(process.argv.slice(2));
  if (options.help) console.log(usage());
  else await runBenches(options);
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error);
  process.exit(error instanceof UsageError ? 2 : 1);
}
