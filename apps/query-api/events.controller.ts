import { Controller, Get, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { eventTypes } from '#domain/event-codec';
import type { Position } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import { EventStore } from '#event-store/event-store';
import { Http, type HttpContext } from '#http/http-context';
import { IsPlainText, IsListOfValues, splitList, Optional } from '#http/fields';
import { ApiList } from '#http/openapi.decorators';
import { parseFreshness, nextCursor, PageQuery, parsePageRequest } from '#http/paging';
import { invalidPosition, ViewReaders } from '#http/view-readers';
import { Authenticator } from '#http/request';
import { readLogPages } from './log-pages.js';
import { EventResourceMapper } from './event-resource.js';

/** How many events one request looks through: of a rare type, it takes several to find one. */
const mostLooks = 2_000;
/** Read at once, so that a log in this process takes commands between two reads. */
const batchSize = 200;

export class EventsQuery extends PageQuery {
  @Optional() @IsPlainText('A position: the events behind it. Default: from the beginning.') readonly from?: string;
  @Optional() @IsListOfValues(eventTypes) readonly type?: string;
}

@Controller('v1/events')
export class EventsController {
  constructor(
    private readonly reading: ViewReaders,
    private readonly door: Authenticator,
    private readonly clock: Clock,
    private readonly log: EventStore,
    private readonly shown: EventResourceMapper,
  ) {}

  /**
   * The log itself, not a view: always as new as it gets. A page may have fewer items than asked for, even none, and be followed by
   * others: `nextCursor` alone tells the end, which is where the log ended. From there, `from=<X-Position>` goes on.
   */
  @Get()
  @ApiList('The events of the organization, oldest first', 'EventPage')
  async list(@Query() query: EventsQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const { limit, after: cursor } = page.slice;
    const { after } = parseFreshness(query);
    if (after !== null) await this.reading.checkPosition('after', after);
    const [field, from] = cursor ? ['cursor', String(cursor.value)] : ['from', page.query.from ?? this.log.start];
    await this.reading.checkPosition(field, from);
    const types = page.query.type === undefined ? null : new Set(splitList(page.query.type));
    const isAskedFor = (event: RecordedEvent): boolean => event.org === org && (types?.has(event.type) ?? true);
    const { events, upTo, more } = await this.scan(from, limit, isAskedFor).catch((error: unknown) => {
      throw error instanceof RangeError ? invalidPosition(field) : error;
    });
    const items = await this.shown.map(events);
    this.reading.setPositionHeader(http, upTo);
    return { items, nextCursor: nextCursor(page, more ? { value: upTo, key: '' } : null) };
  }

  /** Up to `limit` of those asked for, and how far it came looking for them. */
  private async scan(after: Position, limit: number, isAskedFor: (event: RecordedEvent) => boolean): Promise<Scanned> {
    const events: RecordedEvent[] = [];
    let upTo = after;
    let looks = 0;
    for await (const batch of readLogPages(this.log, after, batchSize))
      for (const event of batch.events) {
        // There is another one.
        if (events.length === limit || looks === mostLooks) return { events, upTo, more: true };
        looks++;
        upTo = event.position;
        if (isAskedFor(event)) events.push(event);
      }
    return { events, upTo, more: false };
  }
}

interface Scanned {
  readonly events: readonly RecordedEvent[];
  readonly upTo: Position;
  readonly more: boolean;
}
