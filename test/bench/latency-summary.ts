import { Random } from '#apps/demo/random';
import { median, percentile } from './measure.js';
import type { BenchQuery } from './bench-queries.js';

/** Latencies in milliseconds over the queries of one kind. Each query counts with the median of its runs. */
export interface LatencySummary {
  readonly group: string;
  readonly kind: string;
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  readonly slowestQuery: string;
  /** Upper limit of p95. */
  readonly goal: number;
}

interface MeasuredQuery {
  readonly kind: string;
  readonly text: string;
  readonly ms: number;
}

export type RunQuery = (query: BenchQuery, index: number) => Promise<unknown>;

const runs = 3;

/** Runs each query three times, in random order among all the others. */
export async function measureQueries(
  group: string,
  goal: number,
  queries: readonly BenchQuery[],
  runQuery: RunQuery,
): Promise<readonly LatencySummary[]> {
  const times = queries.map((): number[] => []);
  const random = new Random(1);
  for (let run = 0; run < runs; run++) {
    const order = queries.map((_, index) => [random.next(), index] as const).sort(([a], [b]) => a - b);
    for (const [, index] of order) {
      const since = performance.now();
      await runQuery(queries[index]!, index);
      times[index]!.push(performance.now() - since);
    }
  }
  const measured = queries.map(({ kind, params, isDeepPage }, index): MeasuredQuery => {
    const text = `${decodeURIComponent(new URLSearchParams(params).toString())}${isDeepPage ? ' (deep)' : ''}`;
    return { kind, text, ms: median(times[index]!) };
  });
  return summarizeByKind(group, goal, measured);
}

function summarizeByKind(group: string, goal: number, measured: readonly MeasuredQuery[]): readonly LatencySummary[] {
  const kinds = new Map<string, MeasuredQuery[]>();
  for (const query of measured) kinds.set(query.kind, [...(kinds.get(query.kind) ?? []), query]);
  const all = kinds.size > 1 ? [['all', measured] as const] : [];
  return [...kinds, ...all].map(([kind, queries]) => {
    const sorted = queries.toSorted((a, b) => a.ms - b.ms);
    const times = sorted.map(({ ms }) => ms);
    const [p50, p95, max] = [percentile(times, 0.5), percentile(times, 0.95), times.at(-1) ?? NaN];
    return { group, kind, count: times.length, p50, p95, max, slowestQuery: sorted.at(-1)?.text ?? '', goal };
  });
}

const formatTime = (ms: number): string => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0));

export function formatSummary({ kind, count, p50, p95, max, slowestQuery, goal }: LatencySummary): string {
  const times = [p50, p95, max].map((ms) => formatTime(ms).padStart(8)).join('');
  return `${p95 < goal ? ' ' : '!'} ${kind.padEnd(36)}${String(count).padStart(8)}${times}   ${slowestQuery}`;
}

export function formatHeading(group: string, goal: number): string {
  const times = ['p50', 'p95', 'max'].map((name) => name.padStart(8)).join('');
  return `\n${`${group} (p95 < ${goal} ms)`.padEnd(38)}${'queries'.padStart(8)}${times}   slowest`;
}

export const summaryHead = ['', 'queries', 'p50', 'p95', 'max'];
export const summaryRows = (summaries: readonly LatencySummary[]): readonly (readonly string[])[] =>
  summaries.map(({ group, kind, count, p50, p95, max }) => [
    `${group}: ${kind}`,
    String(count),
    ...[p50, p95, max].map(formatTime),
  ]);
