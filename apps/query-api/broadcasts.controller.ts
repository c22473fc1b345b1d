import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { receiptStatuses, type ReceiptStatus } from '#domain/message/message.events';
import { Http, type Exchange } from '#http/exchange';
import { IsPlain, Optional } from '#http/fields';
import { ListQuery, nextCursor, pageOf, ViewQuery } from '#http/paging';
import { Problem } from '#http/problem';
import { Reading } from '#http/reading';
import { Authenticator } from '#http/request';
import { broadcastDelivery } from '#projections/broadcast-delivery/broadcast-delivery.projection';
import { deliveriesOf } from '#projections/broadcast-delivery/broadcast-delivery.query';
import { campaignsView } from '#projections/campaigns/campaigns.projection';
import { listBroadcasts, listRecipients, oneBroadcast } from '#projections/campaigns/campaigns.query';
import { listOf } from './leads.requests.js';

export class RecipientsQuery extends ListQuery {
  @Optional() @IsPlain() readonly state?: string;
}

@Controller('v1')
export class BroadcastQueriesController {
  constructor(
    private readonly reading: Reading,
    private readonly door: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get('leads/:id/broadcasts')
  async ofLead(@Param('id') leadId: string, @Query() query: ListQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = pageOf(query, this.clock.now());
    const reader = await this.reading.upTo(broadcastDelivery, query);
    const { slice } = page;
    const found = await deliveriesOf(reader, org, leadId, slice);
    if (!found) throw new Problem('not_found', 'There is no such lead.');
    this.reading.tell(http, found.checkpoint);
    return { items: found.items, nextCursor: nextCursor(page, found.last) };
  }

  @Get('broadcasts')
  async list(@Query() query: ListQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = pageOf(query, this.clock.now());
    const reader = await this.reading.upTo(campaignsView, query);
    const { slice } = page;
    const found = await listBroadcasts(reader, org, slice);
    this.reading.tell(http, found.checkpoint);
    return { items: found.items, nextCursor: nextCursor(page, found.last) };
  }

  @Get('broadcasts/:id')
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
  async recipients(@Param('id') id: string, @Query() query: RecipientsQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = pageOf(query, this.clock.now());
    const states = (listOf('state', page.asked.state, receiptStatuses) ?? null) as readonly ReceiptStatus[] | null;
    const reader = await this.reading.upTo(campaignsView, query);
    const { slice } = page;
    const found = await listRecipients(reader, org, id, states, slice);
    if (!found) throw new Problem('not_found', 'There is no such broadcast.');
    this.reading.tell(http, found.checkpoint);
    return { items: found.items, nextCursor: nextCursor(page, found.last) };
  }
}
