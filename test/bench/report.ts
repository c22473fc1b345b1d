import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import type { Sample } from './measure.js';
import type { BenchOptions } from './options.js';

export interface BenchResult {
  /** Markdown. */
  readonly text: string;
  /** SVGs by name, which is appended to the bench's name in the file name. A single chart has the name ''. */
  readonly charts?: Readonly<Record<string, string>>;
  /** Goals that were missed, as phrases. */
  readonly missed?: readonly string[];
}

export interface Bench {
  readonly name: string;
  /** What is measured and what it is compared with, as a phrase. */
  readonly description: string;
  /** Runs only if its name is given. */
  readonly isLong?: boolean;
  run(options: BenchOptions, report: ReportProgress): Promise<BenchResult>;
}

export type ReportProgress = (line: string) => void;

const evidence = join(import.meta.dirname, '..', '..', '..', 'docs', 'evidence');
const page = join(evidence, 'benchmarks.md');

/** Must be called before the bench, so that the load average does not include it. */
export function describeMachine(): string {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const machine = `${cpus().length} processors (${cpus()[0]?.model.trim() ?? 'unknown'}), ${memory}`;
  const load = `load average ${loadavg()[0]!.toFixed(1)} before the run`;
  return `${machine}, Node.js ${process.versions.node}, ${load}, ${new Date().toISOString().slice(0, 10)}.`;
}

/** Replaces the text between the marks of the bench in docs/evidence/benchmarks.md, and writes its charts. */
export async function writeResult({ name }: Bench, { text, charts = {} }: BenchResult, machine: string): Promise<void> {
  const before = readFileSync(page, 'utf8');
  const [head, tail] = [before.indexOf(`<!-- ${name}: `), before.indexOf(`<!-- ${name}: end -->`)];
  if (head < 0 || tail < head) throw new Error(`${page} has no marks for ${name}.`);
  const openingMark = before.slice(head, before.indexOf('-->', head) + 3);
  const pictures = Object.entries(charts).map(([chartName, svg]) => {
    const picture = `benchmarks/${[name, chartName].filter(Boolean).join('-')}.svg`;
    mkdirSync(join(evidence, 'benchmarks'), { recursive: true });
    writeFileSync(join(evidence, picture), svg);
    return `![${/<title>(.*)<\/title>/.exec(svg)?.[1] ?? chartName}](${picture})`;
  });
  const section = [openingMark, machine, text, ...pictures].join('\n\n');
  const after = `${before.slice(0, head)}${section}\n\n${before.slice(tail)}`;
  writeFileSync(page, await format(after, { parser: 'markdown', printWidth: 120 }));
}

/** The first column is aligned left, all others right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const alignments = head.map((_, index) => (index === 0 ? '---' : '--:'));
  return [head, alignments, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** Aligns the columns of Markdown tables with spaces, for a terminal. */
export function toPlainText(markdown: string): string {
  return markdown.replace(/(?:^\|.*\|\n?)+/gm, (text) => {
    const rows = text
      .trim()
      .split('\n')
      .filter((line) => !/^\|[\s|:-]+\|$/.test(line))
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      );
    const widths = rows[0]!.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
    const pad = (cell: string, index: number): string =>
      index === 0 ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!);
    return `${rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')}\n`;
  });
}

export const formatInteger = (value: number): string =>
  Number.isFinite(value) ? Math.round(value).toLocaleString('en') : '–';
export const formatMs = (value: number): string => `${value < 10 ? value.toFixed(1) : formatInteger(value)} ms`;
export const formatMegabytes = (bytes: number): string => `${formatInteger(bytes / 1e6)} MB`;
export const formatRatio = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(1)}×`;
/** median (minimum – maximum) */
export const formatMedianAndRange = (rounds: Sample): string =>
  `${formatInteger(rounds.quantile(0.5))} (${formatInteger(rounds.quantile(0))} – ${formatInteger(rounds.quantile(1))})`;
/** p50 / p99 */
export const formatP50AndP99 = (sample: Pick<Sample, 'quantile'>): string =>
  `${formatMs(sample.quantile(0.5))} / ${formatMs(sample.quantile(0.99))}`;
