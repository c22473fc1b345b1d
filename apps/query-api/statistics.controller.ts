import { Controller, Get, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { Http, type HttpContext } from '#http/http-context';
import { IsTimeZone, Optional } from '#http/fields';
import { ApiList } from '#http/openapi.decorators';
import { ViewQuery } from '#http/paging';
import { ViewReaders } from '#http/view-readers';
import { Authenticator } from '#http/request';
import type { Period } from '#projections/statistics/period';
import { statisticsView } from '#projections/statistics/statistics.projection';
import {
  computeAgentStatistics,
  computeFunnel,
  computeSourceStatistics,
  computeTimeInStatus,
} from '#projections/statistics/statistics.query';
import type { ViewReader } from '#read-model/view-store';
import { IsMoment, parsePeriod } from './statistics.requests.js';

export class StatisticsQuery extends ViewQuery {
  @Optional() @IsMoment('Inclusive. Default: 30 days before `to`.') readonly from?: string;
  @Optional() @IsMoment('Exclusive. Default: the end of today.') readonly to?: string;
  @Optional() @IsTimeZone() readonly timeZone?: string;
}

/** Figures over a period. Each is defined where it is worked out: projections/statistics/statistics.query.ts. */
@Controller('v1/stats')
export class StatisticsController {
  constructor(
    private readonly reading: ViewReaders,
    private readonly door: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get('funnel')
  @ApiList('What became of the leads opened in a period', 'FunnelStatistics')
  funnel(@Query() query: StatisticsQuery, @Http() http: HttpContext): Promise<object> {
    return this.figures(query, http, computeFunnel);
  }

  @Get('time-in-status')
  @ApiList('How long the leads that left a status in a period were in it', 'TimeInStatusStatistics')
  timeInStatus(@Query() query: StatisticsQuery, @Http() http: HttpContext): Promise<object> {
    return this.figures(query, http, async (...asked) => ({ statuses: await computeTimeInStatus(...asked) }));
  }

  @Get('agents')
  @ApiList('What agents did in a period', 'AgentsStatistics')
  agents(@Query() query: StatisticsQuery, @Http() http: HttpContext): Promise<object> {
    return this.figures(query, http, async (...asked) => ({ items: await computeAgentStatistics(...asked) }));
  }

  @Get('sources')
  @ApiList('Where the leads opened in a period came from', 'SourcesStatistics')
  sources(@Query() query: StatisticsQuery, @Http() http: HttpContext): Promise<object> {
    return this.figures(query, http, async (...asked) => ({ items: await computeSourceStatistics(...asked) }));
  }

  private async figures(
    query: StatisticsQuery,
    http: HttpContext,
    ask: (reader: ViewReader, org: string, period: Period) => Promise<object>,
  ): Promise<object> {
    const { org } = this.door.identify(http.request);
    const period = parsePeriod(query, this.clock.now());
    const reader = await this.reading.atLeast(statisticsView, query);
    const { checkpoint } = await reader.state();
    const told = await ask(reader, org, period);
    this.reading.setPositionHeader(http, checkpoint);
    return { period, ...told };
  }
}
