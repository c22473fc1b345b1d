import { AsyncLocalStorage } from 'node:async_hooks';

const ends = new AsyncLocalStorage<number>();

let heeded = false;

/**
 * Called by an engine that may be away for a while. Without one nobody asks how long to wait, and knowing it has its price: on
 * Node.js 20 every promise of the process then takes part in it.
 */
export const enableDeadlines = (): void => void (heeded = true);

/** Whatever `work` asks of the stores, one call after another, it waits for a store that is away no longer than this in all. */
export const withDeadline = <T>(milliseconds: number, work: () => T): T =>
  heeded ? ends.run(performance.now() + milliseconds, work) : work();

/** When the patience of whoever asks now is at its end, by `performance.now()`. */
export const currentDeadline = (): number => ends.getStore() ?? Infinity;
