import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import type { StoredEvent } from '#domain/event';
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

interface Lead extends KnownLead {
  readonly id: string;
  readonly contact: Omit<KnownLead, 'contactId'>;
}
interface Page {
  readonly items: readonly Lead[];
  readonly nextCursor: string | null;
}

interface Grown {
  readonly leads: number;
  /** What is told of it, in the order in which it is told. */
  readonly told: ReadonlyMap<string, string>;
  readonly answers: ReadonlyMap<string, { readonly p50: number; readonly p95: number }>;
}

/** What more leads cost: views built, by themselves and by the service while it starts, and questions over HTTP. */
export const growth: Bench = {
  name: 'growth',
  description: 'lists, histories, rebuilds, disk and memory as the log grows',
  async run(options, say) {
    const sizes = options.sizes('leads', options.names.includes('growth') ? [10_000, 100_000] : [10_000]);
    const measured: Grown[] = [];
    for (const leads of sizes) measured.push(await grow(leads, options, say));
    // In whatever order they were asked for.
    const grown = measured.toSorted((a, b) => a.leads - b.leads);

    const head = ['', ...grown.map(({ leads }) => `${formatInteger(leads)} leads`)];
    const rows = (what: readonly string[], of: (it: Grown, name: string) => string | undefined) =>
      markdownTable(
        head,
        what.map((name) => [name, ...grown.map((it) => of(it, name) ?? '–')]),
      );
    const questions = [...new Set(grown.flatMap(({ answers }) => [...answers.keys()]))];
    const figures = rows([...grown[0]!.told.keys()], ({ told }, name) => told.get(name));
    const answers = rows(questions, (it, name) => {
      const found = it.answers.get(name);
      return found && `${formatMs(found.p50)} / ${formatMs(found.p95)}`;
    });
    const points = (name: string, share: 'p50' | 'p95') =>
      grown.flatMap(({ leads, answers: its }) => (its.has(name) ? [[leads, its.get(name)![share]] as const] : []));
    const chart = lineChart('Answers as the log grows', [
      {
        title: 'p95, ms, by number of leads',
        xLabel: 'leads',
        series: [
          'A filter: all of these',
          'A search: all of these',
          'A page deep in the list: all of these',
          'One lead: its history',
        ].map((name) => ({ name, points: points(name, 'p95') })),
      },
    ]);
    const missed = grown.flatMap(({ leads, answers: its }) =>
      [...its].flatMap(([name, { p95 }]) =>
        p95 < goalMs ? [] : [`${name} with ${formatInteger(leads)} leads: ${formatMs(p95)} (p95), not ${goalMs}`],
      ),
    );
    const text = `${figures}\n\nAnswers over HTTP, one after another, p50 / p95 over all questions of a kind; each was asked three times and counts with its median.\n\n${answers}`;
    // A line takes two points.
    return { text, missed, ...(grown.length > 1 ? { charts: { '': chart } } : {}) };
  },
};

async function grow(leads: number, options: BenchOptions, say: ReportProgress): Promise<Grown> {
  const eventsPerLead = options.size('events-per-lead', 20);
  const folder = options.folderFor(leads, eventsPerLead);
  const log = await prepareLog(options, leads, eventsPerLead, say);
  const told = new Map<string, string>();
  // A million leads take hours: what is known is told at once.
  const tell = (name: string, figure: string): void => {
    told.set(name, figure);
    say(`${name}: ${figure}`);
  };
  tell('Events', formatInteger(log.events));
  tell('Log on disk', `${formatMegabytes(log.bytes)}, ${formatInteger(log.bytes / log.events)} bytes an event`);
  tell('Appended through the port, events a second', formatInteger(log.events / log.seconds));
  const parsing = await measureRate(async () => readAndParse(logFile(folder)));
  tell('Read and parsed alone, events a second', formatInteger(parsing));
  const against = (rate: number): string => `${formatInteger(rate)} (${formatRatio(rate / parsing)} of that)`;
  const noViews = (): void => rmSync(viewsFolder(folder), { recursive: true, force: true });
  noViews();
  const writing = await measureRate(async () => writeDown(logFile(folder), `${logFile(folder)}.written`));
  tell('… and each written to a bare table', against(writing));
  const building = async (views: string, rss: () => number, work: () => Promise<unknown>): Promise<void> => {
    const since = performance.now();
    const memory = await memoryDuring(rss, work);
    const seconds = (performance.now() - since) / 1_000;
    tell(`${views} built, events a second`, against(log.events / seconds));
    tell(`${views} built, seconds`, formatInteger(seconds));
    tell(`${views} built, memory in the first and the last tenth`, memory);
  };
  const own = (): number => process.memoryUsage.rss() / 2 ** 20;
  await building('List and history alone', own, () => buildViews(folder, [leadListView, leadHistoryView]));
  const { program, client, end: leave } = await startQueryApi(folder);
  const answers = await ask(client);
  for (const [name, { p50, p95 }] of answers) say(`${name}: ${formatMs(p50)} / ${formatMs(p95)}`);
  tell('Memory of who answered all questions', `${formatInteger(program.memoryMiB())} MiB`);
  await leave();
  noViews();
  const service = await BenchService.start(1, { DATA_DIR: folder, ID_KEY: idKey });
  await building(
    `All ${views.length} views`,
    () => service.program.memoryMiB(),
    () => service.waitUntilCaughtUp(),
  );
  await service.stop();
  for (const view of views) {
    const bytes = sizeOf(viewsFolder(folder), viewFile(folder, view));
    tell(`View ${view.name}`, `${formatMegabytes(bytes)}, ${formatInteger(bytes / log.leads)} bytes a lead`);
  }
  return { leads, answers, told };
}

