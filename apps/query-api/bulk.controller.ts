import { Controller, Get, Param, Query, StreamableFile } from '@nestjs/common';
import { stringify } from 'csv-stringify';
import { Readable } from 'node:stream';
import type { BulkJobResource } from '#domain/bulk/bulk.job';
import type { BulkResultResource } from '#domain/bulk/bulk.results';
import { Http, type HttpContext } from '#http/http-context';
import { IsOneOf, Optional } from '#http/fields';
import { ApiDownload, ApiGet } from '#http/openapi.decorators';
import { ViewQuery } from '#http/paging';
import { ViewReaders } from '#http/view-readers';
import { Authenticator, getHeader } from '#http/request';
import { bulkJobsView } from '#projections/bulk-jobs/bulk-jobs.projection';
import { loadJob, readResults } from '#projections/bulk-jobs/bulk-jobs.query';
import type { ViewReader } from '#read-model/view-store';
import { escapeFormula } from './export/cells.js';

const formats = ['ndjson', 'csv'] as const;
const mediaOf = { ndjson: 'application/x-ndjson', csv: 'text/csv; charset=utf-8; header=present' };

export class BulkResultsQuery extends ViewQuery {
  @Optional() @IsOneOf(formats) readonly format?: (typeof formats)[number];
}

@Controller('v1/bulk')
export class BulkQueriesController {
  constructor(
    private readonly reading: ViewReaders,
    private readonly door: Authenticator,
  ) {}

  @Get(':id')
  @ApiGet('How far a bulk is', 'BulkJob')
  async one(@Param('id') id: string, @Query() query: ViewQuery, @Http() http: HttpContext): Promise<object> {
    return (await this.found(id, query, http)).job;
  }

  /** Of a bulk that is not at its end: of the items carried out so far. */
  @Get(':id/results')
  @ApiDownload('What became of the items of a bulk', ['application/x-ndjson', 'text/csv'], ['not_found'])
  async results(
    @Param('id') id: string,
    @Query() query: BulkResultsQuery,
    @Http() http: HttpContext,
  ): Promise<StreamableFile> {
    const { reader, org, job } = await this.found(id, query, http);
    const format = query.format ?? (/\btext\/csv\b/.test(getHeader(http.request, 'accept') ?? '') ? 'csv' : 'ndjson');
    const results = readResults(reader, org, job);
    const file = format === 'csv' ? asCsv(results) : Readable.from(asNdjson(results));
    return new StreamableFile(file, {
      type: mediaOf[format],
      disposition: `attachment; filename="bulk-${job.id}.${format}"`,
    });
  }

  private async found(
    id: string,
    query: ViewQuery,
    http: HttpContext,
  ): Promise<{ reader: ViewReader; org: string; job: BulkJobResource }> {
    const { org } = this.door.identify(http.request);
    const reader = await this.reading.atLeast(bulkJobsView, query);
    const { checkpoint } = await reader.state();
    const job = await loadJob(reader, org, id);
    if (!job) throw await this.reading.notFound(http, reader, 'There is no such bulk.');
    this.reading.setPositionHeader(http, checkpoint);
    return { reader, org, job };
  }
}

async function* asNdjson(results: AsyncIterable<BulkResultResource>): AsyncGenerator<string> {
  for await (const result of results) yield `${JSON.stringify(result)}\n`;
}

async function* defusedOf(results: AsyncIterable<BulkResultResource>): AsyncGenerator<BulkResultResource> {
  for await (const result of results) yield { ...result, id: escapeFormula(result.id) };
}

/** As RFC 4180 has it, with a BOM, and nothing that a spreadsheet would run: an id is whatever the caller named. */
function asCsv(results: AsyncIterable<BulkResultResource>): Readable {
  const csv = stringify({
    header: true,
    columns: ['index', 'id', 'outcome', 'code', 'version'],
    bom: true,
    record_delimiter: 'windows',
  });
  return Readable.from(defusedOf(results)).compose(csv) as Readable;
}
