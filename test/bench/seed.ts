import { leadList } from '#projections/lead-list/lead-list.projection';
import { build, type Built, fill, type Filled } from './fill.js';
import { optionsFrom, type Options } from './options.js';

export interface Seeded {
  readonly log: Filled;
  readonly view: Built;
}

const count = (n: number): string => Math.round(n).toLocaleString('en');
const rate = (events: number, seconds: number): string => `${count(seconds)} s (${count(events / seconds)} events/s)`;
const megabytes = (bytes: number): string => `${count(bytes / 1e6)} MB`;

/** A folder with a log of so many leads, and the list of them. What is there already is taken as it is. */
export async function seed(options: Options, say: (line: string) => void): Promise<Seeded> {
  say(`${count(options.leads)} leads in ${options.folder}`);
  const log = await fill(options.folder, options, say);
  say(`Log: ${count(log.events)} events, ${megabytes(log.bytes)}, appended in ${rate(log.events, log.seconds)}`);
  const view = await build(options.folder, leadList);
  const indexes = `of which ${count(view.indexSeconds)} s for the indexes`;
  say(`List: ${megabytes(view.bytes)}, built in ${rate(log.events, view.seconds)}, ${indexes}`);
  return { log, view };
}

if (process.argv[1] === import.meta.filename) await seed(optionsFrom(process.argv.slice(2)), console.log);
