import { randomUUID } from 'node:crypto';
import type { Position, StoredEvent } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import type { EventBatch, EventStore } from './event-store.js';

const time = '2026-03-01T09:00:00.000Z';

/** A valid event. Each one has new ids. */
export const newEvent = (text = 'Ann'): StoredEvent => ({
  id: randomUUID(),
  type: 'AgentRenamed',
  v: 1,
  org: 'demo',
  data: { agentId: 'a-1' },
  personal: { from: 'Bob', to: text },
  meta: {
    actor: { type: 'service', id: 'contract' },
    correlation: 'c',
    causation: 'c',
    commandId: randomUUID(),
    occurredAt: time,
    recordedAt: time,
  },
});

export const newEvents = (count: number): StoredEvent[] => Array.from({ length: count }, () => newEvent());
export const newStreamName = (): string => `agent-demo-${randomUUID()}`;
export const eventIds = (events: readonly { id: string }[]): string[] => events.map(({ id }) => id);

/** Follows until `isEnough` returns true for all events seen so far. */
export async function followUntil(
  store: EventStore,
  after: Position,
  isEnough: (seen: readonly RecordedEvent[]) => boolean,
  batchSize = 1_000,
): Promise<{ seen: RecordedEvent[]; batches: EventBatch[] }> {
  const stop = new AbortController();
  const seen: RecordedEvent[] = [];
  const batches: EventBatch[] = [];
  if (isEnough(seen)) return { seen, batches };
  for await (const batch of store.follow(after, { signal: stop.signal, batchSize })) {
    seen.push(...batch.events);
    batches.push(batch);
    if (isEnough(seen)) stop.abort();
  }
  return { seen, batches };
}
