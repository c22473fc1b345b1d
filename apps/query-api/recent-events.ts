import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { EventStore, Unavailable } from '#event-store/event-store';
import { Metrics } from '#http/metrics';
import { EventResourceMapper, type EventResource } from './event-resource.js';

/** An event as event streams send it. Serialized once for all streams. */
export interface StreamedEvent {
  readonly org: string;
  readonly event: EventResource;
  /** Its text in the server-sent event format. */
  readonly frame: string;
}

/** Enough for streams that are slightly behind, so that they need not read the log themselves. */
const maxEvents = 1_000;
const maxCharacters = 8 * 1024 * 1024;
const batchSize = 200;

/**
 * Follows the end of the log once for all event streams of the process, and keeps the newest events in memory. Streams read them at
 * their own pace. A stream that falls behind reads the log until it has caught up. No state is kept per stream.
 */
export class RecentEvents {
  /** Rejects if the log cannot be read. */
  readonly started: Promise<void>;
  private readonly stop = new AbortController();
  private readonly waiters = new Set<() => void>();
  /** Every event after this position is in memory. */
  private start: Position = '';
  private recent: readonly StreamedEvent[] = [];
  private characters = 0;
  private failure: unknown;

  constructor(
    private readonly log: EventStore,
    private readonly mapper: EventResourceMapper,
  ) {
    this.started = this.readHead();
    void this.started
      .then(() => this.run())
      .catch((error: unknown) => {
        this.failure = error;
      });
  }

  get hasFailed(): boolean {
    return this.failure !== undefined;
  }

  close(): void {
    this.stop.abort();
  }

  /**
   * The events after a position. Undefined if some of them are no longer in memory.
   * @throws the error with which following the log ended
   */
  after(position: Position): readonly StreamedEvent[] | undefined {
    if (this.hasFailed) throw this.failure;
    if (position < this.start) return undefined;
    return this.recent.slice(this.recent.findLastIndex(({ event }) => event.position <= position) + 1);
  }

  /** Resolves when there may be more events, after `ms`, or when `signal` aborts. */
  waitForMore(ms: number, signal: AbortSignal): Promise<void> {
    if (this.hasFailed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.waiters.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener('abort', wake);
      this.waiters.add(wake);
    });
  }

  private async readHead(): Promise<void> {
    this.start = await this.log.head();
  }

  private async run(): Promise<void> {
    try {
      const { signal } = this.stop;
      for await (const { events } of this.log.follow(this.start, { signal, batchSize }))
        this.add(await toStreamedEvents(this.mapper, events));
      throw new Unavailable('Following the log has ended.');
    } finally {
      // Waiters must wake after `failure` is set, which happens when this promise has rejected.
      setImmediate(() => this.wakeAll());
    }
  }

  private add(added: readonly StreamedEvent[]): void {
    for (const { frame } of added) this.characters += frame.length;
    const all = [...this.recent, ...added];
    let dropped = 0;
    for (; all.length - dropped > maxEvents || this.characters > maxCharacters; dropped++) {
      this.characters -= all[dropped]!.frame.length;
      this.start = all[dropped]!.event.position;
    }
    this.recent = all.slice(dropped);
    this.wakeAll();
  }

  private wakeAll(): void {
    for (const wake of [...this.waiters]) wake();
  }
}

export async function toStreamedEvents(
  mapper: EventResourceMapper,
  events: readonly RecordedEvent[],
): Promise<readonly StreamedEvent[]> {
  const resources = await mapper.map(events);
  return resources.map((event, index) => ({
    org: events[index]!.org,
    event,
    frame: `id: ${event.position}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
  }));
}

/** Shares one RecentEvents among the event streams of this process. It exists only while streams are open. */
@Injectable()
export class SharedRecentEvents implements OnModuleDestroy {
  private readonly openStreams = new Set<AbortController>();
  private current: RecentEvents | undefined;
  private closing = false;

  constructor(
    private readonly log: EventStore,
    private readonly mapper: EventResourceMapper,
    metrics: Metrics,
  ) {
    metrics.addGauge('leadstream_streams_open', 'Open event streams.', () => this.openStreams.size);
  }

  /** Ends all open streams, which would delay the shutdown. Their clients reconnect to another process. */
  onModuleDestroy(): void {
    this.closing = true;
    for (const stream of this.openStreams) stream.abort();
  }

  /**
   * Registers a stream until it calls `leave`. Aborts the stream when the process stops.
   * @throws Unavailable if the log cannot be read
   */
  async join(stream: AbortController): Promise<RecentEvents> {
    this.openStreams.add(stream);
    if (this.closing) stream.abort();
    if (!this.current || this.current.hasFailed) this.current = new RecentEvents(this.log, this.mapper);
    const recentEvents = this.current;
    await recentEvents.started;
    return recentEvents;
  }

  leave(stream: AbortController): void {
    this.openStreams.delete(stream);
    if (this.openStreams.size > 0) return;
    this.current?.close();
    this.current = undefined;
  }
}
