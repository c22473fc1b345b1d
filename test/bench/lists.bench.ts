import { monitorEventLoopDelay } from 'node:perf_hooks';
import { datasetEnd } from './dataset.js';
import {
  type RunQuery,
  type LatencySummary,
  measureQueries,
  formatHeading,
  formatSummary,
  summaryRows,
} from './latency-summary.js';
import { ListReader, startQueryApi } from './list-reader.js';
import {
  singleQueries,
  countQueries,
  filterParams,
  queriesInEveryOrder,
  mixedQueries,
  type BenchQuery,
  searchParams,
  sortQueries,
} from './bench-queries.js';
import { type Bench, formatMegabytes, markdownTable, formatInteger } from './report.js';
import { prepareDataset } from './prepare-dataset.js';

const soon = 100;
const atLast = 2_000;

/** Every filter, sort and search of the list, alone and together: some 9,000 questions. */
export const lists: Bench = {
  name: 'lists',
  description: 'the list of leads, asked everything that it can be asked',
  isLong: true,
  async run(options, say) {
    const { folder, log, view } = await prepareDataset(options, say);
    const reader = await ListReader.open(folder);
    const figures: LatencySummary[] = [];
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const page: RunQuery = ({ params: asked, isDeepPage: deep }, nth) =>
      reader.page(asked, deep ? reader.positionWithin(asked, nth) : undefined);
    const count: RunQuery = ({ params: asked }) => reader.count(asked);
    const measure = async (
      group: string,
      goal: number,
      questions: readonly BenchQuery[],
      ask: RunQuery,
    ): Promise<void> => {
      const its = await measureQueries(group, goal, questions, ask);
      figures.push(...its);
      console.log([formatHeading(group, goal), ...its.map(formatSummary)].join('\n'));
    };

    const [each, words] = [filterParams(datasetEnd, reader.knownLeads), searchParams(reader.knownLeads)];
    const mixtures = mixedQueries(each, words, 300);
    delay.enable();
    await measure('A filter', soon, singleQueries(each), page);
    await measure('A sort', soon, sortQueries(), page);
    await measure('A search', soon, singleQueries(words), page);
    await measure('A filter in any order', atLast, queriesInEveryOrder(each), page);
    await measure('A search in any order', atLast, queriesInEveryOrder(words), page);
    await measure('A mixture', atLast, mixtures, page);
    await measure('A count', atLast, countQueries(each, words, mixtures), count);
    delay.disable();

    const api = await startQueryApi(folder);
    const get: RunQuery = ({ params: asked }) =>
      api.client.call({ method: 'GET', path: `/v1/leads?${new URLSearchParams(asked).toString()}` });
    const first = [...singleQueries(each), ...sortQueries(), ...singleQueries(words)].filter(
      ({ isDeepPage: deep }) => !deep,
    );
    const overHttp = first.map((it) => ({ ...it, kind: 'a filter, sort or search' }));
    await measure('Over HTTP', soon, overHttp, get);
    await api.end();
    await reader.close();

    const blocked = delay.percentile(99.9) / 1e6;
    const built = `${formatInteger(view.seconds)} s (${formatInteger(log.events / view.seconds)} events/s), the last ${formatInteger(view.indexSeconds)} s for the indexes`;
    const text = `${formatInteger(log.leads)} leads, ${formatInteger(log.events)} events, seed ${log.seed}. The log has ${formatMegabytes(log.bytes)}. The list is built of it in ${built}, and has ${formatMegabytes(view.bytes)}. The thread that asks is held up for ${formatInteger(blocked)} ms (p99.9).

Milliseconds, over all questions of a kind; each question was asked three times and counts with its median.

${markdownTable(['', 'asked', 'p50', 'p95', 'max'], summaryRows(figures))}`;
    const missed = figures.filter(({ p95, goal }) => !(p95 < goal));
    return { text, missed: missed.map(({ group, kind, goal }) => `${group}, ${kind}: p95 is not below ${goal} ms`) };
  },
};
