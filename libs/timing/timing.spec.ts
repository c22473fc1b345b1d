import { describe, expect, it } from '@jest/globals';
import { backoffMs } from './backoff.js';
import { pollUntil } from './poll.js';
import { sleep } from './sleep.js';

describe('backoffMs', () => {
  it.each([
    [0, 50, 100],
    [1, 100, 200],
    [2, 200, 400],
    [20, 500, 1_000],
    [2_000, 500, 1_000],
  ])(
    'backoffMs doubles the delay with each failure and returns half to all of it: %i failures',
    (failures, min, max) => {
      for (let sample = 0; sample < 100; sample++) {
        const ms = backoffMs(failures, { firstMs: 100, maxMs: 1_000 });
        expect(ms).toBeGreaterThanOrEqual(min);
        expect(ms).toBeLessThanOrEqual(max);
        expect(Number.isInteger(ms)).toBe(true);
      }
    },
  );
});

describe('sleep', () => {
  it('sleep resolves early when its signal aborts', async () => {
    const abort = new AbortController();
    const sleeping = sleep(1_000_000, abort.signal);
    abort.abort();
    await expect(sleeping).resolves.toBeUndefined();
  });
});

describe('pollUntil', () => {
  it('pollUntil returns the first truthy result', async () => {
    let calls = 0;
    expect(await pollUntil(() => (++calls < 3 ? undefined : calls), { intervalMs: 1 })).toBe(3);
  });

  it('pollUntil returns the last result at the timeout, after at least one call', async () => {
    expect(await pollUntil(() => false, { intervalMs: 1, timeoutMs: 10 })).toBe(false);
    let calls = 0;
    expect(await pollUntil(() => ++calls, { intervalMs: 1, timeoutMs: 0 })).toBe(1);
  });

  it('pollUntil returns early when its signal aborts', async () => {
    const abort = new AbortController();
    const polling = pollUntil(() => false, { intervalMs: 1_000_000, signal: abort.signal });
    abort.abort();
    expect(await polling).toBe(false);
  });

  it('pollUntil rejects when the check rejects', async () => {
    await expect(pollUntil(() => Promise.reject(new Error('odd')), { intervalMs: 1 })).rejects.toThrow('odd');
  });
});
