import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { barChart } from './chart.js';
import { BareTable } from './bare-table.js';
import { sampleEvents } from './sample-events.js';
import { runConcurrently, runAlternating, measureRate, type Sample } from './measure.js';
import { type Bench, formatMedianAndRange, markdownTable, formatRatio } from './report.js';

const goal = 8;

/** What sharing commits is worth: our log, and the bare group commit into a plain table. */
export const log: Bench = {
  name: 'log',
  description: 'appends to our log, one at a time and many in flight, beside the bare group commit',
  async run(options, say) {
    const [rounds, alone, many] = [options.size('rounds', 7), 500, options.size('events', 10_000)];
    const folder = mkdtempSync(join(tmpdir(), 'leadstream-bench-log-'));
    const ours = SqliteLog.open({ file: join(folder, 'events.db') });
    const bare = new BareTable(join(folder, 'bare.db'));
    const events = sampleEvents();
    let streams = 0;
    const toOurs = () => ours.events.append(`agent-bench-${++streams}`, 0, [events.next()]);
    const toBare = () => bare.append(events.next());

    const results = [];
    for (const atOnce of [1, 50, 500]) {
      const count = atOnce === 1 ? Math.min(alone, many) : many;
      say(`${atOnce} in flight`);
      const round = (append: () => Promise<unknown>) => () => measureRate(() => runConcurrently(count, atOnce, append));
      // The first round of each is for the compiler.
      await runAlternating(1, { bare: round(toBare), ours: round(toOurs) });
      results.push({ atOnce, rates: await runAlternating(rounds, { bare: round(toBare), ours: round(toOurs) }) });
    }
    await ours.close();
    bare.close();
    rmSync(folder, { recursive: true, force: true });

    const [one, fifty] = results.map(({ rates }) => rates);
    const gain = (of: (rates: { ours: Sample; bare: Sample }) => Sample) =>
      of(fifty!).quantile(0.5) / of(one!).quantile(0.5);
    const [ourGain, bareGain] = [gain((it) => it.ours), gain((it) => it.bare)];
    const text = `Median of ${rounds} turns, and from where to where they went; appends of one event each.

${markdownTable(
  ['Appends a second', 'Bare group commit', 'Our log', 'Ratio'],
  [
    ...results.map(({ atOnce, rates: { bare, ours } }) => [
      atOnce === 1 ? 'one at a time' : `${atOnce} in flight`,
      formatMedianAndRange(bare),
      formatMedianAndRange(ours),
      formatRatio(ours.quantile(0.5) / bare.quantile(0.5)),
    ]),
    ['50 in flight against one at a time', formatRatio(bareGain), `${formatRatio(ourGain)} (goal ${goal}×)`, ''],
  ],
)}`;
    const chart = barChart('Appends to the log', [
      {
        title: 'Appends a second',
        groups: results.map(({ atOnce }) => `${atOnce} in flight`),
        series: [
          { name: 'Our log', values: results.map(({ rates }) => rates.ours.quantile(0.5)) },
          { name: 'Bare group commit', values: results.map(({ rates }) => rates.bare.quantile(0.5)) },
        ],
      },
    ]);
    const missed = ourGain < goal ? [`50 in flight are ${formatRatio(ourGain)} one at a time, not ${goal}×`] : [];
    return { text, charts: { '': chart }, missed };
  },
};
