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

interface Result {
  readonly connections: number;
  readonly rates: Samples<'bare' | 'ours'>;
  readonly bareTimes: Sample;
  readonly ourTimes: Sample;
  /** View lag at the end of a round, in events. */
  readonly lagEvents: Sample;
  /** Seconds until the views had caught up after a round. */
  readonly catchUpSeconds: Sample;
  /** Microseconds per command. */
  readonly cpu: { readonly bare: number; readonly ours: number };
}

export const ceiling: Bench = {
  name: 'ceiling',
  description: 'durable commands per second over HTTP, compared with a bare route that appends one row per call',
  async run(options, report) {
    const [seconds, rounds] = [options.size('seconds', 3), options.size('rounds', 3)];
    const connectionCounts = options.sizes('connections', [1, 8, 64, 256]);
    const maxConnections = Math.max(...connectionCounts);
    const bare = await ServerProcess.start('test/bench/bare-server.js');
    const bareClient = new LoadClient(bare.url, maxConnections);
    const ours = await BenchService.start(maxConnections);
    const commands = new CommandGenerator('ceiling');
    await commands.prepare(ours.client);
    // Both get the same calls, but only responses of the service name the leads that later calls need.
    const nextForBare = () => ({ ...commands.next(), onResponse: () => undefined });

    report('warming up');
    const [warmUpConnections, warmUpSeconds] = [Math.min(64, maxConnections), Math.min(seconds, 2)];
    await ours.client.closedLoop(warmUpConnections, warmUpSeconds, commands.next);
    await bareClient.closedLoop(warmUpConnections, warmUpSeconds, nextForBare);
    const results: Result[] = [];
    for (const connections of connectionCounts) {
      report(`${connections} connections`);
      const [bareTimes, ourTimes] = [new Sample(), new Sample()];
      const [lagEvents, catchUpSeconds] = [new Sample(), new Sample()];
      await ours.waitUntilCaughtUp();
      const cpuBefore = { bare: bare.cpuSeconds(), ours: ours.program.cpuSeconds() };
      const rates = await runAlternating(rounds, {
        bare: async () => (await bareClient.closedLoop(connections, seconds, nextForBare, bareTimes)).perSecond,
        ours: async () => {
          const { perSecond } = await ours.client.closedLoop(connections, seconds, commands.next, ourTimes);
          lagEvents.add(await ours.lagEvents());
          catchUpSeconds.add(await ours.waitUntilCaughtUp());
          return perSecond;
        },
      });
      const cpu = {
        bare: ((bare.cpuSeconds() - cpuBefore.bare) * 1e6) / bareTimes.count,
        ours: ((ours.program.cpuSeconds() - cpuBefore.ours) * 1e6) / ourTimes.count,
      };
      results.push({ connections, rates, bareTimes, ourTimes, lagEvents, catchUpSeconds, cpu });
    }
    bareClient.close();
    await bare.stop();
    await ours.stop();

    const rows = results.map(({ connections, rates, bareTimes, ourTimes, lagEvents, catchUpSeconds, cpu }) => [
      `${connections}`,
      formatMedianAndRange(rates.bare),
      formatMedianAndRange(rates.ours),
      formatRatio(rates.ours.quantile(0.5) / rates.bare.quantile(0.5)),
      formatP50AndP99(bareTimes),
      formatP50AndP99(ourTimes),
      `${formatInteger(cpu.bare)} µs, ${formatInteger(cpu.ours)} µs`,
      `${formatInteger(lagEvents.quantile(1))} events, ${catchUpSeconds.quantile(1).toFixed(2)} s`,
    ]);
    const head = [
      'Connections',
      'Bare route, per second',
      'Leadstream, per second',
      'Ratio',
      'Bare p50 / p99',
      'Leadstream p50 / p99',
      'CPU time per command (bare, Leadstream)',
      'View lag at the end',
    ];
    const groups = connectionCounts.map((count) => (count === 1 ? '1 connection' : `${count} connections`));
    const seriesOf = (read: (result: Result) => { readonly bare: number; readonly ours: number }) => [
      { name: 'Leadstream', values: results.map((result) => read(result).ours) },
      { name: 'Bare route', values: results.map((result) => read(result).bare) },
    ];
    const chart = barChart('Durable commands over HTTP', [
      {
        title: 'Commands per second',
        groups,
        series: seriesOf(({ rates }) => ({ bare: rates.bare.quantile(0.5), ours: rates.ours.quantile(0.5) })),
      },
      {
        title: 'p99, ms',
        groups,
        series: seriesOf(({ bareTimes, ourTimes }) => ({
          bare: bareTimes.quantile(0.99),
          ours: ourTimes.quantile(0.99),
        })),
      },
    ]);
    const method = `Median of ${rounds} rounds of ${seconds} s each (lowest – highest).`;
    return { text: `${method}\n\n${markdownTable(head, rows)}`, charts: { '': chart } };
  },
};
