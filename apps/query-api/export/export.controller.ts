import { Readable } from 'node:stream';
import { Controller, Get, Query, StreamableFile } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { DeciderService } from '#commands/decider-service';
import { createCommandId, exportStream } from '#commands/ids';
import { leadExportDecider } from '#domain/export/export.decide';
import { EventStore } from '#event-store/event-store';
import { Http, type HttpContext } from '#http/http-context';
import { toLeadFilter } from '#http/lead-filter';
import { ApiDownload } from '#http/openapi.decorators';
import { invalidInput, Problem } from '#http/problem';
import { ViewReaders } from '#http/view-readers';
import { Authenticator, type Identity } from '#http/request';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { countLeads, listLeads } from '#projections/lead-list/lead-list.query';
import type { ViewSnapshot } from '#read-model/view-store';
import { parseLeadSort } from '../leads.requests.js';
import { writeCsv } from './csv.js';
import { parseExportRequest, ExportQuery, type ExportRequest } from './export.requests.js';
import { toAsciiJson, type LeadBatches, type ExportSpec } from './manifest.js';
import { writeNdjson } from './ndjson.js';
import { readAllLeads, requireCount, withExportDeadlines, type ExportDeadlines, chunkLeads } from './source.js';
import { maxRows, writeXlsx } from './xlsx.js';

const media = {
  csv: 'text/csv',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  ndjson: 'application/x-ndjson',
} as const;

/** MongoDB keeps a moment for five minutes; SQLite keeps all that is written meanwhile in a file beside the view. */
const patience: ExportDeadlines = { totalMs: 900_000, idleMs: 60_000 };

@Controller('v1/leads/export')
export class LeadExportController {
  constructor(
    private readonly reading: ViewReaders,
    private readonly door: Authenticator,
    private readonly clock: Clock,
    private readonly log: EventStore,
    private readonly handling: DeciderService,
  ) {}

  /** All that can be wrong is told before the first byte; an error later cuts the connection, so that no file looks whole. */
  @Get()
  @ApiDownload(
    'Leads as a file: CSV (its manifest is the trailer X-Export-Manifest), XLSX or NDJSON',
    Object.values(media),
  )
  async export(@Query() query: ExportQuery, @Http() http: HttpContext): Promise<StreamableFile | undefined> {
    const identity = this.door.identify(http.request);
    const now = this.clock.now();
    const asked = parseExportRequest(query, now);
    if (this.log.readOnly)
      throw new Problem(
        'unavailable',
        'Every export is recorded in the log, which this process opened for reading only: ask the process that writes it.',
      );
    const reader = await this.reading.atLeast(leadListView, query);
    if (http.request.method === 'HEAD') {
      this.head(http, asked, now, (await reader.state()).checkpoint);
      return undefined;
    }
    const snapshot = await reader.snapshot();
    try {
      const { count, leads } = await this.matching(snapshot, identity.org, asked);
      if (asked.format === 'xlsx' && count >= maxRows) throw tooManyRows(count);
      const order = { ...asked, exportId: createCommandId(identity.org, null), count, createdAt: now };
      const position = snapshot.checkpoint ?? this.log.start;
      await this.record({ ...order, position }, identity, http);
      this.head(http, asked, now, position);
      return new StreamableFile(this.stream({ ...order, position }, leads, snapshot, http));
    } catch (error) {
      await snapshot.close();
      throw error;
    }
  }

  private async matching(snapshot: ViewSnapshot, org: string, { page, scope }: ExportRequest) {
    const filter = toLeadFilter(page.query, page.now);
    const sort = parseLeadSort(page.query.sort);
    if (scope === 'page') {
      const { items } = await listLeads(snapshot, org, filter, { sort, ...page.slice });
      return { count: items.length, leads: chunkLeads(items) };
    }
    return { count: await countLeads(snapshot, org, filter), leads: readAllLeads(snapshot, org, filter, sort) };
  }

  /** Durable before the first byte is sent. */
  private async record(order: ExportSpec, { org, actor }: Identity, { request }: HttpContext): Promise<void> {
    const { exportId, scope, format, columns, timeZone, sort, filter, position, count, createdAt: now } = order;
    const valueOf = (name: string): string | null => filter.find((it) => it.name === name)?.value ?? null;
    const command = {
      type: 'RecordExport',
      ...{ exportId, scope, format, columns, timeZone, sort, position, count },
      filter: filter.filter(({ name }) => name !== 'q' && name !== 'contactId'),
      q: valueOf('q'),
      contactId: valueOf('contactId'),
    } as const;
    const envelope = {
      org,
      actor,
      commandId: exportId,
      requestHash: null,
      now,
      backdated: false,
      expectedVersion: null,
    };
    const traced = { ...envelope, correlation: request.id, causation: exportId };
    await this.handling.handle(leadExportDecider, exportStream(org, exportId), command, traced, () => undefined);
  }

  private head({ reply }: HttpContext, { format }: ExportRequest, now: string, position: string | null): void {
    const name = `leads-${now.replace(/\.\d+/, '').replace(/[-:]/g, '')}.${format}`;
    void reply
      .type(format === 'csv' ? `${media.csv}; charset=utf-8; header=present` : media[format])
      .header('content-disposition', `attachment; filename="${name}"`)
      .header('cache-control', 'no-store')
      .header('x-position', position ?? this.log.start);
  }

  /** The snapshot is closed with the stream, however that ends. */
  private stream(
    order: ExportSpec,
    found: LeadBatches,
    snapshot: ViewSnapshot,
    { request, reply }: HttpContext,
  ): Readable {
    const stop = (reason: Error): void => void stream.destroy(reason);
    const leads = withExportDeadlines(requireCount(found, order.count), patience, stop);
    const stream = this.written(order, leads, reply);
    stream.on('error', (err) => request.log.error({ err, exportId: order.exportId }, 'an export broke off'));
    stream.on('close', () => {
      snapshot.close().catch((err: unknown) => request.log.warn({ err }, 'a snapshot could not be closed'));
    });
    return stream;
  }

  private written(order: ExportSpec, leads: LeadBatches, reply: HttpContext['reply']): Readable {
    if (order.format === 'xlsx') return writeXlsx(order, leads);
    if (order.format === 'ndjson') return Readable.from(writeNdjson(order, leads), { objectMode: false });
    let manifest = '';
    // Fastify asks for it when the body has ended well.
    reply.trailer('X-Export-Manifest', async () => manifest);
    return Readable.from(
      writeCsv(order, leads, (whole) => (manifest = toAsciiJson(whole))),
      { objectMode: false },
    );
  }
}

const tooManyRows = (count: number): Problem =>
  invalidInput({
    field: 'format',
    code: 'too_many',
    message: `xlsx holds ${maxRows - 1} leads at most, and ${count} match: ask for csv or ndjson`,
  });
