import { Controller, Get, Param, Query, StreamableFile } from '@nestjs/common';
import { stringify } from 'csv-stringify';
import { Readable } from 'node:stream';
import type { BulkJobResource, BulkResultResource } from '#resources/bulk.resource';
import { Http, type HttpContext } from '#http/http-context';
import { ApiDownload, ApiGet } from '#http/openapi.decorators';
import { ViewQuery } from '#http/paging';
import { Authenticator, getHeader } from '#http/request';
import { ViewReaders } from '#http/view-readers';
import { bulkJobsView } from '#projections/bulk-jobs/bulk-jobs.projection';
import { loadJob, readResults } from '#projections/bulk-jobs/bulk-jobs.query';
import type { ViewReader } from '#read-model/view-store';
import { BulkResultsQuery } from './bulk.requests.js';
import { bulkJobRef } from './bulk.responses.js';
import { escapeCsvText } from './export/cells.js';

const contentTypes = { ndjson: 'application/x-ndjson', csv: 'text/csv; charset=utf-8; header=present' };

@Controller('v1/bulk')
export class BulkQueriesController {
  constructor(
    private readonly views: ViewReaders,
    private readonly authenticator: Authenticator,
  ) {}

  @Get(':id')
  @ApiGet("Get a bulk job's progress", bulkJobRef)
  async one(@Param('id') id: string, @Query() query: ViewQuery, @Http() http: HttpContext): Promise<object> {
    return (await this.findJob(id, query, http)).job;
  }

  @Get(':id/results')
  @ApiDownload(
    {
      summary: "Download a bulk job's results",
      description: 'Returns one line per item. While the job is running, the file contains the items processed so far.',
    },
    ['application/x-ndjson', 'text/csv'],
    ['not_found'],
  )
  async results(
    @Param('id') id: string,
    @Query() query: BulkResultsQuery,
    @Http() http: HttpContext,
  ): Promise<StreamableFile> {
    const { reader, org, job } = await this.findJob(id, query, http);
    const acceptsCsv = /\btext\/csv\b/.test(getHeader(http.request, 'accept') ?? '');
    const format = query.format ?? (acceptsCsv ? 'csv' : 'ndjson');
    const results = readResults(reader, org, job);
    const file = format === 'csv' ? toCsv(results) : Readable.from(toNdjson(results));
    return new StreamableFile(file, {
      type: contentTypes[format],
      disposition: `attachment; filename="bulk-${job.id}.${format}"`,
    });
  }

  private async findJob(
    id: string,
    query: ViewQuery,
    http: HttpContext,
  ): Promise<{ reader: ViewReader; org: string; job: BulkJobResource }> {
    const { org } = this.authenticator.identify(http.request);
    const reader = await this.views.atLeast(bulkJobsView, query);
    const { checkpoint } = await reader.state();
    const job = await loadJob(reader, org, id);
    if (!job) throw await this.views.notFound(http, reader, 'There is no such bulk job.');
    this.views.setPositionHeader(http, checkpoint);
    return { reader, org, job };
  }
}

async function* toNdjson(results: AsyncIterable<BulkResultResource>): AsyncGenerator<string> {
  for await (const result of results) yield `${JSON.stringify(result)}\n`;
}

/** IDs are chosen by callers, so a spreadsheet could run one as a formula. */
async function* escapeIds(results: AsyncIterable<BulkResultResource>): AsyncGenerator<BulkResultResource> {
  for await (const result of results) yield { ...result, id: escapeCsvText(result.id) };
}

/** CSV as in RFC 4180, with a byte order mark. */
function toCsv(results: AsyncIterable<BulkResultResource>): Readable {
  const csv = stringify({
    header: true,
    columns: ['index', 'id', 'outcome', 'code', 'version'],
    bom: true,
    record_delimiter: 'windows',
    quoted_match: /[;\t]/,
  });
  return Readable.from(escapeIds(results)).compose(csv) as Readable;
}
