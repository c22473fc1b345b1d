import { Readable } from 'node:stream';
import { Controller, Get, Query, StreamableFile } from '@nestjs/common';
import { eventTypes } from '#domain/event-codec';
import type { Position } from '#domain/event-envelope';
import { EventStore } from '#event-store/event-store';
import { Http, type HttpContext } from '#http/http-context';
import { IsId, IsPlainText, IsListOfValues, splitList, Optional } from '#http/fields';
import { ApiStream } from '#http/openapi.decorators';
import { invalidPosition, ViewReaders } from '#http/view-readers';
import { Authenticator, getHeader } from '#http/request';
import { EventStream } from './event-stream.js';
import { readLogPages } from './log-pages.js';
import { EventResourceMapper } from './event-resource.js';
import { SharedRecentEvents, type StreamedEvent } from './recent-events.js';

export class StreamQuery {
  @Optional() @IsPlainText('A position: what came behind it. Default: what comes from now on.') readonly from?: string;
  @Optional() @IsListOfValues(eventTypes) readonly type?: string;
  @Optional() @IsId() readonly leadId?: string;
  @Optional() @IsId() readonly contactId?: string;
}

@Controller('v1/stream')
export class StreamController {
  constructor(
    private readonly reading: ViewReaders,
    private readonly door: Authenticator,
    private readonly log: EventStore,
    private readonly shown: EventResourceMapper,
    private readonly tails: SharedRecentEvents,
  ) {}

  /**
   * Each event as soon as it is in the log; a view shows it a moment later, or at once with `after=<id>`. What a reconnecting
   * caller says last (`Last-Event-ID`) counts more than `from`, which stands in its URL for good.
   */
  @Get()
  @ApiStream('What happens, as it happens: server-sent events')
  async stream(@Query() query: StreamQuery, @Http() http: HttpContext): Promise<StreamableFile> {
    const { org } = this.door.identify(http.request);
    const last = getHeader(http.request, 'last-event-id') || null;
    const [field, asked] = last === null ? ['from', query.from] : ['Last-Event-ID', last];
    if (asked !== undefined) await this.checkBegin(field, asked);
    const from = asked ?? (await this.log.head());
    const types = query.type === undefined ? null : new Set(splitList(query.type));
    const wanted = ({ org: of, event }: StreamedEvent): boolean =>
      of === org &&
      (types?.has(event.type) ?? true) &&
      (query.leadId === undefined || event.leadId === query.leadId) &&
      (query.contactId === undefined || event.contactId === query.contactId);
    const stream = new EventStream(this.log, this.shown, this.tails, from, wanted, http);
    this.reading.setPositionHeader(http, from);
    void http.reply.headers({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });
    const bytes = Readable.from(stream.text(), { objectMode: false });
    return new StreamableFile(bytes, { type: 'text/event-stream; charset=utf-8' });
  }

  /** Some engines can only tell by looking whether there is an event at a position. */
  private async checkBegin(field: string, position: Position): Promise<void> {
    await this.reading.checkPosition(field, position);
    try {
      for await (const _ of readLogPages(this.log, position, 1)) break;
    } catch (error) {
      throw error instanceof RangeError ? invalidPosition(field) : error;
    }
  }
}
