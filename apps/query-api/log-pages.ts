import type { Position } from '#domain/event-envelope';
import type { EventBatch, EventStore } from '#event-store/event-store';

/**
 * What stands in the log behind `after`, in order, in batches of at most `batchSize`, up to where the log ended when it was asked.
 * Pulled: leaving is free at any time.
 * @throws RangeError behind no event of this log, where the engine can tell
 */
export async function* readLogPages(
  log: EventStore,
  after: Position,
  batchSize: number,
  signal = new AbortController().signal,
): AsyncGenerator<EventBatch> {
  const head = await log.head();
  if (after >= head) return;
  for await (const batch of log.follow(after, { signal, batchSize })) {
    yield batch;
    if (batch.position >= head) return;
  }
}
