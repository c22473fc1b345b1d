import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventStore } from '#event-store/event-store';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { ProjectionRunner } from '#read-model/projection-runner';
import { SqliteViewStore } from '#read-model/sqlite/sqlite.view-store';
import type { View } from '#read-model/view';
import { ViewsUnavailable } from '#read-model/view-store';
import { dayMs } from './contact-generator.js';
import type { ReportProgress } from './report.js';
import { generateAppends } from './append-generator.js';

export interface DatasetSize {
  readonly leads: number;
  readonly seed: number;
  readonly eventsPerLead: number;
}

/** The log of a folder, and the time it took to fill it. */
export interface FilledLog extends DatasetSize {
  readonly events: number;
  readonly seconds: number;
  readonly bytes: number;
}

/** A view of that log, and the time it took to build it. */
export interface BuiltView {
  readonly view: string;
  readonly seconds: number;
  /** The part of `seconds` that the indexes took. */
  readonly indexSeconds: number;
  readonly bytes: number;
}

export const org = 'default';
/** The end of the generated time span. Due and overdue are relative to it. */
export const datasetEnd = Date.parse('2026-06-30T12:00:00.000Z');
const begin = datasetEnd - 730 * dayMs;
const concurrency = 4_000;

export const logFile = (folder: string): string => join(folder, 'events.db');
export const viewsFolder = (folder: string): string => join(folder, 'views');

/** The file of the view's live generation. */
export function viewFile(folder: string, { name, version }: View): string {
  const files = readdirSync(viewsFolder(folder));
  const file = files.find((entry) => entry.startsWith(`${name}.v${version}.g`) && entry.endsWith('.db'));
  return join(viewsFolder(folder), file!);
}

/** Fills the log of the folder through its port, unless it is already filled with a data set of this size. */
export async function fillLog(
  folder: string,
  { leads, seed, eventsPerLead }: DatasetSize,
  report: ReportProgress,
): Promise<FilledLog> {
  const resultFile = join(folder, 'filled.json');
  const known = existsSync(resultFile) ? (JSON.parse(readFileSync(resultFile, 'utf8')) as FilledLog) : undefined;
  if (known?.leads === leads && known.seed === seed && known.eventsPerLead === eventsPerLead) return known;
  const logFiles = ['', '-wal', '-shm', '.lock'].map((suffix) => logFile(folder) + suffix);
  for (const path of [resultFile, viewsFolder(folder), ...logFiles]) rmSync(path, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const log = SqliteLog.open({ file: logFile(folder) });
  const since = performance.now();
  const events = await appendAll(log.events, { leads, seed, eventsPerLead }, report);
  await log.close();
  const seconds = (performance.now() - since) / 1_000;
  const filled = { leads, seed, eventsPerLead, events, seconds, bytes: statSync(logFile(folder)).size };
  writeFileSync(resultFile, `${JSON.stringify(filled)}\n`);
  return filled;
}

/** Returns the number of events. */
async function appendAll(
  log: EventStore,
  { leads, seed, eventsPerLead }: DatasetSize,
  report: ReportProgress,
): Promise<number> {
  let [events, reported] = [0, 0];
  let pending: Promise<unknown>[] = [];
  for (const next of generateAppends({ org, seed, begin, end: datasetEnd, eventsPerLead }, leads)) {
    pending.push(log.append(next.stream, next.expectedVersion, next.events));
    events += next.events.length;
    if (pending.length < concurrency) continue;
    await Promise.all(pending);
    pending = [];
    if (events - reported < 500_000) continue;
    reported = events;
    report(`${events.toLocaleString('en')} events`);
  }
  await Promise.all(pending);
  return events;
}

/** Builds a view of the folder's log as the worker does, unless it is already built. Returns how long the build took. */
export async function buildView(folder: string, view: View): Promise<BuiltView> {
  const resultFile = join(folder, `${view.name}.json`);
  return withStores(folder, async (log, views) => {
    if ((await isBuilt(views, view)) && existsSync(resultFile))
      return JSON.parse(readFileSync(resultFile, 'utf8')) as BuiltView;
    await views.wipe(view);
    const times = await catchUp(log, views, view);
    const built = { view: view.name, ...times, bytes: statSync(viewFile(folder, view)).size };
    writeFileSync(resultFile, `${JSON.stringify(built)}\n`);
    return built;
  });
}

/** Builds these views concurrently as the worker does, which reads each event once for all of them. */
export const buildViews = (folder: string, wanted: readonly View[]): Promise<unknown> =>
  withStores(folder, (log, views) => Promise.all(wanted.map((view) => catchUp(log, views, view))));

async function withStores<T>(
  folder: string,
  work: (log: EventStore, views: SqliteViewStore) => Promise<T>,
): Promise<T> {
  const log = SqliteLog.open({ file: logFile(folder), readOnly: true });
  const views = new SqliteViewStore(viewsFolder(folder), { readerThread: false });
  try {
    return await work(log.events, views);
  } finally {
    await views.close();
    await log.close();
  }
}

async function catchUp(
  log: EventStore,
  views: SqliteViewStore,
  view: View,
): Promise<Pick<BuiltView, 'seconds' | 'indexSeconds'>> {
  const done = new AbortController();
  let failure: unknown;
  const since = performance.now();
  const runner = new ProjectionRunner(view, views, log, (notice) => {
    if ('error' in notice) failure = notice.error;
    done.abort();
  });
  await runner.run(done.signal);
  if (failure) throw failure as Error;
  const seconds = (performance.now() - since) / 1_000;
  return { seconds, indexSeconds: (Date.now() - (runner.lastProgressAt ?? Date.now())) / 1_000 };
}

/** Also false for a file whose layout or indexes differ from those of the current code. */
async function isBuilt(views: SqliteViewStore, view: View): Promise<boolean> {
  try {
    const writer = await views.openForWriting(view);
    const { built } = await writer.state();
    await writer.close();
    return built;
  } catch (error) {
    if (error instanceof ViewsUnavailable) return false;
    throw error;
  }
}
