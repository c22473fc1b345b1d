import { Controller, Get, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { getDayBounds } from '#http/day';
import { Http, type HttpContext } from '#http/http-context';
import { IsId, IsOneOf, IsTimeZone, Optional } from '#http/fields';
import { ApiList } from '#http/openapi.decorators';
import { ListQuery, nextCursor, parsePageRequest, countIfRequested } from '#http/paging';
import { ViewReaders } from '#http/view-readers';
import { Authenticator } from '#http/request';
import { followUpsView } from '#projections/follow-ups/follow-ups.projection';
import { countFollowUps, listFollowUps } from '#projections/follow-ups/follow-ups.query';
import type { Condition } from '#read-model/view-store';

export class FollowUpsQuery extends ListQuery {
  @Optional() @IsId('An agent, or none: nobody.') readonly assigneeId?: string;
  @Optional() @IsOneOf(['open', 'completed', 'cancelled']) readonly state?: string;
  @Optional() @IsOneOf(['overdue', 'today', 'upcoming']) readonly due?: 'overdue' | 'today' | 'upcoming';
  @Optional() @IsTimeZone() readonly timeZone?: string;
  @Optional() @IsId() readonly leadId?: string;
}

@Controller('v1/follow-ups')
export class FollowUpQueriesController {
  constructor(
    private readonly reading: ViewReaders,
    private readonly door: Authenticator,
    private readonly clock: Clock,
  ) {}

  @Get()
  @ApiList('List follow-ups', 'FollowUpPage')
  async list(@Query() query: FollowUpsQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.door.identify(http.request);
    const page = parsePageRequest(query, this.clock.now());
    const { now, slice } = page;
    const where = whichOf(page.query, now);
    const reader = await this.reading.atLeast(followUpsView, query);
    const found = await listFollowUps(reader, org, where, now, slice);
    this.reading.setPositionHeader(http, found.checkpoint);
    const total = await countIfRequested(query, () => countFollowUps(reader, org, where));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }
}

/** Only open ones are due: overdue before now, upcoming from now on, today within this day of the asked zone, past or to come. */
function whichOf(
  { assigneeId, state, due, timeZone = 'UTC', leadId }: FollowUpsQuery,
  now: string,
): readonly Condition[] {
  const today = getDayBounds(now, timeZone);
  const dueAt = { overdue: { to: now }, today, upcoming: { from: now } };
  return [
    ...(assigneeId === 'none' ? [{ column: 'assigned', in: [0] }] : []),
    ...(assigneeId !== undefined && assigneeId !== 'none' ? [{ column: 'assigneeId', in: [assigneeId] }] : []),
    ...(state === undefined ? [] : [{ column: 'state', in: [state] }]),
    ...(due === undefined
      ? []
      : [
          { column: 'state', in: ['open'] },
          { column: 'dueAt', ...dueAt[due] },
        ]),
    ...(leadId === undefined ? [] : [{ column: 'leadId', in: [leadId] }]),
  ];
}
