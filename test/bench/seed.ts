import { leadList } from '#projections/lead-list/lead-list.projection';
import { build, type Built, fill, type Filled } from './fill.js';
import { Options } from './options.js';
import { megabytes, type Say, whole } from './report.js';

export interface Seeded {
  readonly folder: string;
  readonly log: Filled;
  readonly view: Built;
}

const rate = (events: number, seconds: number): string => `${whole(seconds)} s (${whole(events / seconds)} events/s)`;

/** A folder with a log of so many leads. What is there already is taken as it is. */
export async function filled(options: Options, leads: number, eventsPerLead: number, say: Say): Promise<Filled> {
  const folder = options.folderFor(leads, eventsPerLead);
  say(`${whole(leads)} leads in ${folder}`);
  const log = await fill(folder, { leads, seed: options.size('seed', 1), eventsPerLead }, say);
  say(`log: ${whole(log.events)} events, ${megabytes(log.bytes)}, appended in ${rate(log.events, log.seconds)}`);
  return log;
}

/** Such a folder with the list of its leads. */
export async function seeded(options: Options, say: Say): Promise<Seeded> {
  const [leads, eventsPerLead] = [options.size('leads', 100_000), options.size('events-per-lead', 7)];
  const log = await filled(options, leads, eventsPerLead, say);
  const folder = options.folderFor(leads, eventsPerLead);
  const view = await build(folder, leadList);
  const indexes = `of which ${whole(view.indexSeconds)} s for the indexes`;
  say(`list: ${megabytes(view.bytes)}, built in ${rate(log.events, view.seconds)}, ${indexes}`);
  return { folder, log, view };
}

if (process.argv[1] === import.meta.filename) await seeded(new Options(process.argv.slice(2)), console.log);