/** Medians of the first and the last tenth of the time that it takes. */
async function memoryDuring(rss: () => number, work: () => Promise<unknown>): Promise<string> {
  const looks: number[] = [];
  const looking = setInterval(() => looks.push(rss()), 100);
  await work();
  clearInterval(looking);
  const tenth = Math.ceil(looks.length / 10);
  return `${formatInteger(median(looks.slice(0, tenth)))} and ${formatInteger(median(looks.slice(-tenth)))} MiB, at most ${formatInteger(Math.max(...looks))}`;
}

/** What a rebuild can't do without. `take` gets what a page has, and says no when it has enough. */
function readAndParse(file: string, take: (events: readonly ReadEvent[]) => boolean = () => true): number {
  const log = openLogFile({ file, readOnly: true });
  const page = log.db.prepare('SELECT position, body FROM events WHERE position > ? ORDER BY position LIMIT 1000');
  let count = 0;
  for (let after = 0, goesOn = true; goesOn;) {
    const rows = page.all(after) as { position: number; body: string }[];
    const events = rows.map(({ position, body }) => ({ position, event: JSON.parse(body) as StoredEvent }));
    count += events.filter(({ event }) => event.org === org).length;
    after = rows.at(-1)?.position ?? after;
    goesOn = rows.length > 0 && take(events);
  }
  log.close();
  return count;
}

interface ReadEvent {
  readonly position: number;
  readonly event: StoredEvent;
}

/** Besides, what a view that holds every event can't do without, such as the history: the first million, a row each, found by two keys. */
function writeDown(from: string, to: string): number {
  const remove = (): void => ['', '-wal', '-shm'].forEach((it) => rmSync(to + it, { force: true }));
  remove();
  const db = new DatabaseSync(to);
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE rows (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, correlation TEXT, at TEXT, body TEXT) STRICT;
  `);
  const insert = db.prepare('INSERT INTO rows (key, correlation, at, body) VALUES (?, ?, ?, ?)');
  let [open, written] = [0, 0];
  db.exec('BEGIN');
  const count = readAndParse(from, (events) => {
    for (const { position, event } of events)
      insert.run(`${position}`.padStart(19, '0'), event.meta.correlation, event.meta.occurredAt, JSON.stringify(event));
    written += events.length;
    open += events.length;
    if (open < 8_000) return written < 1_000_000;
    db.exec('COMMIT; BEGIN');
    open = 0;
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

async function ask(client: LoadClient): Promise<Grown['answers']> {
  const list = (asked: ListParams): Promise<Page> => client.get(`/v1/leads?${new URLSearchParams(asked).toString()}`);
  const { items } = await list({ limit: '200', sort: 'updatedAt' });
  // From all over the list, not a row of neighbours.
  const known = items.filter((_, nth) => nth % 4 === 0).map((it) => ({ ...it, ...it.contact }));
  const [of, words] = [filterParams(datasetEnd, known), searchParams(known)];
  const each = (
    kinds: Readonly<Record<string, readonly ListParams[]>>,
    only = Object.keys(kinds),
  ): readonly BenchQuery[] =>
    only.flatMap((kind) => (kinds[kind] ?? []).map((params) => ({ kind, params, isDeepPage: false })));
  const first: RunQuery = ({ params: asked }) => list(asked);
  const one = (kind: string): readonly BenchQuery[] =>
    known.map(({ id }) => ({ kind, params: { id }, isDeepPage: false }));

  const deep = new Map<string, ListParams>();
  for (const sort of ['createdAt', '-createdAt', 'name', '-updatedAt']) deep.set(sort, await cursorOf(sort, list));
  const deepest: RunQuery = ({ params: asked }) => list({ ...asked, ...deep.get(asked['sort']!) });
  const all = [
    await measureQueries('A filter', goalMs, each(of), first),
    await measureQueries(
      'A sort',
      goalMs,
      sortOrders.map((sort) => ({ kind: sort.replace('-', ''), params: { sort }, isDeepPage: false })),
      first,
    ),
    await measureQueries(
      'A search',
      goalMs,
      each(words, ['a name', "a phone's ending", "a phone's beginning", 'an email']),
      first,
    ),
    await measureQueries(
      'A page deep in the list',
      goalMs,
      [...deep.keys()].map((sort) => ({ kind: sort, params: { sort }, isDeepPage: true })),
      deepest,
    ),
    await measureQueries('One lead', goalMs, one('as it is'), ({ params: asked }) =>
      client.get(`/v1/leads/${asked['id']}`),
    ),
    await measureQueries('One lead', goalMs, one('its history'), ({ params: asked }) =>
      client.get(`/v1/leads/${asked['id']}/history`),
    ),
  ];
  return new Map(all.flat().map(({ group, kind, p50, p95 }) => [`${group}: ${kind}`, { p50, p95 }]));
}

/** What leads to the 1,000th page of 50; in a shorter list, to one of its last. */
async function cursorOf(sort: string, list: (asked: ListParams) => Promise<Page>): Promise<ListParams> {
  let found: ListParams = {};
  for (let before = 0; before < (deepPage - 1) * pageSize; before += 200) {
    const { nextCursor } = await list({ sort, limit: '200', ...found });
    if (nextCursor === null) break;
    found = { cursor: nextCursor };
  }
  return found;
}
