import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import type { StoredEvent } from '#domain/event-envelope';
import { openLogFile } from '#event-store/sqlite/log-file';
import { views } from '#projections/index';
import { leadHistoryView } from '#projections/lead-history/lead-history.projection';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { lineChart } from './chart.js';
import { buildViews, datasetEnd, logFile, org, viewFile, viewsFolder } from './dataset.js';
import { type RunQuery, measureQueries } from './latency-summary.js';
import { startQueryApi } from './list-reader.js';
import { idKey } from './contact-generator.js';
import type { LoadClient } from './load-client.js';
import { median, measureRate } from './measure.js';
import type { BenchOptions } from './options.js';
import {
  type ListParams,
  filterParams,
  type KnownLead,
  type BenchQuery,
  searchParams,
  sortOrders,
} from './bench-queries.js';
import {
  type Bench,
  formatMegabytes,
  formatMs,
  type ReportProgress,
  markdownTable,
  formatRatio,
  formatInteger,
} from './report.js';
import { prepareLog } from './prepare-dataset.js';
import { BenchService } from './bench-service.js';

const goalMs = 100;
const pageSize = 50;
const deepPage = 1_000;

interface ListedLead extends KnownLead {
  readonly id: string;
  readonly contact: Omit<KnownLead, 'contactId'>;
}
interface LeadPage {
  readonly items: readonly ListedLead[];
  readonly nextCursor: string | null;
}

interface GrowthResult {
  readonly leads: number;
  /** Formatted figures by label, in the order of the report. */
  readonly figures: ReadonlyMap<string, string>;
  readonly latencies: ReadonlyMap<string, { readonly p50: number; readonly p95: number }>;
}

export const growth: Bench = {
  name: 'growth',
  description: 'lists, histories, rebuilds, disk and memory as the log grows',
  async run(options, report) {
    const sizes = options.sizes('leads', options.names.includes('growth') ? [10_000, 100_000] : [10_000]);
    const measured: GrowthResult[] = [];
    for (const leads of sizes) measured.push(await measureSize(leads, options, report));
    const results = measured.toSorted((a, b) => a.leads - b.leads);

    const head = ['', ...results.map(({ leads }) => `${formatInteger(leads)} leads`)];
    const tableOf = (labels: readonly string[], read: (result: GrowthResult, label: string) => string | undefined) =>
      markdownTable(
        head,
        labels.map((label) => [label, ...results.map((result) => read(result, label) ?? '–')]),
      );
    const queries = [...new Set(results.flatMap(({ latencies }) => [...latencies.keys()]))];
    const figures = tableOf([...results[0]!.figures.keys()], (result, label) => result.figures.get(label));
    const latencies = tableOf(queries, (result, label) => {
      const latency = result.latencies.get(label);
      return latency && `${formatMs(latency.p50)} / ${formatMs(latency.p95)}`;
    });
    const p95Points = (query: string) =>
      results.flatMap((result) => {
        const latency = result.latencies.get(query);
        return latency ? [[result.leads, latency.p95] as const] : [];
      });
    const chart = lineChart('Latency as the log grows', [
      {
        title: 'p95, ms, by number of leads',
        xLabel: 'leads',
        series: ['Filter: all', 'Search: all', 'Deep page: all', 'Lead: history'].map((name) => ({
          name,
          points: p95Points(name),
        })),
      },
    ]);
    const missed = results.flatMap((result) =>
      [...result.latencies]
        .filter(([, { p95 }]) => !(p95 < goalMs))
        .map(([query, { p95 }]) => `${query} with ${formatInteger(result.leads)} leads: p95 ${formatMs(p95)}`),
    );
    const method =
      'Latency over HTTP, one query after another: p50 / p95 over all queries of a kind. Each query ran three times; its median counts.';
    const text = `${figures}\n\n${method}\n\n${latencies}`;
    // A line needs two points.
    const charts = results.length > 1 ? { charts: { '': chart } } : {};
    return { text, missed, ...charts };
  },
};

