import { setTimeout } from 'node:timers/promises';

/** Waits for `ms` milliseconds, or until `signal` aborts. Never rejects. */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  setTimeout(ms, undefined, { signal }).catch(() => undefined);
