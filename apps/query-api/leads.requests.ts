import { IntersectionType } from '@nestjs/swagger';
import { IsPlainText, IsSortKey, IsBooleanText, Optional } from '#http/fields';
import { type ListQuery, PageQuery, ViewQuery } from '#http/paging';
import { LeadFilterRequest } from '#http/resources/lead-filter';
import { leadSorts, type LeadSort } from '#projections/lead-list/lead-list.query';

export const defaultSort = '-createdAt';

/** A page of leads, without the option to count them. */
export class LeadPageQuery extends IntersectionType(PageQuery, LeadFilterRequest) {
  @Optional()
  @IsSortKey(
    leadSorts,
    defaultSort,
    'Sort key; a leading `-` means descending. Null values sort last in both directions.',
  )
  readonly sort?: string;
}

export class LeadsQuery extends LeadPageQuery implements ListQuery {
  @Optional() @IsBooleanText('Whether to return the total number of items as `total`.') readonly count?: string;
}

export class LeadQuery extends ViewQuery {
  @Optional()
  @IsPlainText('Timestamp or log position. Returns the lead as it was then.')
  readonly asOf?: string;
}

export function parseLeadSort(text = defaultSort): { readonly column: LeadSort; readonly descending: boolean } {
  return { column: text.replace(/^-/, '') as LeadSort, descending: text.startsWith('-') };
}
