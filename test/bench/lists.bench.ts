import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Chance } from '#apps/cli/chance';
import { end } from './fill.js';
import { type Figures, figuresOf, heading, line, median, type Timed } from './figures.js';
import { ListReader, queryApi } from './list-reader.js';
import { optionsFrom } from './options.js';
import { alone, counted, filters, inAnyOrder, mixed, type Question, searches, sorted } from './questions.js';
import { writeLists } from './report.js';
import { seed } from './seed.js';

/*
 * How fast the list of leads answers: `npm run bench -- --leads 1000000`. Each question is asked three times, between all the
 * others, and counts with its median.
 */

const runs = 3;
const soon = 100;
const atLast = 2_000;

const options = optionsFrom(process.argv.slice(2));
const seeded = await seed(options, console.log);
const reader = await ListReader.open(options.folder);
const figures: Figures[] = [];
const delay = monitorEventLoopDelay({ resolution: 1 });

type Ask = (question: Question, nth: number) => Promise<unknown>;
const page: Ask = ({ asked, deep }, nth) => reader.page(asked, deep ? reader.placeIn(asked, nth) : undefined);
const count: Ask = ({ asked }) => reader.count(asked);

async function measure(group: string, goal: number, questions: readonly Question[], ask: Ask): Promise<void> {
  const times = questions.map((): number[] => []);
  const chance = new Chance(options.seed);
  for (let run = 0; run < runs; run++) {
    const order = questions.map((_, nth) => [chance.draw(), nth] as const).sort(([a], [b]) => a - b);
    for (const [, nth] of order) {
      const since = performance.now();
      await ask(questions[nth]!, nth);
      times[nth]!.push(performance.now() - since);
    }
  }
  const timed = questions.map(({ kind, asked, deep }, nth): Timed => {
    const text = `${decodeURIComponent(new URLSearchParams(asked).toString())}${deep ? ' (deep)' : ''}`;
    return { kind, text, ms: median(times[nth]!) };
  });
  const its = figuresOf(group, goal, timed);
  figures.push(...its);
  console.log([heading(group, goal), ...its.map(line)].join('\n'));
}

const [each, words] = [filters(end, reader.known), searches(reader.known)];
const mixtures = mixed(each, words, 300);
delay.enable();
await measure('A filter', soon, alone(each), page);
await measure('A sort', soon, sorted(), page);
await measure('A search', soon, alone(words), page);
await measure('A filter in any order', atLast, inAnyOrder(each), page);
await measure('A search in any order', atLast, inAnyOrder(words), page);
await measure('A mixture', atLast, mixtures, page);
await measure('A count', atLast, counted(each, words, mixtures), count);
delay.disable();

const api = await queryApi(options.folder);
const get: Ask = async ({ asked }) => {
  const response = await fetch(`${api.url}/v1/leads?${new URLSearchParams(asked).toString()}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.url}: ${text}`);
};
const first = [...alone(each), ...sorted(), ...alone(words)].filter(({ deep }) => !deep);
await measure(
  'Over HTTP',
  soon,
  first.map((it) => ({ ...it, kind: 'a filter, sort or search' })),
  get,
);
await api.end();
await reader.close();

const blocked = delay.percentile(99.9) / 1e6;
console.log(`\nThe thread that asked was held up for ${blocked.toFixed(0)} ms at the most, in 99.9% of all moments.`);
const missed = figures.filter(({ p95, goal }) => !(p95 < goal));
console.log(
  missed.length === 0
    ? 'All goals reached.'
    : `Missed: ${missed.map(({ group, kind }) => `${group}, ${kind}`).join('; ')}.`,
);
if (options.write) await writeLists(seeded, figures, blocked);
