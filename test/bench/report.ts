import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import type { Sample } from './measure.js';
import type { BenchOptions } from './options.js';

/** What a bench found out. */
export interface BenchResult {
  /** As Markdown. */
  readonly text: string;
  /** As SVG, by what it is called beside the bench's name; '' for the only one. */
  readonly charts?: Readonly<Record<string, string>>;
  /** Goals that were not reached, in words. */
  readonly missed?: readonly string[];
}

/** One question about speed, and how it is answered. */
export interface Bench {
  readonly name: string;
  /** In one sentence: what is measured beside what. */
  readonly description: string;
  /** Only when it is asked for by name. */
  readonly isLong?: boolean;
  run(options: BenchOptions, say: ReportProgress): Promise<BenchResult>;
}

export type ReportProgress = (line: string) => void;

const docs = join(import.meta.dirname, '..', '..', '..', 'docs');
const file = join(docs, 'benchmarks.md');

/** What the figures are of. Taken before the bench: how busy the machine was without it. */
export function describeMachine(): string {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const machine = `${cpus().length} processors (${cpus()[0]?.model.trim() ?? 'unknown'}), ${memory}`;
  const load = `load average ${loadavg()[0]!.toFixed(1)} before the run`;
  return `${machine}, Node.js ${process.versions.node}, ${load}, ${new Date().toISOString().slice(0, 10)}.`;
}

/** Puts what was found into docs/benchmarks.md between the marks of the bench, in place of what stood there. */
export async function writeResult({ name }: Bench, { text, charts = {} }: BenchResult, where: string): Promise<void> {
  const before = readFileSync(file, 'utf8');
  const [head, tail] = [before.indexOf(`<!-- ${name}: `), before.indexOf(`<!-- ${name}: end -->`)];
  if (head < 0 || tail < head) throw new Error(`${file} has no place for ${name}`);
  const begin = before.slice(head, before.indexOf('-->', head) + 3);
  const pictures = Object.entries(charts).map(([what, svg]) => {
    const picture = `benchmarks/${[name, what].filter(Boolean).join('-')}.svg`;
    mkdirSync(join(docs, 'benchmarks'), { recursive: true });
    writeFileSync(join(docs, picture), svg);
    return `![${/<title>(.*)<\/title>/.exec(svg)?.[1] ?? what}](${picture})`;
  });
  const section = [begin, where, text, ...pictures].join('\n\n');
  const after = `${before.slice(0, head)}${section}\n\n${before.slice(tail)}`;
  writeFileSync(file, await format(after, { parser: 'markdown', printWidth: 120 }));
}

/** As a table of Markdown: the first column to the left, all others to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const marks = head.map((_, nth) => (nth === 0 ? '---' : '--:'));
  return [head, marks, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** The same for a terminal. */
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
    const widths = rows[0]!.map((_, nth) => Math.max(...rows.map((row) => row[nth]?.length ?? 0)));
    const pad = (cell: string, nth: number): string =>
      nth === 0 ? cell.padEnd(widths[nth]!) : cell.padStart(widths[nth]!);
    return `${rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')}\n`;
  });
}

export const formatInteger = (figure: number): string =>
  Number.isFinite(figure) ? Math.round(figure).toLocaleString('en') : '–';
export const formatMs = (figure: number): string => `${figure < 10 ? figure.toFixed(1) : formatInteger(figure)} ms`;
export const formatMegabytes = (bytes: number): string => `${formatInteger(bytes / 1e6)} MB`;
/** How many times as much. */
export const formatRatio = (figure: number): string => `${figure < 10 ? figure.toFixed(2) : figure.toFixed(1)}×`;
/** The median, and from where to where all rounds went. */
export const formatMedianAndRange = (rounds: Sample): string =>
  `${formatInteger(rounds.quantile(0.5))} (${formatInteger(rounds.quantile(0))} – ${formatInteger(rounds.quantile(1))})`;
/** p50 / p99. */
export const formatP50AndP99 = (sample: Pick<Sample, 'quantile'>): string =>
  `${formatMs(sample.quantile(0.5))} / ${formatMs(sample.quantile(0.99))}`;
