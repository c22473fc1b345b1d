import { IsBooleanText, Optional } from '#http/fields';
import { ListQuery } from '#http/paging';

export class AgentsQuery extends ListQuery {
  @Optional() @IsBooleanText('Whether the agent is active.') readonly active?: string;
}
