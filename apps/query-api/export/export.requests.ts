import { exportFormats, exportScopes, type FilterParameter, type ExportFormat } from '#domain/export/export.events';
import { IsOneOf, IsListOfValues, splitList, Optional } from '#http/fields';
import { parsePageRequest, type PageRequest } from '#http/paging';
import { invalidInput } from '#http/problem';
import { validate } from '#http/validation';
import { LeadPageQuery, defaultSort } from '../leads.requests.js';
import { columnNames, defaultColumns, type ColumnName } from './columns.js';

/** The filters and the sort of the list; `timeZone` is also the one in which times are told. */
export class ExportQuery extends LeadPageQuery {
  @Optional() @IsOneOf(exportScopes) readonly scope?: (typeof exportScopes)[number];
  @Optional() @IsOneOf(exportFormats) readonly format?: ExportFormat;
  @Optional() @IsListOfValues(columnNames) readonly columns?: string;
}

/** What an export asks of the list, and how it is to be told. */
export interface ExportRequest {
  readonly page: PageRequest<LeadPageQuery>;
  readonly scope: (typeof exportScopes)[number];
  readonly format: ExportFormat;
  readonly columns: readonly ColumnName[];
  readonly timeZone: string;
  readonly sort: string;
  readonly filter: readonly FilterParameter[];
}

/** Not a filter: said elsewhere. */
const apart: ReadonlySet<string> = new Set(['limit', 'cursor', 'after', 'wait', 'sort', 'timeZone']);

/**
 * Everything that matches as CSV, unless asked otherwise. NDJSON has whole leads unless columns are asked for.
 * @throws Problem validation_failed
 */
export function parseExportRequest(query: ExportQuery, now: string): ExportRequest {
  const { scope = 'all', format = 'csv', columns, ...list } = query;
  for (const field of scope === 'all' ? (['limit', 'cursor'] as const) : [])
    if (list[field] !== undefined)
      throw invalidInput({ field, code: 'not_allowed', message: 'goes with scope=page alone' });
  // The zone of a cursor tells what was due; times may be told in another one.
  const { timeZone, ...zoneless } = list;
  const asked = list.cursor === undefined ? list : zoneless;
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  const page = parsePageRequest(validate(LeadPageQuery, given), now);
  const usual = format === 'ndjson' ? [] : defaultColumns;
  const due = page.query.followUpDue === 'today' ? { timeZone: page.query.timeZone ?? 'UTC' } : {};
  const filter = Object.entries({ ...page.query, ...due })
    .filter(([name, value]) => value !== undefined && (!apart.has(name) || name in due))
    .map(([name, value]) => ({ name, value: String(value) }));
  return {
    page,
    scope,
    format,
    columns: columns === undefined ? usual : (splitList(columns) as readonly ColumnName[]),
    timeZone: timeZone ?? page.query.timeZone ?? 'UTC',
    sort: page.query.sort ?? defaultSort,
    filter,
  };
}
