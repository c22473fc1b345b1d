import { Controller, Get, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { eventTypes } from '#domain/door';
import type { Position, Recorded } from '#domain/event';
import { EventStore } from '#event-store/event-store';
import { Http, type Exchange } from '#http/exchange';
import { IsPlain, IsSomeOf, listed, Optional } from '#http/fields';
import { Lists } from '#http/openapi.decorators';
import { freshnessOf, nextCursor, PageQuery, pageOf } from '#http/paging';
import { notPosition, Reading } from '#http/reading';
import { Authenticator } from '#http/request';
import { logPages } from './log-pages.js';
import { ShownEvents } from './shown-event.js';

/** How many events one request looks through: of a rare type, it takes several to find one. */
const mostLooks = 2_000;
/** Read at once, so that a log in this process takes commands between two reads. */
const batchSize = 200;

export class EventsQuery extends PageQuery {
  @Optional() @IsPlain('A position: the events behind it. Default: from the beginning.') readonly from?: string;
  @Optional() @IsSomeOf(eventTypes) readonly type?: string;
}

@Controller('v1/events')
export class EventsController {
  constructor(
    private readonly reading: Reading,
    private readonly door: Authenticator,
    private readonly clock: Clock,
    private readonly log: EventStore,
    private readonly shown: ShownEvents,
  ) {}

  /**
   * The log itself, not a view: always as new as it gets. A page may have fewer items than asked for, even none, and be followed by
   * others: `nextCursor` alone tells the end, which is where the log ended. From there, `from=<X-Position>` goes on.
   */
  @Get()
  @Lists('The events of the organization, oldest first', 'EventPage')
  async list(@Query() query: EventsQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = pageOf(query, this.clock.now());
    const { limit, after: cursor } = page.slice;
    const { after } = freshnessOf(query);
    if (after !== null) await this.reading.checkPosition('after', after);
    const [field, from] = cursor ? ['cursor', String(cursor.value)] : ['from', page.asked.from ?? this.log.start];
    await this.reading.checkPosition(field, from);
    const types = page.asked.type === undefined ? null : new Set(listed(page.asked.type));
    const isAskedFor = (event: Recorded): boolean => event.org === org && (types?.has(event.type) ?? true);
    const { events, upTo, more } = await this.scan(from, limit, isAskedFor).catch((error: unknown) => {
      throw error instanceof RangeError ? notPosition(field) : error;
    });
    const items = await this.shown.of(events);
    this.reading.tell(http, upTo);
    return { items, nextCursor: nextCursor(page, more ? { value: upTo, key: '' } : null) };
  }

  /** Up to `limit` of those asked for, and how far it came looking for them. */
  private async scan(after: Position, limit: number, isAskedFor: (event: Recorded) => boolean): Promise<Scanned> {
    const events: Recorded[] = [];
    let upTo = after;
    let looks = 0;
    for await (const batch of logPages(this.log, after, batchSize))
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
  readonly events: readonly Recorded[];
  readonly upTo: Position;
  readonly more: boolean;
}
