import { leadListView } from '#projections/lead-list/lead-list.projection';
import { buildView, type BuiltView, fillLog, type FilledLog } from './dataset.js';
import { BenchOptions } from './options.js';
import { formatMegabytes, type ReportProgress, formatInteger } from './report.js';

export interface PreparedDataset {
  readonly folder: string;
  readonly log: FilledLog;
  readonly view: BuiltView;
}

const rate = (events: number, seconds: number): string =>
  `${formatInteger(seconds)} s (${formatInteger(events / seconds)} events/s)`;

/** A folder with a log of so many leads. What is there already is taken as it is. */
export async function prepareLog(
  options: BenchOptions,
  leads: number,
  eventsPerLead: number,
  say: ReportProgress,
): Promise<FilledLog> {
  const folder = options.folderFor(leads, eventsPerLead);
  say(`${formatInteger(leads)} leads in ${folder}`);
  const log = await fillLog(folder, { leads, seed: options.size('seed', 1), eventsPerLead }, say);
  say(
    `log: ${formatInteger(log.events)} events, ${formatMegabytes(log.bytes)}, appended in ${rate(log.events, log.seconds)}`,
  );
  return log;
}

/** Such a folder with the list of its leads. */
export async function prepareDataset(options: BenchOptions, say: ReportProgress): Promise<PreparedDataset> {
  const [leads, eventsPerLead] = [options.size('leads', 100_000), options.size('events-per-lead', 7)];
  const log = await prepareLog(options, leads, eventsPerLead, say);
  const folder = options.folderFor(leads, eventsPerLead);
  const view = await buildView(folder, leadListView);
  const indexes = `of which ${formatInteger(view.indexSeconds)} s for the indexes`;
  say(`list: ${formatMegabytes(view.bytes)}, built in ${rate(log.events, view.seconds)}, ${indexes}`);
  return { folder, log, view };
}

if (process.argv[1] === import.meta.filename)
  await prepareDataset(new BenchOptions(process.argv.slice(2)), console.log);
