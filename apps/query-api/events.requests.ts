import { eventTypes } from '#domain/event-codec';
import { IsPlainText, IsListOfValues, Optional } from '#http/fields';
import { PageQuery } from '#http/paging';

export class EventsQuery extends PageQuery {
  @Optional()
  @IsPlainText('Log position after which to begin. Default: the beginning of the log.')
  readonly from?: string;

  @Optional() @IsListOfValues(eventTypes, 'Event types, separated by commas.') readonly type?: string;
}
