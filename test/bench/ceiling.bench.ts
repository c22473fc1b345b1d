import { barChart } from './chart.js';
import { CommandGenerator } from './command-generator.js';
import { LoadClient } from './load-client.js';
import { runAlternating, Sample, type Samples } from './measure.js';
import { ServerProcess } from './server-process.js';
import {
  type Bench,
  formatP50AndP99,
  formatMedianAndRange,
  markdownTable,
  formatRatio,
  formatInteger,
} from './report.js';
import { BenchService } from './bench-service.js';

interface Row {
  readonly atOnce: number;
  readonly rates: Samples<'bare' | 'ours'>;
  readonly bareTimes: Sample;
  readonly ourTimes: Sample;
  /** In events, and in seconds until they were not. */
  readonly behind: Sample;
  readonly late: Sample;
  /** Processor time of a command, in microseconds. */
  readonly cpu: { readonly bare: number; readonly ours: number };
}

/** Durable commands over HTTP, the views kept up to date beside, and the same calls to a route that only keeps them. */
export const ceiling: Bench = {
  name: 'ceiling',
  description: 'durable commands a second over HTTP, beside a bare route that appends one row for each',
  async run(options, say) {
    const [seconds, rounds] = [options.size('seconds', 3), options.size('rounds', 3)];
    const counts = options.sizes('connections', [1, 8, 64, 256]);
    const most = Math.max(...counts);
    const bare = await ServerProcess.start('test/bench/bare-server.js');
    const bareClient = new LoadClient(bare.url, most);
    const ours = await BenchService.start(most);
    const commands = new CommandGenerator('ceiling');
    await commands.prepare(ours.client);
    // Both get the same calls; whom they speak of, only ours can tell.
    const toBare = () => ({ ...commands.next(), heard: () => undefined });

    say('warming up');
    await ours.client.closedLoop(Math.min(64, most), Math.min(seconds, 2), commands.next);
    await bareClient.closedLoop(Math.min(64, most), Math.min(seconds, 2), toBare);
    const results: Row[] = [];
    for (const atOnce of counts) {
      say(`${atOnce} connections`);
      const [bareTimes, ourTimes, behind, late] = [new Sample(), new Sample(), new Sample(), new Sample()];
      await ours.waitUntilCaughtUp();
      const before = [bare.cpuSeconds(), ours.program.cpuSeconds()] as const;
      const rates = await runAlternating(rounds, {
        bare: async () => (await bareClient.closedLoop(atOnce, seconds, toBare, bareTimes)).perSecond,
        ours: async () => {
          const { perSecond } = await ours.client.closedLoop(atOnce, seconds, commands.next, ourTimes);
          behind.add(await ours.lagEvents());
          late.add(await ours.waitUntilCaughtUp());
          return perSecond;
        },
      });
      const cpu = {
        bare: ((bare.cpuSeconds() - before[0]) * 1e6) / bareTimes.count,
        ours: ((ours.program.cpuSeconds() - before[1]) * 1e6) / ourTimes.count,
      };
      results.push({ atOnce, rates, bareTimes, ourTimes, behind, late, cpu });
    }
    bareClient.close();
    await bare.stop();
    await ours.stop();

    const rows = results.map(({ atOnce, rates, bareTimes, ourTimes, behind, late, cpu }) => [
      `${atOnce}`,
      formatMedianAndRange(rates.bare),
      formatMedianAndRange(rates.ours),
      formatRatio(rates.ours.quantile(0.5) / rates.bare.quantile(0.5)),
      formatP50AndP99(bareTimes),
      formatP50AndP99(ourTimes),
      `${formatInteger(cpu.bare)} µs, ${formatInteger(cpu.ours)} µs`,
      `${formatInteger(behind.quantile(1))} events, ${late.quantile(1).toFixed(2)} s`,
    ]);
    const head = [
      ...['Connections', 'Bare route, a second', 'Leadstream, a second', 'Ratio'],
      ...[
        'Bare p50 / p99',
        'Leadstream p50 / p99',
        'Processor time a command, bare and here',
        'Views behind at the end',
      ],
    ];
    const groups = counts.map((it) => (it === 1 ? 'one connection' : `${it} connections`));
    const figures = (of: (row: Row) => readonly [number, number]) => [
      { name: 'Leadstream', values: results.map((it) => of(it)[0]) },
      { name: 'Bare route', values: results.map((it) => of(it)[1]) },
    ];
    const chart = barChart('Durable commands over HTTP', [
      {
        title: 'A second',
        groups,
        series: figures(({ rates }) => [rates.ours.quantile(0.5), rates.bare.quantile(0.5)]),
      },
      { title: 'p99, ms', groups, series: figures((it) => [it.ourTimes.quantile(0.99), it.bareTimes.quantile(0.99)]) },
    ]);
    const how = `Median of ${rounds} turns of ${seconds} s each, and from where to where they went.`;
    return { text: `${how}\n\n${markdownTable(head, rows)}`, charts: { '': chart } };
  },
};
