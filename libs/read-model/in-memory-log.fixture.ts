import { once } from 'node:events';
import { UnreadableEvent } from '#domain/event-codec';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import type { EventFeed } from './projection-runner.js';
import { defineTable, type EventHandler, type Table } from './view.js';

export const positionAt = (number: number): Position => `p${String(number).padStart(6, '0')}`;

/** A log in memory. Tests append events to it, and a projection runner follows it. */
export class InMemoryLog implements EventFeed {
  readonly start = positionAt(0);
  readonly events: RecordedEvent[] = [];
  readonly unreadable = new Set<Position>();
  /** The number of reads that will still fail. */
  failuresLeft = 0;
  followedAfter: Position[] = [];
  private readonly appends = new EventTarget();

  constructor(private readonly batchSize = 3) {}

  appendAgentEvents(agentId: string, ...types: ('AgentRegistered' | 'AgentDeactivated' | 'AgentReactivated')[]): this {
    for (const type of types) {
      const position = positionAt(this.events.length + 1);
      const data = type === 'AgentRegistered' ? { agentId, capacity: 5 } : { agentId };
      const meta = { occurredAt: `2026-01-01T00:00:00.${String(this.events.length % 1000).padStart(3, '0')}Z` };
      this.events.push({
        id: `event-${this.events.length + 1}`,
        type,
        v: 1,
        org: 'o',
        data,
        meta,
        position,
      } as unknown as RecordedEvent);
    }
    this.appends.dispatchEvent(new Event('append'));
    return this;
  }

  async head() {
    return positionAt(this.events.length);
  }

  async *follow(after: Position, { signal }: { signal: AbortSignal }) {
    this.followedAfter.push(after);
    for (let next = Number(after.slice(1)); !signal.aborted;) {
      if (this.failuresLeft-- > 0) throw new Error('the log is unavailable');
      const events = this.events.slice(next, next + this.batchSize);
      const unreadableIndex = events.findIndex(({ position }) => this.unreadable.has(position));
      if (unreadableIndex >= 0) events.length = unreadableIndex;
      if (events.length > 0) yield { events, position: events.at(-1)!.position };
      next += events.length;
      const nextEvent = this.events[next];
      if (unreadableIndex >= 0)
        throw new UnreadableEvent(nextEvent!.id, { stream: 's', version: 1, position: nextEvent!.position }, 'odd');
      if (!nextEvent) await once(this.appends, 'append', { signal }).catch(() => undefined);
    }
  }
}

export interface AgentEventCount {
  readonly id: string;
  readonly active: boolean;
  readonly events: number;
}

export const agentKey = (event: { data: { agentId: string } }) => event.data.agentId;

type CountedEvent = RecordedEvent<'AgentRegistered' | 'AgentDeactivated'>;

/** Each event of an agent adds `step` to its row. */
export function countAgentEvents(step = 1) {
  const handler: EventHandler<AgentEventCount, CountedEvent> = {
    key: agentKey,
    apply: (row, event, key) => ({
      id: key,
      active: event.type === 'AgentRegistered',
      events: (row?.events ?? 0) + step,
    }),
  };
  return { AgentRegistered: handler, AgentDeactivated: handler } satisfies Table<AgentEventCount>['on'];
}

export const agents = defineTable<AgentEventCount>()({
  on: countAgentEvents(),
  columns: { id: ({ id }) => id, events: ({ events }) => events },
  indexes: [{ prefix: [], sort: 'id' }],
  tokens: ({ id }) => [id],
});

export const totals: Table<{ readonly count: number }> = {
  on: { AgentDeactivated: { key: () => 'all', apply: (row) => ({ count: (row?.count ?? 0) + 1 }) } },
  columns: { count: ({ count }) => count },
  indexes: [],
};
