import { Controller, Get, Param, Query, StreamableFile } from '@nestjs/common';
import { stringify } from 'csv-stringify';
import { Readable } from 'node:stream';
import type { ShownJob } from '#domain/bulk/bulk.job';
import type { ShownResult } from '#domain/bulk/bulk.results';
import { Http, type Exchange } from '#http/exchange';
import { IsOneOf, Optional } from '#http/fields';
import { Downloads, Shows } from '#http/openapi.decorators';
import { ViewQuery } from '#http/paging';
import { Reading } from '#http/reading';
import { Authenticator, headerOf } from '#http/request';
import { bulkJobs } from '#projections/bulk-jobs/bulk-jobs.projection';
import { oneJob, resultsOf } from '#projections/bulk-jobs/bulk-jobs.query';
import type { ViewReader } from '#read-model/view-store';
import { defused } from './export/cells.js';

const formats = ['ndjson', 'csv'] as const;
const mediaOf = { ndjson: 'application/x-ndjson', csv: 'text/csv; charset=utf-8; header=present' };

export class BulkResultsQuery extends ViewQuery {
  @Optional() @IsOneOf(formats) readonly format?: (typeof formats)[number];
}

@Controller('v1/bulk')
export class BulkQueriesController {
  constructor(
    private readonly reading: Reading,
    private readonly door: Authenticator,
  ) {}

  @Get(':id')
  @Shows('How far a bulk is', 'BulkJob')
  async one(@Param('id') id: string, @Query() query: ViewQuery, @Http() http: Exchange): Promise<object> {
    return (await this.found(id, query, http)).job;
  }

  /** Of a bulk that is not at its end: of the items carried out so far. */
  @Get(':id/results')
  @Downloads('What became of the items of a bulk', ['application/x-ndjson', 'text/csv'], ['not_found'])
  async results(
    @Param('id') id: string,
    @Query() query: BulkResultsQuery,
    @Http() http: Exchange,
  ): Promise<StreamableFile> {
    const { reader, org, job } = await this.found(id, query, http);
    const format = query.format ?? (/\btext\/csv\b/.test(headerOf(http.request, 'accept') ?? '') ? 'csv' : 'ndjson');
    const results = resultsOf(reader, org, job);
    const file = format === 'csv' ? asCsv(results) : Readable.from(asNdjson(results));
    return new StreamableFile(file, {
      type: mediaOf[format],
      disposition: `attachment; filename="bulk-${job.id}.${format}"`,
    });
  }

  private async found(
    id: string,
    query: ViewQuery,
    http: Exchange,
  ): Promise<{ reader: ViewReader; org: string; job: ShownJob }> {
    const { org } = this.door.identify(http.request);
    const reader = await this.reading.upTo(bulkJobs, query);
    const { checkpoint } = await reader.state();
    const job = await oneJob(reader, org, id);
    if (!job) throw await this.reading.missing(http, reader, 'There is no such bulk.');
    this.reading.tell(http, checkpoint);
    return { reader, org, job };
  }
}

async function* asNdjson(results: AsyncIterable<ShownResult>): AsyncGenerator<string> {
  for await (const result of results) yield `${JSON.stringify(result)}\n`;
}

async function* defusedOf(results: AsyncIterable<ShownResult>): AsyncGenerator<ShownResult> {
  for await (const result of results) yield { ...result, id: defused(result.id) };
}

/** As RFC 4180 has it, with a BOM, and nothing that a spreadsheet would run: an id is whatever the caller named. */
function asCsv(results: AsyncIterable<ShownResult>): Readable {
  const csv = stringify({
    header: true,
    columns: ['index', 'id', 'outcome', 'code', 'version'],
    bom: true,
    record_delimiter: 'windows',
  });
  return Readable.from(defusedOf(results)).compose(csv) as Readable;
}
