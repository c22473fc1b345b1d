import { exportFormats, exportScopes, type FilterParameter, type ExportFormat } from '#domain/export/export.events';
import { IsOneOf, IsListOfValues, splitList, Optional } from '#http/fields';
import { parsePageRequest, type PageRequest } from '#http/paging';
import { invalidInput } from '#http/problem';
import { validate } from '#http/validation';
import { LeadPageQuery, defaultSort } from '../leads.requests.js';
import { columnNames, defaultColumns, type ColumnName } from './columns.js';

/** Accepts the filters and the sort key of the list. Times are also written in `timeZone`. */
export class ExportQuery extends LeadPageQuery {
  @Optional()
  @IsOneOf(
    exportScopes,
    '`all` (default) exports every lead that matches, `page` only the page of `limit` and `cursor`.',
  )
  readonly scope?: (typeof exportScopes)[number];

  @Optional() @IsOneOf(exportFormats, 'Format of the file. Default: `csv`.') readonly format?: ExportFormat;

  @Optional()
  @IsListOfValues(columnNames, 'Columns, separated by commas. Default: the most common ones; whole leads in NDJSON.')
  readonly columns?: string;
}

export interface ExportRequest {
  readonly page: PageRequest<LeadPageQuery>;
  readonly scope: (typeof exportScopes)[number];
  readonly format: ExportFormat;
  readonly columns: readonly ColumnName[];
  readonly timeZone: string;
  readonly sort: string;
  readonly filter: readonly FilterParameter[];
}

/** Parameters that are not filters. */
const otherParameters: ReadonlySet<string> = new Set(['limit', 'cursor', 'after', 'wait', 'sort', 'timeZone']);

/** @throws Problem `validation_failed` */
export function parseExportRequest(query: ExportQuery, now: string): ExportRequest {
  const { scope = 'all', format = 'csv', columns, ...listQuery } = query;
  if (scope === 'all')
    for (const field of ['limit', 'cursor'] as const)
      if (listQuery[field] !== undefined)
        throw invalidInput({ field, code: 'not_allowed', message: 'is supported only with scope=page' });
  // A cursor fixes the time zone that determines what is due today. Times may be written in another zone.
  const { timeZone, ...withoutTimeZone } = listQuery;
  const pageParameters = Object.entries(listQuery.cursor === undefined ? listQuery : withoutTimeZone);
  const given = Object.fromEntries(pageParameters.filter(([, value]) => value !== undefined));
  const page = parsePageRequest(validate(LeadPageQuery, given), now);
  return {
    page,
    scope,
    format,
    columns: parseColumns(columns, format),
    timeZone: timeZone ?? page.query.timeZone ?? 'UTC',
    sort: page.query.sort ?? defaultSort,
    filter: toFilterParameters(page.query),
  };
}

function parseColumns(text: string | undefined, format: ExportFormat): readonly ColumnName[] {
  if (text !== undefined) return splitList(text) as readonly ColumnName[];
  return format === 'ndjson' ? [] : defaultColumns;
}

/** The time zone counts as a filter only if it determines what is due today. */
function toFilterParameters(query: LeadPageQuery): readonly FilterParameter[] {
  const due = query.followUpDue === 'today' ? { timeZone: query.timeZone ?? 'UTC' } : {};
  return Object.entries({ ...query, ...due })
    .filter(([name, value]) => value !== undefined && (!otherParameters.has(name) || name in due))
    .map(([name, value]) => ({ name, value: String(value) }));
}
