import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { Http, type HttpContext } from '#http/http-context';
import { ApiList, ApiGet } from '#http/openapi.decorators';
import { nextCursor, parsePageRequest, countIfRequested, ViewQuery } from '#http/paging';
import { Problem } from '#http/problem';
import { Authenticator } from '#http/request';
import { agentRef } from '#http/resources/agent.schema';
import { ViewReaders } from '#http/view-readers';
import { agentsView } from '#projections/agents/agents.projection';
import { countAgents, listAgents, loadAgent } from '#projections/agents/agents.query';
import { AgentsQuery } from './agents.requests.js';
import { agentPage } from './agents.responses.js';

@Controller('v1/agents')
export class AgentQueriesController {
  constructor(
    private readonly views: ViewReaders,
    private readonly authenticator: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get()
  @ApiList('List agents', agentPage)
  async list(@Query() query: AgentsQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const active = page.query.active === undefined ? null : page.query.active === 'true';
    const reader = await this.views.atLeast(agentsView, query);
    const result = await listAgents(reader, org, active, page.slice);
    this.views.setPositionHeader(http, result.checkpoint);
    const total = await countIfRequested(query, () => countAgents(reader, org, active));
    return { items: result.items, nextCursor: nextCursor(page, result.last), ...total };
  }

  @Get(':id')
  @ApiGet('Get an agent', agentRef)
  async one(@Param('id') id: string, @Query() query: ViewQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const reader = await this.views.atLeast(agentsView, query);
    const { checkpoint } = await reader.state();
    const found = await loadAgent(reader, org, id);
    this.views.setPositionHeader(http, checkpoint);
    if (!found) throw new Problem('not_found', 'There is no such agent.');
    void http.reply.header('etag', `"${found.version}"`);
    return found.agent;
  }
}
