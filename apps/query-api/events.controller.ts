import { Controller, Get, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { UnreadableEvent } from '#domain/event-codec';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { EventStore } from '#event-store/event-store';
import { splitList } from '#http/fields';
import { Http, type HttpContext } from '#http/http-context';
import { ApiList } from '#http/openapi.decorators';
import { parseFreshness, nextCursor, parsePageRequest } from '#http/paging';
import { Authenticator } from '#http/request';
import { invalidPosition, ViewReaders } from '#http/view-readers';
import { EventResourceMapper } from './event-resource.js';
import { EventsQuery } from './events.requests.js';
import { eventPage } from './events.responses.js';
import { readLogPages } from './log-pages.js';

/** The maximum number of events that one request scans. Finding a rare event type may take several requests. */
const maxScannedEvents = 2_000;
/** Small, so that an embedded log can accept commands between two reads. */
const batchSize = 200;

@Controller('v1/events')
export class EventsController {
  constructor(
    private readonly views: ViewReaders,
    private readonly authenticator: Authenticator,
    private readonly clock: Clock,
    private readonly log: EventStore,
    private readonly mapper: EventResourceMapper,
  ) {}

  /** Reads the log itself, so the response is always up to date and never waits. */
  @Get()
  @ApiList(
    {
      summary: 'List events',
      description:
        "Returns the organization's events, oldest first. A page may contain fewer items than `limit`, or none, and still have a next page. When `nextCursor` is null, continue later with `from` set to `X-Position`.",
    },
    eventPage,
  )
  async list(@Query() query: EventsQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const { limit, after: cursor } = page.slice;
    const { after } = parseFreshness(query);
    if (after !== null) await this.views.checkPosition('after', after);
    const [field, from] = cursor ? ['cursor', String(cursor.value)] : ['from', page.query.from ?? this.log.start];
    await this.views.checkPosition(field, from);
    const types = page.query.type === undefined ? null : new Set(splitList(page.query.type));
    const matches = (event: RecordedEvent): boolean => event.org === org && (types?.has(event.type) ?? true);
    const { events, upTo, hasMore } = await this.scan(from, limit, matches).catch((error: unknown) => {
      throw error instanceof RangeError ? invalidPosition(field) : error;
    });
    const items = await this.mapper.map(events);
    this.views.setPositionHeader(http, upTo);
    return { items, nextCursor: nextCursor(page, hasMore ? { value: upTo, key: '' } : null) };
  }

  private async scan(
    after: Position,
    limit: number,
    matches: (event: RecordedEvent) => boolean,
  ): Promise<{ readonly events: readonly RecordedEvent[]; readonly upTo: Position; readonly hasMore: boolean }> {
    const events: RecordedEvent[] = [];
    let upTo = after;
    let scanned = 0;
    try {
      for await (const batch of readLogPages(this.log, after, batchSize))
        for (const event of batch.events) {
          // Checked before the event is taken: there is at least this one more.
          if (events.length === limit || scanned === maxScannedEvents) return { events, upTo, hasMore: true };
          scanned++;
          upTo = event.position;
          if (matches(event)) events.push(event);
        }
    } catch (error) {
      // The page ends before an event that cannot be read. The next page reports it.
      if (!(error instanceof UnreadableEvent) || scanned === 0) throw error;
      return { events, upTo, hasMore: true };
    }
    return { events, upTo, hasMore: false };
  }
}