async function measureSize(leads: number, options: BenchOptions, report: ReportProgress): Promise<GrowthResult> {
  const eventsPerLead = options.size('events-per-lead', 20);
  const folder = options.folderFor(leads, eventsPerLead);
  const log = await prepareLog(options, leads, eventsPerLead, report);
  const figures = new Map<string, string>();
  // A million leads take hours, so each figure is also reported immediately.
  const addFigure = (label: string, figure: string): void => {
    figures.set(label, figure);
    report(`${label}: ${figure}`);
  };
  addFigure('Events', formatInteger(log.events));
  addFigure('Log on disk', `${formatMegabytes(log.bytes)}, ${formatInteger(log.bytes / log.events)} bytes per event`);
  addFigure('Append through the port, events per second', formatInteger(log.events / log.seconds));
  const parseRate = await measureRate(async () => readAndParse(logFile(folder)));
  addFigure('Read and parse only, events per second', formatInteger(parseRate));
  const comparedWithParsing = (rate: number): string =>
    `${formatInteger(rate)} (${formatRatio(rate / parseRate)} of parsing)`;
  const removeViews = (): void => rmSync(viewsFolder(folder), { recursive: true, force: true });
  removeViews();
  const writeRate = await measureRate(async () => writeToPlainTable(logFile(folder), `${logFile(folder)}.written`));
  addFigure('Read, parse and write to a plain table, events per second', comparedWithParsing(writeRate));
  const measureBuild = async (label: string, rssMiB: () => number, build: () => Promise<unknown>): Promise<void> => {
    const since = performance.now();
    const memory = await memoryDuring(rssMiB, build);
    const seconds = (performance.now() - since) / 1_000;
    addFigure(`${label}, events per second`, comparedWithParsing(log.events / seconds));
    addFigure(`${label}, seconds`, formatInteger(seconds));
    addFigure(`${label}, memory in the first and last tenth`, memory);
  };
  await measureBuild(
    'Build list and history only',
    () => process.memoryUsage.rss() / 2 ** 20,
    () => buildViews(folder, [leadListView, leadHistoryView]),
  );
  const queryApi = await startQueryApi(folder);
  const latencies = await measureLatencies(queryApi.client);
  for (const [query, { p50, p95 }] of latencies) report(`${query}: ${formatMs(p50)} / ${formatMs(p95)}`);
  addFigure('Memory of query-api after all queries', `${formatInteger(queryApi.program.memoryMiB())} MiB`);
  await queryApi.stop();
  removeViews();
  const service = await BenchService.start(1, { DATA_DIR: folder, ID_KEY: idKey });
  await measureBuild(
    `Build all ${views.length} views`,
    () => service.program.memoryMiB(),
    () => service.waitUntilCaughtUp(),
  );
  await service.stop();
  for (const view of views) {
    const bytes = sizeOf(viewsFolder(folder), viewFile(folder, view));
    addFigure(`View ${view.name}`, `${formatMegabytes(bytes)}, ${formatInteger(bytes / log.leads)} bytes per lead`);
  }
  return { leads, latencies, figures };
}

/** Runs the work and returns the median memory of its first and last tenth, and the peak. */
async function memoryDuring(rssMiB: () => number, work: () => Promise<unknown>): Promise<string> {
  const samples: number[] = [];
  const sampler = setInterval(() => samples.push(rssMiB()), 100);
  await work();
  clearInterval(sampler);
  const tenth = Math.ceil(samples.length / 10);
  const [first, last] = [median(samples.slice(0, tenth)), median(samples.slice(-tenth))];
  return `${formatInteger(first)} and ${formatInteger(last)} MiB, peak ${formatInteger(Math.max(...samples))}`;
}

interface ReadEvent {
  readonly position: number;
  readonly event: StoredEvent;
}

/** The minimum work of a rebuild. Stops when `usePage` returns false. Returns the number of events read. */
function readAndParse(file: string, usePage: (events: readonly ReadEvent[]) => boolean = () => true): number {
  const log = openLogFile({ file, readOnly: true });
  const page = log.db.prepare('SELECT position, body FROM events WHERE position > ? ORDER BY position LIMIT 1000');
  let count = 0;
  for (let after = 0, hasMore = true; hasMore;) {
    const rows = page.all(after) as { position: number; body: string }[];
    const events = rows.map(({ position, body }) => ({ position, event: JSON.parse(body) as StoredEvent }));
    count += events.filter(({ event }) => event.org === org).length;
    after = rows.at(-1)?.position ?? after;
    hasMore = rows.length > 0 && usePage(events);
  }
  log.close();
  return count;
}

/**
 * The minimum work of a view that stores every event, such as the history: a row for each of the first million events, with two
 * indexes.
 */
