/**
 * An async iterable of which every iterator runs `generate` until one of `signals` aborts or the consumer leaves.
 * A generator's own `return()` would wait for its pending `next()`. Here `return()` first aborts the signal that `generate`
 * gets, so a generator that waits with that signal ends at once.
 */
export function stoppableIterable<T>(
  signals: readonly AbortSignal[],
  generate: (stopped: AbortSignal) => AsyncGenerator<T, undefined>,
): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const stop = new AbortController();
      const items = generateUntilStopped(signals, generate, stop);
      return {
        next: () => items.next(),
        return: () => {
          stop.abort();
          return items.return(undefined);
        },
      };
    },
  };
}

async function* generateUntilStopped<T>(
  signals: readonly AbortSignal[],
  generate: (stopped: AbortSignal) => AsyncGenerator<T, undefined>,
  stop: AbortController,
): AsyncGenerator<T, undefined> {
  const abort = (): void => stop.abort();
  for (const signal of signals) {
    signal.addEventListener('abort', abort, { signal: stop.signal });
    if (signal.aborted) abort();
  }
  try {
    yield* generate(stop.signal);
  } finally {
    // Also removes the listeners above.
    abort();
  }
}
