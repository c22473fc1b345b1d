/**
 * Lower bounds of the buckets, in seconds. Each is at most 5 % above the one before, so a rounded time is off by at most 2.5 %. Up to
 * 20 seconds it is exact. A few hundred buckets cover all times up to 2^33 seconds.
 */
const lowerBounds: readonly number[] = (() => {
  const bounds = [0];
  for (let bound = 1; bound < 2 ** 33; bound = Math.max(bound + 1, Math.floor((bound * 21) / 20))) bounds.push(bound);
  return bounds;
})();

/** Rounds whole seconds to the middle of their bucket. */
export function roundSeconds(seconds: number): number {
  let low = 0;
  let high = lowerBounds.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (lowerBounds[middle]! <= seconds) low = middle;
    else high = middle;
  }
  return Math.floor((lowerBounds[low]! + (lowerBounds[low + 1] ?? seconds + 1) - 1) / 2);
}

/** Counts how often each value occurs. */
export class Histogram {
  private readonly counts = new Map<number, number>();
  count = 0;

  add(value: number, count: number): void {
    this.counts.set(value, (this.counts.get(value) ?? 0) + count);
    this.count += count;
  }

  /** The nearest-rank percentile: the smallest value that a `share` (0 to 1) of all values do not exceed. Null if empty. */
  percentile(share: number): number | null {
    const rank = Math.max(1, Math.ceil(share * this.count));
    let cumulative = 0;
    for (const [value, count] of [...this.counts].sort(([a], [b]) => a - b)) {
      cumulative += count;
      if (cumulative >= rank) return value;
    }
    return null;
  }
}
