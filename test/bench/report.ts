import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import { type Figures, table } from './figures.js';
import type { Seeded } from './seed.js';

const file = join(import.meta.dirname, '..', '..', '..', 'docs', 'benchmarks.md');
const [begin, end] = ['<!-- lists: written by npm run bench -- --write -->', '<!-- lists: end -->'];

const count = (n: number): string => Math.round(n).toLocaleString('en');

/** Puts the figures of lists into docs/benchmarks.md, in place of those before. */
export async function writeLists({ log, view }: Seeded, figures: readonly Figures[], blocked: number): Promise<void> {
  const machine = `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.versions.node}`;
  const built = `${count(view.seconds)} s (${count(log.events / view.seconds)} events/s), the last ${count(view.indexSeconds)} s for the indexes`;
  const text = `${count(log.leads)} leads, ${count(log.events)} events, seed ${log.seed}. ${machine}, ${new Date().toISOString().slice(0, 10)}.
The log has ${count(log.bytes / 1e6)} MB. The list is built of it in ${built}, and has ${count(view.bytes / 1e6)} MB. The thread that asks is held up for ${count(blocked)} ms (p99.9).

Milliseconds, over all questions of a kind; each question was asked three times and counts with its median.

${table(figures)}`;
  const before = existsSync(file) ? readFileSync(file, 'utf8') : `# Benchmarks\n\n## Lists\n\n${begin}\n${end}\n`;
  const [head, tail] = [before.indexOf(begin), before.indexOf(end)];
  if (head < 0 || tail < 0) throw new Error(`${file} has no place for lists`);
  const after = `${before.slice(0, head)}${begin}\n\n${text}\n\n${before.slice(tail)}`;
  writeFileSync(file, await format(after, { parser: 'markdown', printWidth: 120 }));
}
