import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { Http, type HttpContext } from '#http/http-context';
import { IsBooleanText, Optional } from '#http/fields';
import { ApiList, ApiGet } from '#http/openapi.decorators';
import { ListQuery, nextCursor, parsePageRequest, countIfRequested, ViewQuery } from '#http/paging';
import { Problem } from '#http/problem';
import { ViewReaders } from '#http/view-readers';
import { Authenticator } from '#http/request';
import { agentsView } from '#projections/agents/agents.projection';
import { countAgents, listAgents, loadAgent } from '#projections/agents/agents.query';

export class AgentsQuery extends ListQuery {
  @Optional() @IsBooleanText() readonly active?: string;
}

@Controller('v1/agents')
export class AgentQueriesController {
  constructor(
    private readonly reading: ViewReaders,
    private readonly door: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get()
  @ApiList('List agents', 'AgentPage')
  async list(@Query() query: AgentsQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const active = page.query.active === undefined ? null : page.query.active === 'true';
    const reader = await this.reading.atLeast(agentsView, query);
    const found = await listAgents(reader, org, active, page.slice);
    this.reading.setPositionHeader(http, found.checkpoint);
    const total = await countIfRequested(query, () => countAgents(reader, org, active));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }

  @Get(':id')
  @ApiGet('One agent', 'Agent')
  async one(@Param('id') id: string, @Query() query: ViewQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.door.identify(http.request);
    const reader = await this.reading.atLeast(agentsView, query);
    const { checkpoint } = await reader.state();
    const found = await loadAgent(reader, org, id);
    this.reading.setPositionHeader(http, checkpoint);
    if (!found) throw new Problem('not_found', 'There is no such agent.');
    void http.reply.header('etag', `"${found.version}"`);
    return found.agent;
  }
}
