import { randomUUID } from 'node:crypto';
import type { Position, StoredEvent } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import type { EventBatch, EventStore } from './event-store.js';

const at = '2026-03-01T09:00:00.000Z';

/** An event that today's door lets through. */
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
    occurredAt: at,
    recordedAt: at,
  },
});

export const newEvents = (count: number): StoredEvent[] => Array.from({ length: count }, () => newEvent());
export const newStreamName = (): string => `agent-demo-${randomUUID()}`;
export const eventIds = (list: readonly { id: string }[]): string[] => list.map(({ id }) => id);

/** Follows until `enough` says so of all events seen. */
export async function followUntil(
  store: EventStore,
  after: Position,
  enough: (seen: readonly RecordedEvent[]) => boolean,
  batchSize = 1_000,
): Promise<{ seen: RecordedEvent[]; batches: EventBatch[] }> {
  const stop = new AbortController();
  const seen: RecordedEvent[] = [];
  const batches: EventBatch[] = [];
  if (enough(seen)) return { seen, batches };
  for await (const batch of store.follow(after, { signal: stop.signal, batchSize })) {
    seen.push(...batch.events);
    batches.push(batch);
    if (enough(seen)) stop.abort();
  }
  return { seen, batches };
}
