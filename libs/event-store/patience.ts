import { AsyncLocalStorage } from 'node:async_hooks';

const ends = new AsyncLocalStorage<number>();

/** Whatever `work` asks of the stores, one call after another, it waits for a store that is away no longer than this in all. */
export const withPatience = <T>(milliseconds: number, work: () => T): T =>
  ends.run(performance.now() + milliseconds, work);

/** When the patience of whoever asks now is at its end, by `performance.now()`. */
export const patienceEnds = (): number => ends.getStore() ?? Infinity;
