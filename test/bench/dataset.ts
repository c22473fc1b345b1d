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

/** A folder's log, and how filling it went. */
export interface FilledLog extends DatasetSize {
  readonly events: number;
  readonly seconds: number;
  readonly bytes: number;
}

/** A view of that log, and how building it went. */
export interface BuiltView {
  readonly view: string;
  readonly seconds: number;
  /** Of these, for the indexes. */
  readonly indexSeconds: number;
  readonly bytes: number;
}

export const org = 'default';
/** When the sample ends: what is due or overdue is told from here. */
export const datasetEnd = Date.parse('2026-06-30T12:00:00.000Z');
const begin = datasetEnd - 730 * dayMs;
const inFlight = 4_000;

export const logFile = (folder: string): string => join(folder, 'events.db');
export const viewsFolder = (folder: string): string => join(folder, 'views');
/** Of the generation that serves. */
export function viewFile(folder: string, { name, version }: View): string {
  const files = readdirSync(viewsFolder(folder)).filter((it) => it.startsWith(`${name}.v${version}.g`));
  return join(
    viewsFolder(folder),
    files.find((it) => it.endsWith('.db'))!,
  );
}

/** Fills the folder's log, through its port, unless it was filled like that before. */
export async function fillLog(
  folder: string,
  { leads, seed, eventsPerLead }: DatasetSize,
  say: ReportProgress,
): Promise<FilledLog> {
  const note = join(folder, 'filled.json');
  const known = existsSync(note) ? (JSON.parse(readFileSync(note, 'utf8')) as FilledLog) : undefined;
  if (known?.leads === leads && known.seed === seed && known.eventsPerLead === eventsPerLead) return known;
  for (const old of [note, viewsFolder(folder), ...['', '-wal', '-shm', '.lock'].map((it) => logFile(folder) + it)])
    rmSync(old, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const log = SqliteLog.open({ file: logFile(folder) });
  const since = performance.now();
  const events = await appendAll(log.events, { leads, seed, eventsPerLead }, say);
  await log.close();
  const seconds = (performance.now() - since) / 1_000;
  const filled = { leads, seed, eventsPerLead, events, seconds, bytes: statSync(logFile(folder)).size };
  writeFileSync(note, `${JSON.stringify(filled)}\n`);
  return filled;
}

/** How many events. */
async function appendAll(
  log: EventStore,
  { leads, seed, eventsPerLead }: DatasetSize,
  say: ReportProgress,
): Promise<number> {
  let [events, told] = [0, 0];
  let waiting: Promise<unknown>[] = [];
  for (const next of generateAppends({ org, seed, begin, end: datasetEnd, eventsPerLead }, leads)) {
    waiting.push(log.append(next.stream, next.expectedVersion, next.events));
    events += next.events.length;
    if (waiting.length < inFlight) continue;
    await Promise.all(waiting);
    waiting = [];
    if (events - told < 500_000) continue;
    told = events;
    say(`${events.toLocaleString('en')} events`);
  }
  await Promise.all(waiting);
  return events;
}

/** Builds a view of the folder's log as the worker does, unless it is built already: then says how that went. */
export async function buildView(folder: string, view: View): Promise<BuiltView> {
  const note = join(folder, `${view.name}.json`);
  return withStores(folder, async (log, views) => {
    if ((await isBuilt(views, view)) && existsSync(note)) return JSON.parse(readFileSync(note, 'utf8')) as BuiltView;
    await views.wipe(view);
    const times = await catchUp(log, views, view);
    const built = { view: view.name, ...times, bytes: statSync(viewFile(folder, view)).size };
    writeFileSync(note, `${JSON.stringify(built)}\n`);
    return built;
  });
}

/** Builds these views side by side as the worker does, which reads each event once for all. */
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
  const following = new ProjectionRunner(view, views, log, (news) => {
    if ('error' in news) failure = news.error;
    done.abort();
  });
  await following.run(done.signal);
  if (failure) throw failure as Error;
  const seconds = (performance.now() - since) / 1_000;
  return { seconds, indexSeconds: (Date.now() - (following.lastProgressAt ?? Date.now())) / 1_000 };
}

/** False also for a file that is laid out differently, or has other indexes, than it would have today. */
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
