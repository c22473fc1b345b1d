import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { Http, type Exchange } from '#http/exchange';
import { IsYesOrNo, Optional } from '#http/fields';
import { Lists, Shows } from '#http/openapi.decorators';
import { ListQuery, nextCursor, pageOf, totalOf, ViewQuery } from '#http/paging';
import { Problem } from '#http/problem';
import { Reading } from '#http/reading';
import { Authenticator } from '#http/request';
import { agentsView } from '#projections/agents/agents.projection';
import { countAgents, listAgents, oneAgent } from '#projections/agents/agents.query';

export class AgentsQuery extends ListQuery {
  @Optional() @IsYesOrNo() readonly active?: string;
}

@Controller('v1/agents')
export class AgentQueriesController {
  constructor(
    private readonly reading: Reading,
    private readonly door: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Lists('List agents', 'AgentPage')
  async list(@Query() query: AgentsQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = pageOf(query, this.clock.now());
    const active = page.asked.active === undefined ? null : page.asked.active === 'true';
    const reader = await this.reading.upTo(agentsView, query);
    const found = await listAgents(reader, org, active, page.slice);
    this.reading.tell(http, found.checkpoint);
    const total = await totalOf(query, () => countAgents(reader, org, active));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }

  @Get(':id')
  @Shows('One agent', 'Agent')
  async one(@Param('id') id: string, @Query() query: ViewQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const reader = await this.reading.upTo(agentsView, query);
    const { checkpoint } = await reader.state();
    const found = await oneAgent(reader, org, id);
    this.reading.tell(http, checkpoint);
    if (!found) throw new Problem('not_found', 'There is no such agent.');
    void http.reply.header('etag', `"${found.version}"`);
    return found.agent;
  }
}
