import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { toLeadResource, type LeadResource } from '#domain/lead/lead.shown';
import { EventStore } from '#event-store/event-store';
import { Http, type HttpContext } from '#http/http-context';
import { IsPlainText, Optional } from '#http/fields';
import { toLeadFilter } from '#http/lead-filter';
import { ApiList, ApiGet } from '#http/openapi.decorators';
import { ListQuery, nextCursor, parsePageRequest, countIfRequested, ViewQuery } from '#http/paging';
import { Problem } from '#http/problem';
import { type AsOf, ViewReaders } from '#http/view-readers';
import { Authenticator } from '#http/request';
import { loadAgentNames as agentNamesOf } from '#projections/agent-names';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { countLeads, listLeads, loadLead } from '#projections/lead-list/lead-list.query';
import type { ViewReader } from '#read-model/view-store';
import { leadAsOf, replayLead, type ReplayedEvent } from './lead-replay.js';
import { parseLeadSort, LeadsQuery } from './leads.requests.js';
import { toEventResource } from './event-resource.js';

export class LeadQuery extends ViewQuery {
  @Optional() @IsPlainText('A time or a position: the lead as it was then.') readonly asOf?: string;
}

@Controller('v1/leads')
export class LeadQueriesController {
  constructor(
    private readonly reading: ViewReaders,
    private readonly door: Authenticator,
    private readonly clock: Clock,
    private readonly log: EventStore,
  ) {}

  @Get()
  @ApiList('List leads', 'LeadPage')
  async list(@Query() query: LeadsQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const filter = toLeadFilter(page.query, page.now);
    const sort = parseLeadSort(page.query.sort);
    const reader = await this.reading.atLeast(leadListView, query);
    const { slice } = page;
    const found = await listLeads(reader, org, filter, { sort, ...slice });
    this.reading.setPositionHeader(http, found.checkpoint);
    const total = await countIfRequested(query, () => countLeads(reader, org, filter));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }

  @Get(':id')
  @ApiGet('One lead, now or as it was', 'Lead')
  async one(@Param('id') id: string, @Query() query: LeadQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.door.identify(http.request);
    const asOf = query.asOf === undefined ? null : await this.reading.parseAsOf(query.asOf);
    const reader = await this.reading.atLeast(leadListView, query);
    const { checkpoint } = await reader.state();
    const lead = asOf ? await this.asItWas(reader, org, id, asOf) : await loadLead(reader, org, id);
    this.reading.setPositionHeader(http, checkpoint);
    if (!lead) throw new Problem('not_found', 'There is no such lead.');
    void http.reply.header('etag', `"${lead.version}"`);
    return lead;
  }

  @Get(':id/replay')
  @ApiList('Every event of a lead, with the lead as it was after it', 'LeadReplay', ['not_found'])
  async replay(@Param('id') id: string, @Query() query: ListQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const { limit, after } = page.slice;
    const reader = await this.reading.atLeast(leadListView, query);
    this.reading.setPositionHeader(http, (await reader.state()).checkpoint);
    const found: ReplayedEvent[] = [];
    let total = 0;
    for await (const each of replayLead(this.log, org, id)) {
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
        event: toEventResource(event, lead.contactId),
        lead: toLeadResource(lead, nameOf),
      })),
      nextCursor: nextCursor(page, end),
      ...(await countIfRequested(query, async () => total)),
    };
  }

  private async asItWas(reader: ViewReader, org: string, id: string, asOf: AsOf): Promise<LeadResource | undefined> {
    const lead = await leadAsOf(this.log, org, id, asOf);
    return lead && toLeadResource(lead, await agentNamesOf(reader, org, [lead.agentId]));
  }
}
