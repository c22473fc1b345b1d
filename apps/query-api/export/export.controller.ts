import { Readable } from 'node:stream';
import { Controller, Get, Query, StreamableFile } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { Handling } from '#commands/handle';
import { commandIdOf, exportStream } from '#commands/ids';
import { leadExport } from '#domain/export/export.decide';
import { EventStore } from '#event-store/event-store';
import { Http, type Exchange } from '#http/exchange';
import { leadFilterOf } from '#http/lead-filter';
import { Downloads } from '#http/openapi.decorators';
import { invalidInput, Problem } from '#http/problem';
import { Reading } from '#http/reading';
import { Authenticator, type Identity } from '#http/request';
import { leadList } from '#projections/lead-list/lead-list.projection';
import { countLeads, listLeads } from '#projections/lead-list/lead-list.query';
import type { ViewSnapshot } from '#read-model/view-store';
import { leadSortOf } from '../leads.requests.js';
import { csvOf } from './csv.js';
import { exportOf, ExportQuery, type ExportRequest } from './export.requests.js';
import { inAscii, type Leads, type Order } from './manifest.js';
import { ndjsonOf } from './ndjson.js';
import { allLeads, counted, patient, type Patience, some } from './source.js';
import { mostRows, xlsxOf } from './xlsx.js';

const media = {
  csv: 'text/csv',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  ndjson: 'application/x-ndjson',
} as const;

/** MongoDB keeps a moment for five minutes; SQLite keeps all that is written meanwhile in a file beside the view. */
const patience: Patience = { whole: 900_000, still: 60_000 };

@Controller('v1/leads/export')
export class LeadExportController {
  constructor(
    private readonly reading: Reading,
    private readonly door: Authenticator,
    private readonly clock: Clock,
    private readonly log: EventStore,
    private readonly handling: Handling,
  ) {}

  /** All that can be wrong is told before the first byte; an error later cuts the connection, so that no file looks whole. */
  @Get()
  @Downloads(
    'Leads as a file: CSV (its manifest is the trailer X-Export-Manifest), XLSX or NDJSON',
    Object.values(media),
  )
  async export(@Query() query: ExportQuery, @Http() http: Exchange): Promise<StreamableFile | undefined> {
    const identity = this.door.identify(http.request);
    const now = this.clock.now();
    const asked = exportOf(query, now);
    if (this.log.readOnly)
      throw new Problem(
        'unavailable',
        'Every export is recorded in the log, which this process opened for reading only: ask the process that writes it.',
      );
    const reader = await this.reading.upTo(leadList, query);
    if (http.request.method === 'HEAD') {
      this.head(http, asked, now, (await reader.state()).checkpoint);
      return undefined;
    }
    const snapshot = await reader.snapshot();
    try {
      const { count, leads } = await this.matching(snapshot, identity.org, asked);
      if (asked.format === 'xlsx' && count >= mostRows) throw tooManyRows(count);
      const order = { ...asked, exportId: commandIdOf(identity.org, null), count, createdAt: now };
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
    const filter = leadFilterOf(page.asked, page.now);
    const sort = leadSortOf(page.asked.sort);
    if (scope === 'page') {
      const { items } = await listLeads(snapshot, org, filter, { sort, ...page.slice });
      return { count: items.length, leads: some(items) };
    }
    return { count: await countLeads(snapshot, org, filter), leads: allLeads(snapshot, org, filter, sort) };
  }

  /** Durable before the first byte is sent. */
  private async record(order: Order, { org, actor }: Identity, { request }: Exchange): Promise<void> {
    const { exportId, scope, format, columns, timeZone, sort, filter, position, count, createdAt: now } = order;
    const valueOf = (name: string): string | null => filter.find((it) => it.name === name)?.value ?? null;
    const command = {
      type: 'RecordExport',
      ...{ exportId, scope, format, columns, timeZone, sort, position, count },
      filter: filter.filter(({ name }) => name !== 'q' && name !== 'contactId'),
      q: valueOf('q'),
      contactId: valueOf('contactId'),
    } as const;
    const envelope = { org, actor, commandId: exportId, request: null, now, backdated: false, expectedVersion: null };
    const traced = { ...envelope, correlation: request.id, causation: exportId };
    await this.handling.handle(leadExport, exportStream(org, exportId), command, traced, () => undefined);
  }

  private head({ reply }: Exchange, { format }: ExportRequest, now: string, position: string | null): void {
    const name = `leads-${now.replace(/\.\d+/, '').replace(/[-:]/g, '')}.${format}`;
    void reply
      .type(format === 'csv' ? `${media.csv}; charset=utf-8; header=present` : media[format])
      .header('content-disposition', `attachment; filename="${name}"`)
      .header('cache-control', 'no-store')
      .header('x-position', position ?? this.log.start);
  }

  /** The snapshot is closed with the stream, however that ends. */
  private stream(order: Order, found: Leads, snapshot: ViewSnapshot, { request, reply }: Exchange): Readable {
    const stop = (reason: Error): void => void stream.destroy(reason);
    const leads = patient(counted(found, order.count), patience, stop);
    const stream = this.written(order, leads, reply);
    stream.on('error', (err) => request.log.error({ err, exportId: order.exportId }, 'an export broke off'));
    stream.on('close', () => {
      snapshot.close().catch((err: unknown) => request.log.warn({ err }, 'a snapshot could not be closed'));
    });
    return stream;
  }

  private written(order: Order, leads: Leads, reply: Exchange['reply']): Readable {
    if (order.format === 'xlsx') return xlsxOf(order, leads);
    if (order.format === 'ndjson') return Readable.from(ndjsonOf(order, leads), { objectMode: false });
    let manifest = '';
    // Fastify asks for it when the body has ended well.
    reply.trailer('X-Export-Manifest', async () => manifest);
    return Readable.from(
      csvOf(order, leads, (whole) => (manifest = inAscii(whole))),
      { objectMode: false },
    );
  }
}

const tooManyRows = (count: number): Problem =>
  invalidInput({
    field: 'format',
    code: 'too_many',
    message: `xlsx holds ${mostRows - 1} leads at most, and ${count} match: ask for csv or ndjson`,
  });