function writeToPlainTable(from: string, to: string): number {
  const remove = (): void => ['', '-wal', '-shm'].forEach((suffix) => rmSync(to + suffix, { force: true }));
  remove();
  const db = new DatabaseSync(to);
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE rows (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, correlation TEXT, at TEXT, body TEXT) STRICT;
  `);
  const insert = db.prepare('INSERT INTO rows (key, correlation, at, body) VALUES (?, ?, ?, ?)');
  let [uncommitted, written] = [0, 0];
  db.exec('BEGIN');
  const count = readAndParse(from, (events) => {
    for (const { position, event } of events)
      insert.run(`${position}`.padStart(19, '0'), event.meta.correlation, event.meta.occurredAt, JSON.stringify(event));
    written += events.length;
    uncommitted += events.length;
    if (uncommitted >= 8_000) {
      db.exec('COMMIT; BEGIN');
      uncommitted = 0;
    }
    return written < 1_000_000;
  });
  db.exec('COMMIT; CREATE INDEX rows_by_correlation ON rows (correlation, at)');
  db.close();
  remove();
  return count;
}

const sizeOf = (folder: string, file: string): number =>
  readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => path === file || path.startsWith(`${file}-`))
    .reduce((sum, path) => sum + statSync(path).size, 0);

async function measureLatencies(client: LoadClient): Promise<GrowthResult['latencies']> {
  const list = (params: ListParams): Promise<LeadPage> =>
    client.get(`/v1/leads?${new URLSearchParams(params).toString()}`);
  const { items } = await list({ limit: '200', sort: 'updatedAt' });
  // Every fourth lead, because adjacent leads are similar.
  const known = items.filter((_, index) => index % 4 === 0).map((lead) => ({ ...lead, ...lead.contact }));
  const [filters, searches] = [filterParams(datasetEnd, known), searchParams(known)];
  const firstPages = (
    kinds: Readonly<Record<string, readonly ListParams[]>>,
    included = Object.keys(kinds),
  ): readonly BenchQuery[] =>
    included.flatMap((kind) => (kinds[kind] ?? []).map((params) => ({ kind, params, isDeepPage: false })));
  const readFirstPage: RunQuery = ({ params }) => list(params);
  const leadQueries = (kind: string): readonly BenchQuery[] =>
    known.map(({ id }) => ({ kind, params: { id }, isDeepPage: false }));

  const cursors = new Map<string, ListParams>();
  for (const sort of ['createdAt', '-createdAt', 'name', '-updatedAt'])
    cursors.set(sort, await cursorOfDeepPage(sort, list));
  const readDeepPage: RunQuery = ({ params }) => list({ ...params, ...cursors.get(params['sort']!) });
  const summaries = [
    await measureQueries('Filter', goalMs, firstPages(filters), readFirstPage),
    await measureQueries(
      'Sort',
      goalMs,
      sortOrders.map((sort) => ({ kind: sort.replace('-', ''), params: { sort }, isDeepPage: false })),
      readFirstPage,
    ),
    await measureQueries(
      'Search',
      goalMs,
      firstPages(searches, ['full name', 'end of a phone number', 'start of a phone number', 'email']),
      readFirstPage,
    ),
    await measureQueries(
      'Deep page',
      goalMs,
      [...cursors.keys()].map((sort) => ({ kind: sort, params: { sort }, isDeepPage: true })),
      readDeepPage,
    ),
    await measureQueries('Lead', goalMs, leadQueries('details'), ({ params }) =>
      client.get(`/v1/leads/${params['id']}`),
    ),
    await measureQueries('Lead', goalMs, leadQueries('history'), ({ params }) =>
      client.get(`/v1/leads/${params['id']}/history`),
    ),
  ];
  return new Map(summaries.flat().map(({ group, kind, p50, p95 }) => [`${group}: ${kind}`, { p50, p95 }]));
}

/** The cursor of the 1,000th page of 50, or of one of the last pages if the list is shorter. */
async function cursorOfDeepPage(sort: string, list: (params: ListParams) => Promise<LeadPage>): Promise<ListParams> {
  let cursor: ListParams = {};
  for (let skipped = 0; skipped < (deepPage - 1) * pageSize; skipped += 200) {
    const { nextCursor } = await list({ sort, limit: '200', ...cursor });
    if (nextCursor === null) break;
    cursor = { cursor: nextCursor };
  }
  return cursor;
}
