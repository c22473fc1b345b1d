import { IsId, IsOneOf, IsTimeZone, Optional } from '#http/fields';
import { ListQuery } from '#http/paging';

export class FollowUpsQuery extends ListQuery {
  @Optional()
  @IsId('ID of the responsible agent, or `none` for follow-ups without one.')
  readonly assigneeId?: string;

  @Optional() @IsOneOf(['open', 'completed', 'cancelled'], 'State of the follow-up.') readonly state?: string;

  @Optional()
  @IsOneOf(
    ['overdue', 'today', 'upcoming'],
    'When an open follow-up is due: before now, on the current day in `timeZone`, or from now on.',
  )
  readonly due?: 'overdue' | 'today' | 'upcoming';

  @Optional() @IsTimeZone() readonly timeZone?: string;
  @Optional() @IsId('ID of the lead.') readonly leadId?: string;
}
