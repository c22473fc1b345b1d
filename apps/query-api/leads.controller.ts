import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { Http, type Exchange } from '#http/exchange';
import { Lists, Shows } from '#http/openapi.decorators';
import { nextCursor, pageOf, totalOf, ViewQuery } from '#http/paging';
import { Problem } from '#http/problem';
import { Reading } from '#http/reading';
import { Authenticator } from '#http/request';
import { leadList } from '#projections/lead-list/lead-list.projection';
import { countLeads, listLeads, oneLead } from '#projections/lead-list/lead-list.query';
import { leadFilterOf, leadSortOf, LeadsQuery } from './leads.requests.js';

@Controller('v1/leads')
export class LeadQueriesController {
  constructor(
    private readonly reading: Reading,
    private readonly door: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Lists('List leads', 'LeadPage')
  async list(@Query() query: LeadsQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = pageOf(query, this.clock.now());
    const filter = leadFilterOf(page.asked, page.now);
    const sort = leadSortOf(page.asked.sort);
    const reader = await this.reading.upTo(leadList, query);
    const { slice } = page;
    const found = await listLeads(reader, org, filter, { sort, ...slice });
    this.reading.tell(http, found.checkpoint);
    const total = await totalOf(query, () => countLeads(reader, org, filter));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }

  @Get(':id')
  @Shows('One lead', 'Lead')
  async one(@Param('id') id: string, @Query() query: ViewQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const reader = await this.reading.upTo(leadList, query);
    const { checkpoint } = await reader.state();
    const lead = await oneLead(reader, org, id);
    this.reading.tell(http, checkpoint);
    if (!lead) throw new Problem('not_found', 'There is no such lead.');
    void http.reply.header('etag', `"${lead.version}"`);
    return lead;
  }
}
