import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { toLeadResource, type LeadResource } from '#resources/lead.resource';
import { EventStore } from '#event-store/event-store';
import { Http, type HttpContext } from '#http/http-context';
import { ApiList, ApiGet } from '#http/openapi.decorators';
import { ListQuery, nextCursor, parsePageRequest, countIfRequested } from '#http/paging';
import { Problem } from '#http/problem';
import { Authenticator } from '#http/request';
import { toLeadFilter } from '#http/resources/lead-filter';
import { leadRef } from '#http/resources/lead.schema';
import { type AsOf, ViewReaders } from '#http/view-readers';
import { loadAgentNames } from '#projections/agent-names';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { countLeads, listLeads, loadLead } from '#projections/lead-list/lead-list.query';
import type { ViewReader } from '#read-model/view-store';
import { toEventResource } from './event-resource.js';
import { leadAsOf, replayLead, type ReplayedEvent } from './lead-replay.js';
import { LeadQuery, LeadsQuery, parseLeadSort } from './leads.requests.js';
import { leadPage, leadReplayPage } from './leads.responses.js';

@Controller('v1/leads')
export class LeadQueriesController {
  constructor(
    private readonly views: ViewReaders,
    private readonly authenticator: Authenticator,
    private readonly clock: Clock,
    private readonly log: EventStore,
  ) {}

  @Get()
  @ApiList('List leads', leadPage)
  async list(@Query() query: LeadsQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const filter = toLeadFilter(page.query, page.now);
    const sort = parseLeadSort(page.query.sort);
    const reader = await this.views.atLeast(leadListView, query);
    const result = await listLeads(reader, org, filter, { sort, ...page.slice });
    this.views.setPositionHeader(http, result.checkpoint);
    const total = await countIfRequested(query, () => countLeads(reader, org, filter));
    return { items: result.items, nextCursor: nextCursor(page, result.last), ...total };
  }

  @Get(':id')
  @ApiGet('Get a lead', leadRef)
  async one(@Param('id') id: string, @Query() query: LeadQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const asOf = query.asOf === undefined ? null : await this.views.parseAsOf(query.asOf);
    const reader = await this.views.atLeast(leadListView, query);
    const { checkpoint } = await reader.state();
    const lead = asOf ? await this.loadAsOf(reader, org, id, asOf) : await loadLead(reader, org, id);
    this.views.setPositionHeader(http, checkpoint);
    if (!lead) throw new Problem('not_found', 'There is no such lead.');
    void http.reply.header('etag', `"${lead.version}"`);
    return lead;
  }

  @Get(':id/replay')
  @ApiList(
    {
      summary: 'Replay a lead',
      description: 'Returns each event that changed the lead, oldest first, with the lead as it was after that event.',
    },
    leadReplayPage,
    ['not_found'],
  )
  async replay(@Param('id') id: string, @Query() query: ListQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const { limit, after } = page.slice;
    const reader = await this.views.atLeast(leadListView, query);
    this.views.setPositionHeader(http, (await reader.state()).checkpoint);
    const afterVersion = Number(after?.value ?? 0);
    const found: ReplayedEvent[] = [];
    let total = 0;
    // Reads one event more than the page contains, to know whether there is a next page.
    for await (const replayed of replayLead(this.log, org, id)) {
      total++;
      if (found.length <= limit && replayed.event.version > afterVersion) found.push(replayed);
      if (found.length > limit && query.count !== 'true') break;
    }
    if (total === 0) throw new Problem('not_found', 'There is no such lead.');
    const items = found.slice(0, limit);
    const agentIds = items.map(({ lead }) => lead.agentId);
    const nameOf = await loadAgentNames(reader, org, agentIds);
    const last = items.at(-1)?.event;
    const boundary = last && found.length > limit ? { value: last.version, key: last.id } : null;
    return {
      items: items.map(({ event, lead }) => ({
        event: toEventResource(event, lead.contactId),
        lead: toLeadResource(lead, nameOf),
      })),
      nextCursor: nextCursor(page, boundary),
      ...(await countIfRequested(query, async () => total)),
    };
  }

  private async loadAsOf(reader: ViewReader, org: string, id: string, asOf: AsOf): Promise<LeadResource | undefined> {
    const lead = await leadAsOf(this.log, org, id, asOf);
    return lead && toLeadResource(lead, await loadAgentNames(reader, org, [lead.agentId]));
  }
}
