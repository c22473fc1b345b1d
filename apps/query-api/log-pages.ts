import type { Position } from '#domain/event-envelope';
import type { EventBatch, EventStore } from '#event-store/event-store';
import { yieldToEventLoop } from '#timing/yield-to-event-loop';

/**
 * Reads the log after a position, in batches of at most `batchSize`, up to where the log ended when reading began. Other work of this
 * thread runs between batches.
 * @throws RangeError if `after` is not a position of this log (when the engine can detect it)
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
    await yieldToEventLoop();
  }
}
