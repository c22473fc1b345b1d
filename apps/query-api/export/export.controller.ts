import { Readable } from 'node:stream';
import { Controller, Get, Query, StreamableFile } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { Clock } from '#commands/clock';
import { DeciderService } from '#commands/decider-service';
import { createCommandId, exportStream } from '#commands/ids';
import { leadExportDecider } from '#domain/export/export.decide';
import { EventStore } from '#event-store/event-store';
import { Http, type HttpContext } from '#http/http-context';
import { ApiDownload } from '#http/openapi.decorators';
import { invalidInput, Problem } from '#http/problem';
import { Authenticator, type Identity } from '#http/request';
import { toLeadFilter } from '#http/resources/lead-filter';
import { ViewReaders } from '#http/view-readers';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { countLeads, listLeads } from '#projections/lead-list/lead-list.query';
import type { ViewSnapshot } from '#read-model/view-store';
import { parseLeadSort } from '../leads.requests.js';
import { writeCsv } from './csv.js';
import { parseExportRequest, ExportQuery, type ExportRequest } from './export.requests.js';
import { toAsciiJson, type LeadBatches, type ExportSpec } from './manifest.js';
import { writeNdjson } from './ndjson.js';
import { readAllLeads, requireCount, withExportDeadlines, type ExportDeadlines, chunkLeads } from './lead-batches.js';
import { maxRows, writeXlsx } from './xlsx.js';

const mediaTypes = {
  csv: 'text/csv',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  ndjson: 'application/x-ndjson',
} as const;

/**
 * An export reads a snapshot. While it is open, SQLite keeps everything that is written in the view's write-ahead log. MongoDB ends a
 * snapshot after five minutes.
 */
const deadlines: ExportDeadlines = { totalMs: 900_000, idleMs: 60_000 };

@Controller('v1/leads/export')
export class LeadExportController {
  constructor(
    private readonly views: ViewReaders,
    private readonly authenticator: Authenticator,
    private readonly clock: Clock,
    private readonly log: EventStore,
    private readonly deciders: DeciderService,
  ) {}

  /** An error after the first byte closes the connection, so that no incomplete file looks complete. */
  @Get()
  @ApiDownload(
    {
      summary: 'Export leads',
      description:
        'Returns leads as a CSV, XLSX or NDJSON file, with the filters and the sort key of the list. Use the manifest to verify that the file is complete: it is the trailer `X-Export-Manifest` of CSV, the second sheet of XLSX and the last line of NDJSON.',
    },
    Object.values(mediaTypes),
  )
  // It records an event, so a link or an image on a page of another site must not start it.
  @RouteConfig({ changesState: true })
  async export(@Query() query: ExportQuery, @Http() http: HttpContext): Promise<StreamableFile | undefined> {
    const identity = this.authenticator.identify(http.request);
    const now = this.clock.now();
    const exportRequest = parseExportRequest(query, now);
    if (this.log.readOnly)
      throw new Problem(
        'unavailable',
        'Exports are recorded in the log, which this process opened read-only. Send the request to the process that writes the log.',
      );
    const reader = await this.views.atLeast(leadListView, query);
    if (http.request.method === 'HEAD') {
      this.setHeaders(http, exportRequest, now, (await reader.state()).checkpoint);
      return undefined;
    }
    const snapshot = await reader.snapshot();
    try {
      const { count, leads } = await this.findLeads(snapshot, identity.org, exportRequest);
      if (exportRequest.format === 'xlsx' && count >= maxRows) throw tooManyRows(count);
      const position = snapshot.checkpoint ?? this.log.start;
      const exportId = createCommandId(identity.org, null);
      const spec: ExportSpec = { ...exportRequest, exportId, count, createdAt: now, position };
      await this.record(spec, identity, http);
      this.setHeaders(http, exportRequest, now, position);
      return new StreamableFile(this.createStream(spec, leads, snapshot, http));
    } catch (error) {
      await snapshot.close();
      throw error;
    }
  }

  private async findLeads(
    snapshot: ViewSnapshot,
    org: string,
    { page, scope }: ExportRequest,
  ): Promise<{ readonly count: number; readonly leads: LeadBatches }> {
    const filter = toLeadFilter(page.query, page.now);
    const sort = parseLeadSort(page.query.sort);
    if (scope === 'page') {
      const { items } = await listLeads(snapshot, org, filter, { sort, ...page.slice });
      return { count: items.length, leads: chunkLeads(items) };
    }
    return { count: await countLeads(snapshot, org, filter), leads: readAllLeads(snapshot, org, filter, sort) };
  }

  /** Records the export durably before the first byte is sent. */
  private async record(spec: ExportSpec, { org, actor }: Identity, { request }: HttpContext): Promise<void> {
    const { exportId, scope, format, columns, timeZone, sort, filter, position, count, createdAt } = spec;
    const valueOf = (name: string): string | null => filter.find((parameter) => parameter.name === name)?.value ?? null;
    const command = {
      type: 'RecordExport',
      exportId,
      scope,
      format,
      columns,
      timeZone,
      sort,
      position,
      count,
      filter: filter.filter(({ name }) => name !== 'q' && name !== 'contactId'),
      q: valueOf('q'),
      contactId: valueOf('contactId'),
    } as const;
    const context = {
      org,
      actor,
      commandId: exportId,
      requestHash: null,
      now: createdAt,
      backdated: false,
      correlation: request.id,
      causation: exportId,
      expectedVersion: null,
    };
    await this.deciders.handle(leadExportDecider, exportStream(org, exportId), command, context, () => undefined);
  }

  private setHeaders({ reply }: HttpContext, { format }: ExportRequest, now: string, position: string | null): void {
    const timestamp = now.replace(/\.\d+/, '').replace(/[-:]/g, '');
    void reply
      .type(format === 'csv' ? `${mediaTypes.csv}; charset=utf-8; header=present` : mediaTypes[format])
      .header('content-disposition', `attachment; filename="leads-${timestamp}.${format}"`)
      .header('cache-control', 'no-store')
      .header('x-position', position ?? this.log.start);
  }

  /** Closes the snapshot when the stream ends, for any reason. */
  private createStream(
    spec: ExportSpec,
    leads: LeadBatches,
    snapshot: ViewSnapshot,
    { request, reply }: HttpContext,
  ): Readable {
    const stop = (reason: Error): void => void stream.destroy(reason);
    const guardedLeads = withExportDeadlines(requireCount(leads, spec.count), deadlines, stop);
    const stream = this.writeFile(spec, guardedLeads, reply);
    stream.on('error', (err) => request.log.error({ err, exportId: spec.exportId }, 'export failed'));
    stream.on('close', () => {
      snapshot.close().catch((err: unknown) => request.log.warn({ err }, 'failed to close a snapshot'));
    });
    return stream;
  }

  private writeFile(spec: ExportSpec, leads: LeadBatches, reply: HttpContext['reply']): Readable {
    if (spec.format === 'xlsx') return writeXlsx(spec, leads);
    if (spec.format === 'ndjson') return Readable.from(writeNdjson(spec, leads), { objectMode: false });
    let trailer = '';
    // Fastify reads the trailer after the body has ended without an error.
    reply.trailer('X-Export-Manifest', async () => trailer);
    const csv = writeCsv(spec, leads, (manifest) => {
      trailer = toAsciiJson(manifest);
    });
    return Readable.from(csv, { objectMode: false });
  }
}

const tooManyRows = (count: number): Problem =>
  invalidInput({
    field: 'format',
    code: 'too_many',
    message: `must be csv or ndjson: xlsx holds at most ${maxRows - 1} leads, and ${count} match`,
  });
