/**
 * Where a rounded number of seconds ends and the next begins: each is at most a twentieth longer than the one before, so that what is
 * rounded is off by 2.5 % at most and up to 20 seconds by nothing, and all times that there are make a few hundred.
 */
const bounds: readonly number[] = (() => {
  const all = [0];
  for (let next = 1; next < 2 ** 33; next = Math.max(next + 1, Math.floor((next * 21) / 20))) all.push(next);
  return all;
})();

/** About so many seconds: the middle of those that are rounded alike. */
export function roundSeconds(seconds: number): number {
  let [low, high] = [0, bounds.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (bounds[middle]! <= seconds) low = middle;
    else high = middle;
  }
  return Math.floor((bounds[low]! + (bounds[low + 1] ?? seconds + 1) - 1) / 2);
}

/** How often each of some values occurs. */
export class Histogram {
  private readonly counts = new Map<number, number>();
  count = 0;

  add(value: number, count: number): void {
    this.counts.set(value, (this.counts.get(value) ?? 0) + count);
    this.count += count;
  }

  /** The least value that at least this share of all do not exceed (nearest rank); null when there are none. */
  percentile(share: number): number | null {
    const rank = Math.max(1, Math.ceil(share * this.count));
    let below = 0;
    for (const [value, count] of [...this.counts].sort(([a], [b]) => a - b)) {
      below += count;
      if (below >= rank) return value;
    }
    return null;
  }
}
