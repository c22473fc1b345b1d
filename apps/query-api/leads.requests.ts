import { IntersectionType } from '@nestjs/swagger';
import { IsSort, IsYesOrNo, Optional } from '#http/fields';
import { LeadFilterRequest } from '#http/lead-filter';
import { type ListQuery, PageQuery } from '#http/paging';
import { leadSorts, type LeadSort } from '#projections/lead-list/lead-list.query';

export const usualSort = '-createdAt';

/** Which leads, in which order. */
export class LeadPageQuery extends IntersectionType(PageQuery, LeadFilterRequest) {
  @Optional() @IsSort(leadSorts, usualSort) readonly sort?: string;
}

export class LeadsQuery extends LeadPageQuery implements ListQuery {
  @Optional() @IsYesOrNo('Whether to tell the total.') readonly count?: string;
}

/** `key` ascending, `-key` descending. */
export function leadSortOf(text = usualSort): { readonly column: LeadSort; readonly descending: boolean } {
  return { column: text.replace(/^-/, '') as LeadSort, descending: text.startsWith('-') };
}
