import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { receiptStatuses, type ReceiptStatus } from '#domain/message/message.events';
import { Http, type HttpContext } from '#http/http-context';
import { IsListOfValues, splitList, Optional } from '#http/fields';
import { ApiList, ApiGet } from '#http/openapi.decorators';
import { ListQuery, nextCursor, parsePageRequest, countIfRequested, ViewQuery } from '#http/paging';
import { Problem } from '#http/problem';
import { ViewReaders } from '#http/view-readers';
import { Authenticator } from '#http/request';
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

export class RecipientsQuery extends ListQuery {
  @Optional() @IsListOfValues(receiptStatuses) readonly state?: string;
}

@Controller('v1')
export class BroadcastQueriesController {
  constructor(
    private readonly reading: ViewReaders,
    private readonly door: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get('leads/:id/broadcasts')
  @ApiList("A lead's broadcast messages and what became of them", 'DeliveryPage', ['not_found'])
  async ofLead(@Param('id') leadId: string, @Query() query: ListQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const reader = await this.reading.atLeast(broadcastDeliveryView, query);
    const { slice } = page;
    const found = await listDeliveries(reader, org, leadId, slice);
    if (!found) throw await this.reading.notFound(http, reader, 'There is no such lead.');
    this.reading.setPositionHeader(http, found.checkpoint);
    const total = await countIfRequested(query, () => countDeliveries(reader, leadId));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }

  @Get('broadcasts')
  @ApiList('List broadcasts', 'BroadcastPage')
  async list(@Query() query: ListQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const reader = await this.reading.atLeast(campaignsView, query);
    const { slice } = page;
    const found = await listBroadcasts(reader, org, slice);
    this.reading.setPositionHeader(http, found.checkpoint);
    const total = await countIfRequested(query, () => countBroadcasts(reader, org));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }

  @Get('broadcasts/:id')
  @ApiGet('One broadcast', 'Broadcast')
  async one(@Param('id') id: string, @Query() query: ViewQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.door.identify(http.request);
    const reader = await this.reading.atLeast(campaignsView, query);
    const { checkpoint } = await reader.state();
    const broadcast = await loadBroadcast(reader, org, id);
    this.reading.setPositionHeader(http, checkpoint);
    if (!broadcast) throw new Problem('not_found', 'There is no such broadcast.');
    void http.reply.header('etag', '"1"');
    return broadcast;
  }

  @Get('broadcasts/:id/recipients')
  @ApiList('The recipients of a broadcast', 'RecipientPage', ['not_found'])
  async recipients(
    @Param('id') id: string,
    @Query() query: RecipientsQuery,
    @Http() http: HttpContext,
  ): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const { state } = page.query;
    const states = state === undefined ? null : (splitList(state) as readonly ReceiptStatus[]);
    const reader = await this.reading.atLeast(campaignsView, query);
    const { slice } = page;
    const found = await listRecipients(reader, org, id, states, slice);
    if (!found) throw await this.reading.notFound(http, reader, 'There is no such broadcast.');
    this.reading.setPositionHeader(http, found.checkpoint);
    const total = await countIfRequested(query, () => countRecipients(reader, org, id, states));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }
}
