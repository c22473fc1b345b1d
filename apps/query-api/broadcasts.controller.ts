import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import type { ReceiptStatus } from '#domain/message/message.events';
import { splitList } from '#http/fields';
import { Http, type HttpContext } from '#http/http-context';
import { ApiList, ApiGet } from '#http/openapi.decorators';
import { ListQuery, nextCursor, parsePageRequest, countIfRequested, ViewQuery } from '#http/paging';
import { Problem } from '#http/problem';
import { Authenticator } from '#http/request';
import { broadcastRef } from '#http/resources/broadcast.schema';
import { ViewReaders } from '#http/view-readers';
import { broadcastDeliveryView } from '#projections/broadcast-delivery/broadcast-delivery.projection';
import { countDeliveries, listDeliveries } from '#projections/broadcast-delivery/broadcast-delivery.query';
import { campaignsView } from '#projections/campaigns/campaigns.projection';
import {
  countBroadcasts,
  countRecipients,
  listBroadcasts,
  listRecipients,
  loadBroadcast,
} from '#projections/campaigns/campaigns.query';
import { RecipientsQuery } from './broadcasts.requests.js';
import { broadcastPage, deliveryPage, recipientPage } from './broadcasts.responses.js';

@Controller('v1')
export class BroadcastQueriesController {
  constructor(
    private readonly views: ViewReaders,
    private readonly authenticator: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get('leads/:id/broadcasts')
  @ApiList(
    {
      summary: "List a lead's broadcast messages",
      description:
        "Returns the broadcast messages sent to the lead's contact, newest first, with their delivery timelines.",
    },
    deliveryPage,
    ['not_found'],
  )
  async ofLead(@Param('id') leadId: string, @Query() query: ListQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const reader = await this.views.atLeast(broadcastDeliveryView, query);
    const result = await listDeliveries(reader, org, leadId, page.slice);
    if (!result) throw await this.views.notFound(http, reader, 'There is no such lead.');
    this.views.setPositionHeader(http, result.checkpoint);
    const total = await countIfRequested(query, () => countDeliveries(reader, leadId));
    return { items: result.items, nextCursor: nextCursor(page, result.last), ...total };
  }

  @Get('broadcasts')
  @ApiList('List broadcasts', broadcastPage)
  async list(@Query() query: ListQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const reader = await this.views.atLeast(campaignsView, query);
    const result = await listBroadcasts(reader, org, page.slice);
    this.views.setPositionHeader(http, result.checkpoint);
    const total = await countIfRequested(query, () => countBroadcasts(reader, org));
    return { items: result.items, nextCursor: nextCursor(page, result.last), ...total };
  }

  @Get('broadcasts/:id')
  @ApiGet('Get a broadcast', broadcastRef)
  async one(@Param('id') id: string, @Query() query: ViewQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const reader = await this.views.atLeast(campaignsView, query);
    const { checkpoint } = await reader.state();
    const broadcast = await loadBroadcast(reader, org, id);
    this.views.setPositionHeader(http, checkpoint);
    if (!broadcast) throw new Problem('not_found', 'There is no such broadcast.');
    void http.reply.header('etag', '"1"');
    return broadcast;
  }

  @Get('broadcasts/:id/recipients')
  @ApiList("List a broadcast's recipients", recipientPage, ['not_found'])
  async recipients(
    @Param('id') id: string,
    @Query() query: RecipientsQuery,
    @Http() http: HttpContext,
  ): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const { state } = page.query;
    const states = state === undefined ? null : (splitList(state) as readonly ReceiptStatus[]);
    const reader = await this.views.atLeast(campaignsView, query);
    const result = await listRecipients(reader, org, id, states, page.slice);
    if (!result) throw await this.views.notFound(http, reader, 'There is no such broadcast.');
    this.views.setPositionHeader(http, result.checkpoint);
    const total = await countIfRequested(query, () => countRecipients(reader, org, id, states));
    return { items: result.items, nextCursor: nextCursor(page, result.last), ...total };
  }
}
