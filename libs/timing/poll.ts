import { sleep } from './sleep.js';

export interface PollOptions {
  readonly intervalMs: number;
  /** Without it, only `signal` ends the polling early. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Calls `check` at once and then every `intervalMs` until it returns a truthy value. Returns the last value: a falsy one when the
 * time was up or `signal` aborted. Rejects if `check` does.
 */
export async function pollUntil<T>(check: () => T | Promise<T>, options: PollOptions): Promise<T> {
  const { intervalMs, timeoutMs = Infinity, signal } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value || signal?.aborted || performance.now() >= deadline) return value;
    await sleep(intervalMs, signal);
    if (signal?.aborted || performance.now() >= deadline) return value;
  }
}
