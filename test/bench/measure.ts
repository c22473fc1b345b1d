/** The smallest value that is at least as large as this share of the values. */
export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;

export const median = (values: readonly number[]): number => new Sample(values).quantile(0.5);

/** Measured values of one kind, such as the latencies of calls in milliseconds or the rates of several rounds. */
export class Sample {
  private readonly values: number[];
  constructor(values: readonly number[] = []) {
    this.values = [...values];
  }
  add(value: number): void {
    this.values.push(value);
  }
  get count(): number {
    return this.values.length;
  }
  /** 0.5 is the median, 0 the minimum, 1 the maximum. */
  quantile(share: number): number {
    const sorted = Float64Array.from(this.values).sort();
    return percentile([...sorted], share);
  }
}

/** A sample for each contestant. */
export type Samples<Name extends string> = Readonly<Record<Name, Sample>>;

/**
 * Measures every contestant once per round. Every second round goes in reverse order, so that other load on the machine affects
 * all of them alike.
 */
export async function runAlternating<Name extends string>(
  rounds: number,
  contestants: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Samples<Name>> {
  const names = Object.keys(contestants) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, new Sample()])) as Record<Name, Sample>;
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed()) samples[name].add(await contestants[name]());
  return samples;
}

/** Returns the rate per second. `work` returns how many operations it did. */
export async function measureRate(work: () => Promise<number>): Promise<number> {
  const since = performance.now();
  const done = await work();
  return (done * 1_000) / (performance.now() - since);
}

/** Runs `work` `count` times, at most `concurrency` of them at once. Returns `count`. */
export async function runConcurrently(
  count: number,
  concurrency: number,
  work: (index: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(count, concurrency) }, worker));
  return count;
}
