import { eventTypes } from '#domain/event-codec';
import { IsInstant, IsOneOf, IsPlainText, IsListOfValues, Optional } from '#http/fields';
import { ListQuery } from '#http/paging';

export class HistoryQuery extends ListQuery {
  @Optional()
  @IsOneOf(['asc', 'desc'], '`desc` (default) for newest first, `asc` for oldest first.')
  readonly order?: string;

  @Optional() @IsListOfValues(eventTypes, 'Event types, separated by commas.') readonly type?: string;
  @Optional() @IsPlainText('Actor as `<type>:<id>`, or the ID of an agent.') readonly actor?: string;
  @Optional() @IsInstant('Earliest time, inclusive.') readonly from?: string;
  @Optional() @IsInstant('Latest time, exclusive.') readonly to?: string;

  @Optional()
  @IsPlainText('Timestamp or log position. Returns the history as it was then.')
  readonly asOf?: string;
}
