import type { Position } from '#domain/event-envelope';
import type { EventStore } from '#event-store/event-store';
import type { HttpContext } from '#http/http-context';
import type { EventResourceMapper } from './event-resource.js';
import { readLogPages } from './log-pages.js';
import { type SharedRecentEvents, toStreamedEvents, type StreamedEvent } from './recent-events.js';

const heartbeatIntervalMs = 15_000;
/** A client that accepts no data for this long is disconnected. */
const writeTimeoutMs = 30_000;
/** Time after which a disconnected client reconnects. */
const retryMs = 2_000;
/** Events per read of the log. */
const pageSize = 200;
/** Characters per write. */
const chunkSize = 64 * 1024;

interface Page {
  /** May be empty if there are no new events up to `position`. */
  readonly events: readonly StreamedEvent[];
  readonly position: Position;
}

/**
 * The server-sent events of one client, after a position. Events are pulled as the client accepts them, and nothing is buffered. A
 * slow client falls behind and reads the log at its own pace. A client that accepts no data is disconnected, and resumes from the last
 * event ID that it received.
 */
export class EventStream {
  private readonly abort = new AbortController();

  constructor(
    private readonly log: EventStore,
    private readonly mapper: EventResourceMapper,
    private readonly sharedEvents: SharedRecentEvents,
    private readonly from: Position,
    private readonly matches: (streamed: StreamedEvent) => boolean,
    private readonly http: HttpContext,
  ) {}

  /** Yields the text of the stream. Ends when the client disconnects, the process stops or the log cannot be read. */
  async *frames(): AsyncGenerator<string> {
    const { reply, request } = this.http;
    const onClose = (): void => this.abort.abort();
    reply.raw.once('close', onClose);
    try {
      // An ID without data is not an event, but clients store it. If the connection is lost before the first event, they resume here.
      yield `retry: ${retryMs}\n${heartbeat(this.from)}`;
      let lastWriteAt = performance.now();
      for await (const { events, position } of this.pages()) {
        for (const chunk of toChunks(events.filter(this.matches))) {
          yield* this.withWriteTimeout(chunk);
          lastWriteAt = performance.now();
        }
        if (performance.now() - lastWriteAt < heartbeatIntervalMs) continue;
        // Also advances the client's last event ID past events that do not match.
        yield* this.withWriteTimeout(heartbeat(position));
        lastWriteAt = performance.now();
      }
    } catch (error) {
      // The response has begun, so it can only end. The client reconnects and then receives the error.
      request.log.warn({ err: error, correlationId: request.id }, 'event stream failed');
    } finally {
      reply.raw.removeListener('close', onClose);
      this.sharedEvents.leave(this.abort);
    }
  }

  private async *pages(): AsyncGenerator<Page> {
    const { signal } = this.abort;
    const recentEvents = await this.sharedEvents.join(this.abort);
    let position = this.from;
    while (!signal.aborted) {
      const events = recentEvents.after(position);
      if (events === undefined) {
        for await (const batch of readLogPages(this.log, position, pageSize, signal)) {
          yield { events: await toStreamedEvents(this.mapper, batch.events), position: batch.position };
          position = batch.position;
          if (recentEvents.after(position)) break;
        }
        continue;
      }
      const last = events.at(-1);
      if (last) position = last.event.position;
      else await recentEvents.waitForMore(heartbeatIntervalMs, signal);
      yield { events, position };
    }
  }

  private *withWriteTimeout(text: string): Generator<string> {
    const { reply, request } = this.http;
    const timer = setTimeout(() => {
      request.log.warn({ correlationId: request.id }, 'disconnected an event stream client that accepts no data');
      reply.raw.destroy();
    }, writeTimeoutMs);
    try {
      yield text;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The comment keeps the connection open through proxies. */
const heartbeat = (position: Position): string => `: ...\nid: ${position}\n\n`;

function* toChunks(events: readonly StreamedEvent[]): Generator<string> {
  let chunk = '';
  for (const { frame } of events) {
    chunk += frame;
    if (chunk.length < chunkSize) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk) yield chunk;
}
