/** The smallest of them that so many of them do not exceed. */
export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;

export const median = (values: readonly number[]): number => new Sample(values).quantile(0.5);

/** Figures of one kind, such as the milliseconds that calls took or the rates of several rounds. */
export class Sample {
  private readonly all: number[];
  constructor(values: readonly number[] = []) {
    this.all = [...values];
  }
  add(value: number): void {
    this.all.push(value);
  }
  get count(): number {
    return this.all.length;
  }
  /** 0.5 is the median, 0 the least, 1 the most. */
  quantile(share: number): number {
    const sorted = Float64Array.from(this.all).sort();
    return percentile([...sorted], share);
  }
}

/** Everybody's figures, a sample for each name. */
export type Samples<Name extends string> = Readonly<Record<Name, Sample>>;

/**
 * So many rounds, in each of which everybody has a turn, the first of one round the last of the next: what else the machine does
 * meets all alike.
 */
export async function runAlternating<Name extends string>(
  rounds: number,
  turns: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Samples<Name>> {
  const names = Object.keys(turns) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, new Sample()])) as Record<Name, Sample>;
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed()) samples[name].add(await turns[name]());
  return samples;
}

/** How many a second: `work` says how many it did. */
export async function measureRate(work: () => Promise<number>): Promise<number> {
  const since = performance.now();
  const done = await work();
  return (done * 1_000) / (performance.now() - since);
}

/** All of `count`, so many of them under way at any time. */
export async function runConcurrently(
  count: number,
  atOnce: number,
  one: (nth: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, worker));
  return count;
}
