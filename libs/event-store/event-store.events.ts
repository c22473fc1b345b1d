import { randomUUID } from 'node:crypto';
import type { Position, Recorded, StoredEvent } from '#domain/event';
import type { Batch, EventStore } from './event-store.js';

const at = '2026-03-01T09:00:00.000Z';

/** An event that today's door lets through. */
export const anEvent = (text = 'Ann'): StoredEvent => ({
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

export const events = (count: number): StoredEvent[] => Array.from({ length: count }, () => anEvent());
export const aStream = (): string => `agent-demo-${randomUUID()}`;
export const ids = (list: readonly { id: string }[]): string[] => list.map(({ id }) => id);

/** Follows until `enough` says so of all events seen. */
export async function followed(
  store: EventStore,
  after: Position,
  enough: (seen: readonly Recorded[]) => boolean,
  batchSize = 1_000,
): Promise<{ seen: Recorded[]; batches: Batch[] }> {
  const stop = new AbortController();
  const seen: Recorded[] = [];
  const batches: Batch[] = [];
  if (enough(seen)) return { seen, batches };
  for await (const batch of store.follow(after, { signal: stop.signal, batchSize })) {
    seen.push(...batch.events);
    batches.push(batch);
    if (enough(seen)) stop.abort();
  }
  return { seen, batches };
}
