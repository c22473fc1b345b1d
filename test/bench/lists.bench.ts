import { monitorEventLoopDelay } from 'node:perf_hooks';
import { datasetEnd } from './dataset.js';
import {
  type RunQuery,
  type LatencySummary,
  measureQueries,
  formatHeading,
  formatSummary,
  summaryHead,
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

/** For p95, in milliseconds: one filter, sort or search, and everything else. */
const goalMs = { single: 100, combined: 2_000 };

export const lists: Bench = {
  name: 'lists',
  description: 'the list of leads with every filter, sort and search, alone and combined (about 9,000 queries)',
  isLong: true,
  async run(options, report) {
    const { folder, log, view } = await prepareDataset(options, report);
    const reader = await ListReader.open(folder);
    const summaries: LatencySummary[] = [];
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const readPage: RunQuery = ({ params, isDeepPage }, index) =>
      reader.page(params, isDeepPage ? reader.deepPageStart(params, index) : undefined);
    const count: RunQuery = ({ params }) => reader.count(params);
    const measure = async (
      group: string,
      goal: number,
      queries: readonly BenchQuery[],
      runQuery: RunQuery,
    ): Promise<void> => {
      const measured = await measureQueries(group, goal, queries, runQuery);
      summaries.push(...measured);
      console.log([formatHeading(group, goal), ...measured.map(formatSummary)].join('\n'));
    };

    const [filters, searches] = [filterParams(datasetEnd, reader.knownLeads), searchParams(reader.knownLeads)];
    const combinations = mixedQueries(filters, searches, 300);
    delay.enable();
    await measure('Filter', goalMs.single, singleQueries(filters), readPage);
    await measure('Sort', goalMs.single, sortQueries(), readPage);
    await measure('Search', goalMs.single, singleQueries(searches), readPage);
    await measure('Filter with every sort', goalMs.combined, queriesInEveryOrder(filters), readPage);
    await measure('Search with every sort', goalMs.combined, queriesInEveryOrder(searches), readPage);
    await measure('Combination', goalMs.combined, combinations, readPage);
    await measure('Count', goalMs.combined, countQueries(filters, searches, combinations), count);
    delay.disable();

    const queryApi = await startQueryApi(folder);
    const get: RunQuery = ({ params }) =>
      queryApi.client.call({ method: 'GET', path: `/v1/leads?${new URLSearchParams(params).toString()}` });
    const firstPages = [...singleQueries(filters), ...sortQueries(), ...singleQueries(searches)].filter(
      ({ isDeepPage }) => !isDeepPage,
    );
    const overHttp = firstPages.map((query) => ({ ...query, kind: 'filter, sort or search' }));
    await measure('Over HTTP', goalMs.single, overHttp, get);
    await queryApi.stop();
    await reader.close();

    const delayMs = delay.percentile(99.9) / 1e6;
    const buildTime = `${formatInteger(view.seconds)} s (${formatInteger(log.events / view.seconds)} events/s)`;
    const text = `${formatInteger(log.leads)} leads, ${formatInteger(log.events)} events, seed ${log.seed}. The log takes ${formatMegabytes(log.bytes)}. The list was built in ${buildTime}, of which the indexes took the last ${formatInteger(view.indexSeconds)} s, and takes ${formatMegabytes(view.bytes)}. The event-loop delay of the querying thread was ${formatInteger(delayMs)} ms (p99.9).

Milliseconds, over all queries of a kind. Each query ran three times; its median counts.

${markdownTable(summaryHead, summaryRows(summaries))}`;
    const missed = summaries
      .filter(({ p95, goal }) => !(p95 < goal))
      .map(({ group, kind, p95, goal }) => `${group}: ${kind}: p95 ${formatInteger(p95)} ms instead of ${goal} ms`);
    return { text, missed };
  },
};
