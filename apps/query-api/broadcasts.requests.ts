import { receiptStatuses } from '#domain/message/message.events';
import { IsListOfValues, Optional } from '#http/fields';
import { ListQuery } from '#http/paging';

export class RecipientsQuery extends ListQuery {
  @Optional() @IsListOfValues(receiptStatuses, 'States of the recipient, separated by commas.') readonly state?: string;
}
