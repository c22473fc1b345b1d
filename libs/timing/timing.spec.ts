import { describe, expect, it } from '@jest/globals';
import { backoffMs } from './backoff.js';
import { sleep } from './sleep.js';

describe('backoffMs', () => {
  it.each([
    [0, 50, 100],
    [1, 100, 200],
    [2, 200, 400],
    [20, 500, 1_000],
    [2_000, 500, 1_000],
  ])('returns between half and all of the doubled delay after %i failures', (failures, min, max) => {
    for (let sample = 0; sample < 100; sample++) {
      const ms = backoffMs(failures, { firstMs: 100, maxMs: 1_000 });
      expect(ms).toBeGreaterThanOrEqual(min);
      expect(ms).toBeLessThanOrEqual(max);
      expect(Number.isInteger(ms)).toBe(true);
    }
  });
});

describe('sleep', () => {
  it('resolves early when its signal aborts', async () => {
    const abort = new AbortController();
    const sleeping = sleep(1_000_000, abort.signal);
    abort.abort();
    await expect(sleeping).resolves.toBeUndefined();
  });
});
