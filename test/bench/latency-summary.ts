import { Random } from '#apps/demo/random';
import { median, percentile } from './measure.js';
import type { BenchQuery } from './bench-queries.js';

/** How long the questions of one kind took, each the median of its runs, in milliseconds. */
export interface LatencySummary {
  readonly group: string;
  readonly kind: string;
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  /** The question that took longest. */
  readonly slowest: string;
  /** What p95 must stay below. */
  readonly goal: number;
}

interface Timed {
  readonly kind: string;
  readonly text: string;
  readonly ms: number;
}

export type RunQuery = (question: BenchQuery, nth: number) => Promise<unknown>;

const runs = 3;

/** Each question is asked three times, between all the others, and counts with its median. */
export async function measureQueries(
  group: string,
  goal: number,
  questions: readonly BenchQuery[],
  ask: RunQuery,
): Promise<readonly LatencySummary[]> {
  const times = questions.map((): number[] => []);
  const chance = new Random(1);
  for (let run = 0; run < runs; run++) {
    const order = questions.map((_, nth) => [chance.next(), nth] as const).sort(([a], [b]) => a - b);
    for (const [, nth] of order) {
      const since = performance.now();
      await ask(questions[nth]!, nth);
      times[nth]!.push(performance.now() - since);
    }
  }
  const timed = questions.map(({ kind, params: asked, isDeepPage: deep }, nth): Timed => {
    const text = `${decodeURIComponent(new URLSearchParams(asked).toString())}${deep ? ' (deep)' : ''}`;
    return { kind, text, ms: median(times[nth]!) };
  });
  return byKind(group, goal, timed);
}

function byKind(group: string, goal: number, timed: readonly Timed[]): readonly LatencySummary[] {
  const kinds = new Map<string, Timed[]>();
  for (const each of timed) kinds.set(each.kind, [...(kinds.get(each.kind) ?? []), each]);
  const all = kinds.size > 1 ? [['all of these', timed] as const] : [];
  return [...kinds, ...all].map(([kind, its]) => {
    const sorted = its.toSorted((a, b) => a.ms - b.ms);
    const ms = sorted.map((it) => it.ms);
    const [p50, p95, max] = [percentile(ms, 0.5), percentile(ms, 0.95), ms.at(-1) ?? NaN];
    return { group, kind, count: ms.length, p50, p95, max, slowest: sorted.at(-1)?.text ?? '', goal };
  });
}

const inMs = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

export const formatSummary = ({ kind, count, p50, p95, max, slowest, goal }: LatencySummary): string =>
  `${p95 < goal ? ' ' : '!'} ${kind.padEnd(34)}${String(count).padStart(5)}${[p50, p95, max].map((it) => inMs(it).padStart(8)).join('')}   ${slowest}`;

export const formatHeading = (group: string, goal: number): string =>
  `\n${`${group} (p95 < ${goal} ms)`.padEnd(36)}${['asked', 'p50', 'p95', 'max'].map((it, nth) => it.padStart(nth === 0 ? 5 : 8)).join('')}   slowest`;

/** As rows of a table. */
export const summaryRows = (figures: readonly LatencySummary[]): readonly (readonly string[])[] =>
  figures.map(({ group, kind, count, p50, p95, max }) => [
    `${group}: ${kind}`,
    String(count),
    ...[p50, p95, max].map(inMs),
  ]);
