import { Controller, Get, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { Http, type HttpContext } from '#http/http-context';
import { ApiList } from '#http/openapi.decorators';
import { Authenticator } from '#http/request';
import { ViewReaders } from '#http/view-readers';
import type { Period } from '#projections/statistics/period';
import { statisticsView } from '#projections/statistics/statistics.projection';
import {
  computeAgentStatistics,
  computeFunnel,
  computeSourceStatistics,
  computeTimeInStatus,
} from '#projections/statistics/statistics.query';
import type { ViewReader } from '#read-model/view-store';
import { parsePeriod, StatisticsQuery } from './statistics.requests.js';
import {
  agentsStatistics,
  funnelStatistics,
  sourcesStatistics,
  timeInStatusStatistics,
} from './statistics.responses.js';

/** Statistics over a period. projections/statistics/statistics.query.ts defines how each is computed. */
@Controller('v1/stats')
export class StatisticsController {
  constructor(
    private readonly views: ViewReaders,
    private readonly authenticator: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get('funnel')
  @ApiList(
    {
      summary: 'Get the lead funnel',
      description: 'Returns how many of the leads created in a period reached each status, as of now.',
    },
    funnelStatistics,
  )
  funnel(@Query() query: StatisticsQuery, @Http() http: HttpContext): Promise<object> {
    return this.respond(query, http, computeFunnel);
  }

  @Get('time-in-status')
  @ApiList(
    {
      summary: 'Get the time in status',
      description: 'Returns how long leads stayed in each active status that they left in a period.',
    },
    timeInStatusStatistics,
  )
  timeInStatus(@Query() query: StatisticsQuery, @Http() http: HttpContext): Promise<object> {
    return this.respond(query, http, async (...args) => ({ statuses: await computeTimeInStatus(...args) }));
  }

  @Get('agents')
  @ApiList(
    { summary: 'Get agent statistics', description: 'Returns what each agent did in a period.' },
    agentsStatistics,
  )
  agents(@Query() query: StatisticsQuery, @Http() http: HttpContext): Promise<object> {
    return this.respond(query, http, async (...args) => ({ items: await computeAgentStatistics(...args) }));
  }

  @Get('sources')
  @ApiList(
    {
      summary: 'Get lead sources',
      description: 'Returns where the leads created in a period came from, and how many of them are converted now.',
    },
    sourcesStatistics,
  )
  sources(@Query() query: StatisticsQuery, @Http() http: HttpContext): Promise<object> {
    return this.respond(query, http, async (...args) => ({ items: await computeSourceStatistics(...args) }));
  }

  private async respond(
    query: StatisticsQuery,
    http: HttpContext,
    compute: (reader: ViewReader, org: string, period: Period) => Promise<object>,
  ): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const period = parsePeriod(query, this.clock.now());
    const reader = await this.views.atLeast(statisticsView, query);
    const { checkpoint } = await reader.state();
    const statistics = await compute(reader, org, period);
    this.views.setPositionHeader(http, checkpoint);
    return { period, ...statistics };
  }
}
