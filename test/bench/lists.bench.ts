import { monitorEventLoopDelay } from 'node:perf_hooks';
import { end } from './fill.js';
import { type Ask, type Figures, figuresOf, heading, line, rowsOf } from './figures.js';
import { ListReader, queryApi } from './list-reader.js';
import { alone, counted, filters, inAnyOrder, mixed, type Question, searches, sorted } from './questions.js';
import { type Bench, megabytes, table, whole } from './report.js';
import { seeded } from './seed.js';

const soon = 100;
const atLast = 2_000;

/** Every filter, sort and search of the list, alone and together: some 9,000 questions. */
export const lists: Bench = {
  name: 'lists',
  about: 'the list of leads, asked everything that it can be asked',
  long: true,
  async run(options, say) {
    const { folder, log, view } = await seeded(options, say);
    const reader = await ListReader.open(folder);
    const figures: Figures[] = [];
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const page: Ask = ({ asked, deep }, nth) => reader.page(asked, deep ? reader.placeIn(asked, nth) : undefined);
    const count: Ask = ({ asked }) => reader.count(asked);
    const measure = async (group: string, goal: number, questions: readonly Question[], ask: Ask): Promise<void> => {
      const its = await figuresOf(group, goal, questions, ask);
      figures.push(...its);
      console.log([heading(group, goal), ...its.map(line)].join('\n'));
    };

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

    const api = await queryApi(folder);
    const get: Ask = ({ asked }) =>
      api.client.call({ method: 'GET', path: `/v1/leads?${new URLSearchParams(asked).toString()}` });
    const first = [...alone(each), ...sorted(), ...alone(words)].filter(({ deep }) => !deep);
    const overHttp = first.map((it) => ({ ...it, kind: 'a filter, sort or search' }));
    await measure('Over HTTP', soon, overHttp, get);
    await api.end();
    await reader.close();

    const blocked = delay.percentile(99.9) / 1e6;
    const built = `${whole(view.seconds)} s (${whole(log.events / view.seconds)} events/s), the last ${whole(view.indexSeconds)} s for the indexes`;
    const text = `${whole(log.leads)} leads, ${whole(log.events)} events, seed ${log.seed}. The log has ${megabytes(log.bytes)}. The list is built of it in ${built}, and has ${megabytes(view.bytes)}. The thread that asks is held up for ${whole(blocked)} ms (p99.9).

Milliseconds, over all questions of a kind; each question was asked three times and counts with its median.

${table(['', 'asked', 'p50', 'p95', 'max'], rowsOf(figures))}`;
    const missed = figures.filter(({ p95, goal }) => !(p95 < goal));
    return { text, missed: missed.map(({ group, kind, goal }) => `${group}, ${kind}: p95 is not below ${goal} ms`) };
  },
};
