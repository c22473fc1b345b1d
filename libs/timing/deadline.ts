import { AsyncLocalStorage } from 'node:async_hooks';

const deadlines = new AsyncLocalStorage<number>();

let enabled = false;

/**
 * An engine behind a network calls this once. Deadlines are off by default because AsyncLocalStorage slows down every promise
 * of the process on Node.js 20, and an embedded engine never waits for a server.
 */
export function enableDeadlines(): void {
  enabled = true;
}

/**
 * Runs `work` with a time limit for all of its store calls together: a store that cannot be reached fails with `Unavailable`
 * when the limit is exceeded. Without `enableDeadlines` there is no limit.
 */
export const withDeadline = <T>(timeoutMs: number, work: () => T): T =>
  enabled ? deadlines.run(performance.now() + timeoutMs, work) : work();

/** The deadline of the current call as a `performance.now()` timestamp; Infinity without one. */
export const currentDeadline = (): number => deadlines.getStore() ?? Infinity;
