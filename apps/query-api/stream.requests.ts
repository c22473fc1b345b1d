import { eventTypes } from '#domain/event-codec';
import { IsId, IsPlainText, IsListOfValues, Optional } from '#http/fields';

export class StreamQuery {
  @Optional()
  @IsPlainText('Log position after which to begin. Default: the end of the log, so that only new events are sent.')
  readonly from?: string;

  @Optional() @IsListOfValues(eventTypes, 'Event types, separated by commas.') readonly type?: string;
  @Optional() @IsId('ID of the lead.') readonly leadId?: string;
  @Optional() @IsId('ID of the contact.') readonly contactId?: string;
}
