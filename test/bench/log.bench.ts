import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { barChart } from './chart.js';
import { BareTable } from './bare-table.js';
import { sampleEvents } from './sample-events.js';
import { runConcurrently, runAlternating, measureRate, type Sample } from './measure.js';
import { type Bench, formatMedianAndRange, markdownTable, formatRatio } from './report.js';

/** How much faster 50 appends in flight must be than one at a time. */
const goal = 8;

export const log: Bench = {
  name: 'log',
  description: 'appends to the log, one at a time and many in flight, compared with a bare group commit',
  async run(options, report) {
    const [rounds, appends] = [options.size('rounds', 7), options.size('events', 10_000)];
    const appendsOneAtATime = Math.min(500, appends);
    const folder = mkdtempSync(join(tmpdir(), 'leadstream-bench-log-'));
    const ours = SqliteLog.open({ file: join(folder, 'events.db') });
    const bare = new BareTable(join(folder, 'bare.db'));
    const events = sampleEvents();
    let streams = 0;
    const toOurs = () => ours.events.append(`agent-bench-${++streams}`, 0, [events.next()]);
    const toBare = () => bare.append(events.next());

    const results = [];
    for (const concurrency of [1, 50, 500]) {
      const count = concurrency === 1 ? appendsOneAtATime : appends;
      report(`${concurrency} in flight`);
      const measure = (append: () => Promise<unknown>) => () =>
        measureRate(() => runConcurrently(count, concurrency, append));
      const contestants = { bare: measure(toBare), ours: measure(toOurs) };
      // The first round only warms up the compiler.
      await runAlternating(1, contestants);
      results.push({ concurrency, rates: await runAlternating(rounds, contestants) });
    }
    await ours.close();
    bare.close();
    rmSync(folder, { recursive: true, force: true });

    const [oneAtATime, fiftyInFlight] = results.map(({ rates }) => rates);
    const gainOf = (rates: (result: { ours: Sample; bare: Sample }) => Sample) =>
      rates(fiftyInFlight!).quantile(0.5) / rates(oneAtATime!).quantile(0.5);
    const [ourGain, bareGain] = [gainOf((result) => result.ours), gainOf((result) => result.bare)];
    const rows = results.map(({ concurrency, rates: { bare: bareRates, ours: ourRates } }) => [
      concurrency === 1 ? 'one at a time' : `${concurrency} in flight`,
      formatMedianAndRange(bareRates),
      formatMedianAndRange(ourRates),
      formatRatio(ourRates.quantile(0.5) / bareRates.quantile(0.5)),
    ]);
    const gains = [
      '50 in flight, compared with one at a time',
      formatRatio(bareGain),
      `${formatRatio(ourGain)} (goal ${goal}×)`,
      '',
    ];
    const text = `Median of ${rounds} rounds (lowest – highest). Each append is one event.

${markdownTable(['Appends per second', 'Bare group commit', 'Leadstream', 'Ratio'], [...rows, gains])}`;
    const chart = barChart('Appends to the log', [
      {
        title: 'Appends per second',
        groups: results.map(({ concurrency }) => `${concurrency} in flight`),
        series: [
          { name: 'Leadstream', values: results.map(({ rates }) => rates.ours.quantile(0.5)) },
          { name: 'Bare group commit', values: results.map(({ rates }) => rates.bare.quantile(0.5)) },
        ],
      },
    ]);
    const missed =
      ourGain < goal ? [`50 in flight are ${formatRatio(ourGain)} as fast as one at a time, instead of ${goal}×`] : [];
    return { text, charts: { '': chart }, missed };
  },
};
