import { Readable } from 'node:stream';
import { Controller, Get, Query, StreamableFile } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { Position } from '#domain/event-envelope';
import { EventStore } from '#event-store/event-store';
import { splitList } from '#http/fields';
import { Http, type HttpContext } from '#http/http-context';
import { ApiStream } from '#http/openapi.decorators';
import { Authenticator, getHeader } from '#http/request';
import { invalidPosition, ViewReaders } from '#http/view-readers';
import { EventResourceMapper } from './event-resource.js';
import { EventStream } from './event-stream.js';
import { readLogPages } from './log-pages.js';
import { SharedRecentEvents, type StreamedEvent } from './recent-events.js';
import { StreamQuery } from './stream.requests.js';

@Controller('v1/stream')
export class StreamController {
  constructor(
    private readonly views: ViewReaders,
    private readonly authenticator: Authenticator,
    private readonly log: EventStore,
    private readonly mapper: EventResourceMapper,
    private readonly recentEvents: SharedRecentEvents,
  ) {}

  /** Last-Event-ID takes precedence over `from`, because a reconnecting client sends the same URL again. */
  @Get()
  @RouteConfig({ limit: 'streams' })
  @ApiStream({
    summary: 'Stream events',
    description:
      'Sends each event as a server-sent event as soon as it is recorded. The ID of a server-sent event is its log position. To see the event in a view, read the view with that position as `after`. To resume, reconnect with `Last-Event-ID`.',
  })
  async stream(@Query() query: StreamQuery, @Http() http: HttpContext): Promise<StreamableFile> {
    const { org } = this.authenticator.identify(http.request);
    const lastEventId = getHeader(http.request, 'last-event-id') || null;
    const [field, requested] = lastEventId === null ? ['from', query.from] : ['Last-Event-ID', lastEventId];
    if (requested !== undefined) await this.checkStart(field, requested);
    const from = requested ?? (await this.log.head());
    const stream = new EventStream(this.log, this.mapper, this.recentEvents, from, createFilter(query, org), http);
    this.views.setPositionHeader(http, from);
    void http.reply.headers({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });
    const bytes = Readable.from(stream.frames(), { objectMode: false });
    return new StreamableFile(bytes, { type: 'text/event-stream; charset=utf-8' });
  }

  /** Some engines must read the log to determine whether a position exists. */
  private async checkStart(field: string, position: Position): Promise<void> {
    await this.views.checkPosition(field, position);
    try {
      for await (const _ of readLogPages(this.log, position, 1)) break;
    } catch (error) {
      throw error instanceof RangeError ? invalidPosition(field) : error;
    }
  }
}

function createFilter({ type, leadId, contactId }: StreamQuery, org: string): (streamed: StreamedEvent) => boolean {
  const types = type === undefined ? null : new Set(splitList(type));
  return ({ org: eventOrg, event }) =>
    eventOrg === org &&
    (types?.has(event.type) ?? true) &&
    (leadId === undefined || event.leadId === leadId) &&
    (contactId === undefined || event.contactId === contactId);
}
