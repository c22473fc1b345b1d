import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { receiptStatuses, type ReceiptStatus } from '#domain/message/message.events';
import { Http, type Exchange } from '#http/exchange';
import { IsSomeOf, listed, Optional } from '#http/fields';
import { Lists, Shows } from '#http/openapi.decorators';
import { ListQuery, nextCursor, pageOf, totalOf, ViewQuery } from '#http/paging';
import { Problem } from '#http/problem';
import { Reading } from '#http/reading';
import { Authenticator } from '#http/request';
import { broadcastDelivery } from '#projections/broadcast-delivery/broadcast-delivery.projection';
import { countDeliveries, deliveriesOf } from '#projections/broadcast-delivery/broadcast-delivery.query';
import { campaignsView } from '#projections/campaigns/campaigns.projection';
import {
  countBroadcasts,
  countRecipients,
  listBroadcasts,
  listRecipients,
  oneBroadcast,
} from '#projections/campaigns/campaigns.query';

export class RecipientsQuery extends ListQuery {
  @Optional() @IsSomeOf(receiptStatuses) readonly state?: string;
}

@Controller('v1')
export class BroadcastQueriesController {
  constructor(
    private readonly reading: Reading,
    private readonly door: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get('leads/:id/broadcasts')
  @Lists("A lead's broadcast messages and what became of them", 'DeliveryPage', ['not_found'])
  async ofLead(@Param('id') leadId: string, @Query() query: ListQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = pageOf(query, this.clock.now());
    const reader = await this.reading.upTo(broadcastDelivery, query);
    const { slice } = page;
    const found = await deliveriesOf(reader, org, leadId, slice);
    if (!found) throw await this.reading.missing(http, reader, 'There is no such lead.');
    this.reading.tell(http, found.checkpoint);
    const total = await totalOf(query, () => countDeliveries(reader, leadId));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }

  @Get('broadcasts')
  @Lists('List broadcasts', 'BroadcastPage')
  async list(@Query() query: ListQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = pageOf(query, this.clock.now());
    const reader = await this.reading.upTo(campaignsView, query);
    const { slice } = page;
    const found = await listBroadcasts(reader, org, slice);
    this.reading.tell(http, found.checkpoint);
    const total = await totalOf(query, () => countBroadcasts(reader, org));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }

  @Get('broadcasts/:id')
  @Shows('One broadcast', 'Broadcast')
  async one(@Param('id') id: string, @Query() query: ViewQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const reader = await this.reading.upTo(campaignsView, query);
    const { checkpoint } = await reader.state();
    const broadcast = await oneBroadcast(reader, org, id);
    this.reading.tell(http, checkpoint);
    if (!broadcast) throw new Problem('not_found', 'There is no such broadcast.');
    void http.reply.header('etag', '"1"');
    return broadcast;
  }

  @Get('broadcasts/:id/recipients')
  @Lists('The recipients of a broadcast', 'RecipientPage', ['not_found'])
  async recipients(@Param('id') id: string, @Query() query: RecipientsQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = pageOf(query, this.clock.now());
    const { state } = page.asked;
    const states = state === undefined ? null : (listed(state) as readonly ReceiptStatus[]);
    const reader = await this.reading.upTo(campaignsView, query);
    const { slice } = page;
    const found = await listRecipients(reader, org, id, states, slice);
    if (!found) throw await this.reading.missing(http, reader, 'There is no such broadcast.');
    this.reading.tell(http, found.checkpoint);
    const total = await totalOf(query, () => countRecipients(reader, org, id, states));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }
}
