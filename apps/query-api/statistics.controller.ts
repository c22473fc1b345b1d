import { Controller, Get, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { Http, type Exchange } from '#http/exchange';
import { IsTimeZone, Optional } from '#http/fields';
import { Lists } from '#http/openapi.decorators';
import { ViewQuery } from '#http/paging';
import { Reading } from '#http/reading';
import { Authenticator } from '#http/request';
import type { Period } from '#projections/statistics/period';
import { statisticsView } from '#projections/statistics/statistics.projection';
import { agentStatistics, funnel, sourceStatistics, timeInStatus } from '#projections/statistics/statistics.query';
import type { ViewReader } from '#read-model/view-store';
import { IsMoment, periodOf } from './statistics.requests.js';

export class StatisticsQuery extends ViewQuery {
  @Optional() @IsMoment('Inclusive. Default: 30 days before `to`.') readonly from?: string;
  @Optional() @IsMoment('Exclusive. Default: the end of today.') readonly to?: string;
  @Optional() @IsTimeZone() readonly timeZone?: string;
}

/** Figures over a period. Each is defined where it is worked out: projections/statistics/statistics.query.ts. */
@Controller('v1/stats')
export class StatisticsController {
  constructor(
    private readonly reading: Reading,
    private readonly door: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get('funnel')
  @Lists('What became of the leads opened in a period', 'FunnelStatistics')
  funnel(@Query() query: StatisticsQuery, @Http() http: Exchange): Promise<object> {
    return this.figures(query, http, funnel);
  }

  @Get('time-in-status')
  @Lists('How long the leads that left a status in a period were in it', 'TimeInStatusStatistics')
  timeInStatus(@Query() query: StatisticsQuery, @Http() http: Exchange): Promise<object> {
    return this.figures(query, http, async (...asked) => ({ statuses: await timeInStatus(...asked) }));
  }

  @Get('agents')
  @Lists('What agents did in a period', 'AgentsStatistics')
  agents(@Query() query: StatisticsQuery, @Http() http: Exchange): Promise<object> {
    return this.figures(query, http, async (...asked) => ({ items: await agentStatistics(...asked) }));
  }

  @Get('sources')
  @Lists('Where the leads opened in a period came from', 'SourcesStatistics')
  sources(@Query() query: StatisticsQuery, @Http() http: Exchange): Promise<object> {
    return this.figures(query, http, async (...asked) => ({ items: await sourceStatistics(...asked) }));
  }

  private async figures(
    query: StatisticsQuery,
    http: Exchange,
    ask: (reader: ViewReader, org: string, period: Period) => Promise<object>,
  ): Promise<object> {
    const { org } = this.door.identify(http.request);
    const period = periodOf(query, this.clock.now());
    const reader = await this.reading.upTo(statisticsView, query);
    const { checkpoint } = await reader.state();
    const told = await ask(reader, org, period);
    this.reading.tell(http, checkpoint);
    return { period, ...told };
  }
}
