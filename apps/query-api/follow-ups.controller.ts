import { Controller, Get, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { getDayBounds } from '#http/day';
import { Http, type HttpContext } from '#http/http-context';
import { ApiList } from '#http/openapi.decorators';
import { nextCursor, parsePageRequest, countIfRequested } from '#http/paging';
import { Authenticator } from '#http/request';
import { ViewReaders } from '#http/view-readers';
import { followUpsView } from '#projections/follow-ups/follow-ups.projection';
import { countFollowUps, listFollowUps } from '#projections/follow-ups/follow-ups.query';
import type { Condition } from '#read-model/view-store';
import { FollowUpsQuery } from './follow-ups.requests.js';
import { followUpPage } from './follow-ups.responses.js';

@Controller('v1/follow-ups')
export class FollowUpQueriesController {
  constructor(
    private readonly views: ViewReaders,
    private readonly authenticator: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get()
  @ApiList({ summary: 'List follow-ups', description: 'Returns follow-ups, soonest due first.' }, followUpPage)
  async list(@Query() query: FollowUpsQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const { now, slice } = page;
    const where = toConditions(page.query, now);
    const reader = await this.views.atLeast(followUpsView, query);
    const result = await listFollowUps(reader, org, where, now, slice);
    this.views.setPositionHeader(http, result.checkpoint);
    const total = await countIfRequested(query, () => countFollowUps(reader, org, where));
    return { items: result.items, nextCursor: nextCursor(page, result.last), ...total };
  }
}

function toConditions(
  { assigneeId, state, due, timeZone = 'UTC', leadId }: FollowUpsQuery,
  now: string,
): readonly Condition[] {
  const conditions: Condition[] = [];
  if (assigneeId === 'none') conditions.push({ column: 'assigned', in: [0] });
  else if (assigneeId !== undefined) conditions.push({ column: 'assigneeId', in: [assigneeId] });
  if (state !== undefined) conditions.push({ column: 'state', in: [state] });
  if (due !== undefined) {
    const dueAt = { overdue: { to: now }, today: getDayBounds(now, timeZone), upcoming: { from: now } };
    conditions.push({ column: 'state', in: ['open'] }, { column: 'dueAt', ...dueAt[due] });
  }
  if (leadId !== undefined) conditions.push({ column: 'leadId', in: [leadId] });
  return conditions;
}
