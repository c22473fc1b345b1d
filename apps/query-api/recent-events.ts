import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { EventStore, Unavailable } from '#event-store/event-store';
import { Metrics } from '#http/metrics';
import { EventResourceMapper, type EventResource } from './event-resource.js';

/** An event that streams tell, if it is one of theirs: written once for all of them. */
export interface StreamedEvent {
  readonly org: string;
  readonly event: EventResource;
  /** As server-sent events have it. */
  readonly frame: string;
}

/** What a tail remembers, so that streams that are a little behind need not read the log themselves. */
const most = { events: 1_000, characters: 8 * 1024 * 1024 };
const batchSize = 200;

/**
 * The end of the log, followed once for all streams of the process. It remembers the newest events: streams take them from here, each
 * at its own pace; one that has fallen behind them reads the log until it is here again. Nothing is kept for anybody.
 */
export class RecentEvents {
  /** Rejects when the log can't be read. */
  readonly started: Promise<void>;
  private readonly stop = new AbortController();
  private readonly waiting = new Set<() => void>();
  /** Everything behind it is remembered. */
  private begin: Position = '';
  private recent: readonly StreamedEvent[] = [];
  private characters = 0;
  private failure: unknown;

  constructor(
    private readonly log: EventStore,
    private readonly shown: EventResourceMapper,
  ) {
    this.started = this.start();
    void this.started.then(() => this.run()).catch((error: unknown) => (this.failure = error));
  }

  get hasFailed(): boolean {
    return this.failure !== undefined;
  }

  close(): void {
    this.stop.abort();
  }

  /**
   * What came behind a position; undefined when it has forgotten some of that.
   * @throws why the log could not be followed
   */
  after(after: Position): readonly StreamedEvent[] | undefined {
    if (this.hasFailed) throw this.failure;
    if (after < this.begin) return undefined;
    return this.recent.slice(this.recent.findLastIndex(({ event }) => event.position <= after) + 1);
  }

  /** Until there may be more, `ms` are over, or `signal` aborts. */
  waitForMore(ms: number, signal: AbortSignal): Promise<void> {
    if (this.hasFailed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener('abort', wake);
      this.waiting.add(wake);
    });
  }

  private async start(): Promise<void> {
    this.begin = await this.log.head();
  }

  private async run(): Promise<void> {
    try {
      const { signal } = this.stop;
      for await (const { events } of this.log.follow(this.begin, { signal, batchSize }))
        this.remember(await toStreamedEvents(this.shown, events));
      throw new Unavailable('the log is followed no more');
    } finally {
      // Only then does whoever was waiting look for the failure.
      setImmediate(() => this.wake());
    }
  }

  private remember(told: readonly StreamedEvent[]): void {
    for (const one of told) this.characters += one.frame.length;
    const all = [...this.recent, ...told];
    let forgotten = 0;
    for (; all.length - forgotten > most.events || this.characters > most.characters; forgotten++) {
      this.characters -= all[forgotten]!.frame.length;
      this.begin = all[forgotten]!.event.position;
    }
    this.recent = all.slice(forgotten);
    this.wake();
  }

  private wake(): void {
    for (const wake of [...this.waiting]) wake();
  }
}

/** Events as streams tell them. */
export async function toStreamedEvents(
  shown: EventResourceMapper,
  events: readonly RecordedEvent[],
): Promise<readonly StreamedEvent[]> {
  const all = await shown.map(events);
  return all.map((event, nth) => ({
    org: events[nth]!.org,
    event,
    frame: `id: ${event.position}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
  }));
}

/** The streams of this process and their tail, which there is only while there are streams. */
@Injectable()
export class SharedRecentEvents implements OnModuleDestroy {
  private readonly open = new Set<AbortController>();
  private current: RecentEvents | undefined;
  private closing = false;

  constructor(
    private readonly log: EventStore,
    private readonly shown: EventResourceMapper,
    metrics: Metrics,
  ) {
    metrics.addGauge('leadstream_streams_open', 'Streams that callers listen to.', () => this.open.size);
  }

  /** Streams would hold up the end of the process: they end, and their callers come back to another one. */
  onModuleDestroy(): void {
    this.closing = true;
    for (const stream of this.open) stream.abort();
  }

  /** For a stream, until it leaves: aborted when it must end. @throws Unavailable */
  async join(leaving: AbortController): Promise<RecentEvents> {
    this.open.add(leaving);
    if (this.closing) leaving.abort();
    if (!this.current || this.current.hasFailed) this.current = new RecentEvents(this.log, this.shown);
    const tail = this.current;
    await tail.started;
    return tail;
  }

  leave(leaving: AbortController): void {
    this.open.delete(leaving);
    if (this.open.size > 0) return;
    this.current?.close();
    this.current = undefined;
  }
}
