import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { showLead, type ShownLead } from '#domain/lead/lead.shown';
import { EventStore } from '#event-store/event-store';
import { Http, type Exchange } from '#http/exchange';
import { IsPlain, Optional } from '#http/fields';
import { leadFilterOf } from '#http/lead-filter';
import { Lists, Shows } from '#http/openapi.decorators';
import { ListQuery, nextCursor, pageOf, totalOf, ViewQuery } from '#http/paging';
import { Problem } from '#http/problem';
import { type AsOf, Reading } from '#http/reading';
import { Authenticator } from '#http/request';
import { namesOf as agentNamesOf } from '#projections/agent-names';
import { leadList } from '#projections/lead-list/lead-list.projection';
import { countLeads, listLeads, oneLead } from '#projections/lead-list/lead-list.query';
import type { ViewReader } from '#read-model/view-store';
import { leadAsOf, replay, type Replayed } from './lead-replay.js';
import { leadSortOf, LeadsQuery } from './leads.requests.js';
import { showEvent } from './shown-event.js';

export class LeadQuery extends ViewQuery {
  @Optional() @IsPlain('A time or a position: the lead as it was then.') readonly asOf?: string;
}

@Controller('v1/leads')
export class LeadQueriesController {
  constructor(
    private readonly reading: Reading,
    private readonly door: Authenticator,
    private readonly clock: Clock,
    private readonly log: EventStore,
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
  @Shows('One lead, now or as it was', 'Lead')
  async one(@Param('id') id: string, @Query() query: LeadQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const asOf = query.asOf === undefined ? null : await this.reading.asOf(query.asOf);
    const reader = await this.reading.upTo(leadList, query);
    const { checkpoint } = await reader.state();
    const lead = asOf ? await this.asItWas(reader, org, id, asOf) : await oneLead(reader, org, id);
    this.reading.tell(http, checkpoint);
    if (!lead) throw new Problem('not_found', 'There is no such lead.');
    void http.reply.header('etag', `"${lead.version}"`);
    return lead;
  }

  @Get(':id/replay')
  @Lists('Every event of a lead, with the lead as it was after it', 'LeadReplay', ['not_found'])
  async replay(@Param('id') id: string, @Query() query: ListQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = pageOf(query, this.clock.now());
    const { limit, after } = page.slice;
    const reader = await this.reading.upTo(leadList, query);
    this.reading.tell(http, (await reader.state()).checkpoint);
    const found: Replayed[] = [];
    let total = 0;
    for await (const each of replay(this.log, org, id)) {
      total++;
      if (found.length <= limit && each.event.version > Number(after?.value ?? 0)) found.push(each);
      if (found.length > limit && query.count !== 'true') break;
    }
    if (total === 0) throw new Problem('not_found', 'There is no such lead.');
    const shown = found.slice(0, limit);
    const nameOf = await agentNamesOf(
      reader,
      org,
      shown.map(({ lead }) => lead.agentId),
    );
    const { event: last } = shown.at(-1) ?? {};
    const end = last && found.length > limit ? { value: last.version, key: last.id } : null;
    return {
      items: shown.map(({ event, lead }) => ({
        event: showEvent(event, lead.contactId),
        lead: showLead(lead, nameOf),
      })),
      nextCursor: nextCursor(page, end),
      ...(await totalOf(query, async () => total)),
    };
  }

  private async asItWas(reader: ViewReader, org: string, id: string, asOf: AsOf): Promise<ShownLead | undefined> {
    const lead = await leadAsOf(this.log, org, id, asOf);
    return lead && showLead(lead, await agentNamesOf(reader, org, [lead.agentId]));
  }
}
