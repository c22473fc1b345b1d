import { IsOneOf, Optional } from '#http/fields';
import { ViewQuery } from '#http/paging';

export const resultFormats = ['ndjson', 'csv'] as const;
export type ResultFormat = (typeof resultFormats)[number];

export class BulkResultsQuery extends ViewQuery {
  @Optional()
  @IsOneOf(resultFormats, 'Format of the file. Default: `csv` if `Accept` names `text/csv`, otherwise `ndjson`.')
  readonly format?: ResultFormat;
}
