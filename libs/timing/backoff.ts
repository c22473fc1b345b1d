/** Exponential backoff between `firstMs` and `maxMs`. */
export interface BackoffRange {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait before the next attempt, in whole milliseconds. `failures` counts the failed attempts before this one, from 0.
 * The delay doubles with each failure and is then reduced by up to half at random, so that clients do not retry in step.
 */
export function backoffMs(failures: number, { firstMs, maxMs }: BackoffRange): number {
  const fullMs = Math.min(maxMs, firstMs * 2 ** failures);
  return Math.round(fullMs * (0.5 + Math.random() / 2));
}
