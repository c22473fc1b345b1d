/** How long the questions of one kind took, each the median of its runs, in milliseconds. */
export interface Figures {
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

export interface Timed {
  readonly kind: string;
  readonly text: string;
  readonly ms: number;
}

/** The smallest of them that so many of them do not exceed. */
export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;

export const median = (values: readonly number[]): number =>
  percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  );

export function figuresOf(group: string, goal: number, timed: readonly Timed[]): readonly Figures[] {
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

export const line = ({ kind, count, p50, p95, max, slowest, goal }: Figures): string =>
  `${p95 < goal ? ' ' : '!'} ${kind.padEnd(34)}${String(count).padStart(5)}${[p50, p95, max].map((it) => inMs(it).padStart(8)).join('')}   ${slowest}`;

export const heading = (group: string, goal: number): string =>
  `\n${`${group} (p95 < ${goal} ms)`.padEnd(36)}${['asked', 'p50', 'p95', 'max'].map((it, nth) => it.padStart(nth === 0 ? 5 : 8)).join('')}   slowest`;

/** As a table of Markdown. */
export function table(figures: readonly Figures[]): string {
  const rows = figures.map(({ group, kind, count, p50, p95, max }) => [
    group,
    kind,
    String(count),
    inMs(p50),
    inMs(p95),
    inMs(max),
  ]);
  const all = [['', '', 'asked', 'p50', 'p95', 'max'], ['---', '---', '--:', '--:', '--:', '--:'], ...rows];
  return all.map((row) => `| ${row.join(' | ')} |`).join('\n');
}
