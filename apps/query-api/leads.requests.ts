import { IntersectionType } from '@nestjs/swagger';
import { IsSortKey, IsBooleanText, Optional } from '#http/fields';
import { LeadFilterRequest } from '#http/lead-filter';
import { type ListQuery, PageQuery } from '#http/paging';
import { leadSorts, type LeadSort } from '#projections/lead-list/lead-list.query';

export const defaultSort = '-createdAt';

/** Which leads, in which order. */
export class LeadPageQuery extends IntersectionType(PageQuery, LeadFilterRequest) {
  @Optional() @IsSortKey(leadSorts, defaultSort) readonly sort?: string;
}

export class LeadsQuery extends LeadPageQuery implements ListQuery {
  @Optional() @IsBooleanText('Whether to tell the total.') readonly count?: string;
}

/** `key` ascending, `-key` descending. */
export function parseLeadSort(text = defaultSort): { readonly column: LeadSort; readonly descending: boolean } {
  return { column: text.replace(/^-/, '') as LeadSort, descending: text.startsWith('-') };
}
