import type { Position } from '#domain/event-envelope';
import type { EventStore } from '#event-store/event-store';
import type { HttpContext } from '#http/http-context';
import { readLogPages } from './log-pages.js';
import type { EventResourceMapper } from './event-resource.js';
import { type SharedRecentEvents, toStreamedEvents, type StreamedEvent } from './recent-events.js';

/** In milliseconds: how often a caller hears something, and how long one may take nothing of what it is told. */
const heartbeat = 15_000;
const patience = 30_000;
/** In milliseconds: when a caller comes back that lost its connection. */
const retry = 2_000;
/** Events of the log, and characters of text, that are made at once. */
const pageSize = 200;
const chunkSize = 64 * 1024;

/** Some of the log's events, told. `events` may be none: then everything up to `position` was looked at, and nothing more. */
interface Page {
  readonly events: readonly StreamedEvent[];
  readonly position: Position;
}

/**
 * One caller's server-sent events, from a position on. Pulled as the caller takes them: one that is slow falls behind, and reads the
 * log at its own pace; one that takes nothing for half a minute is let go. Either way nothing is kept for it: it comes back with the
 * id that it got last.
 */
export class EventStream {
  private readonly leaving = new AbortController();

  constructor(
    private readonly log: EventStore,
    private readonly shown: EventResourceMapper,
    private readonly tails: SharedRecentEvents,
    private readonly from: Position,
    private readonly wanted: (told: StreamedEvent) => boolean,
    private readonly http: HttpContext,
  ) {}

  /** Ends when the caller has gone, the process ends, or the log can't be read. */
  async *text(): AsyncGenerator<string> {
    const { reply, request } = this.http;
    const gone = (): void => this.leaving.abort();
    reply.raw.once('close', gone);
    try {
      // An id alone is no event, but is kept: whoever loses the connection before the first event comes back to here.
      yield `retry: ${retry}\n${beat(this.from)}`;
      let spokeAt = performance.now();
      for await (const { events, position } of this.pages()) {
        for (const chunk of chunks(events.filter(this.wanted))) {
          yield* this.taken(chunk);
          spokeAt = performance.now();
        }
        if (performance.now() - spokeAt < heartbeat) continue;
        // Says also how far it is: there may be much in the log that this caller does not want.
        yield* this.taken(beat(position));
        spokeAt = performance.now();
      }
    } catch (error) {
      // The answer has begun: it can only end. Its caller comes back, and is told what is wrong.
      request.log.warn({ err: error, correlationId: request.id }, 'stream ended');
    } finally {
      reply.raw.removeListener('close', gone);
      this.tails.leave(this.leaving);
    }
  }

  private async *pages(): AsyncGenerator<Page> {
    const { signal } = this.leaving;
    const tail = await this.tails.join(this.leaving);
    let position = this.from;
    while (!signal.aborted) {
      const recent = tail.after(position);
      if (recent === undefined) {
        for await (const batch of readLogPages(this.log, position, pageSize, signal)) {
          yield { events: await toStreamedEvents(this.shown, batch.events), position: batch.position };
          position = batch.position;
          if (tail.after(position)) break;
        }
        continue;
      }
      const last = recent.at(-1);
      if (last) position = last.event.position;
      else await tail.waitForMore(heartbeat, signal);
      yield { events: recent, position };
    }
  }

  /** Hands out a piece of text, and lets go of a caller that does not take it. */
  private *taken(text: string): Generator<string> {
    const { reply, request } = this.http;
    const timer = setTimeout(() => {
      request.log.warn({ correlationId: request.id }, 'stream too slow');
      reply.raw.destroy();
    }, patience);
    try {
      yield text;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A comment keeps the connection open on its way through proxies. */
const beat = (position: Position): string => `: ...\nid: ${position}\n\n`;

function* chunks(events: readonly StreamedEvent[]): Generator<string> {
  let chunk = '';
  for (const { frame } of events) {
    chunk += frame;
    if (chunk.length < chunkSize) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk) yield chunk;
}
