import { barChart } from './chart.js';
import { CommandGenerator } from './command-generator.js';
import type { TimedResponse } from './load-client.js';
import { Sample } from './measure.js';
import { type Bench, formatMs, formatP50AndP99, markdownTable, formatInteger } from './report.js';
import { BenchService } from './bench-service.js';

const goalMs = 100;
/** The number of commands per second whose row is read. It is limited, because a read is load too. */
const readsPerSecond = 25;

/** The latencies of several rounds. */
class Rounds {
  private readonly rounds: Sample[] = [];
  add(round: Sample): void {
    this.rounds.push(round);
  }
  /** The quantile of each round. */
  quantiles(share: number): Sample {
    return new Sample(this.rounds.map((round) => round.quantile(share)));
  }
  /** The median over all rounds. */
  quantile(share: number): number {
    return this.quantiles(share).quantile(0.5);
  }
}

interface Result {
  readonly rate: number;
  readonly acknowledged: Rounds;
  readonly visible: Rounds;
  /** Latencies of a second read of the same row, which show the cost of the read alone. */
  readonly secondRead: Rounds;
  readonly lagEvents: Sample;
}

export const lag: Bench = {
  name: 'lag',
  description: 'time from the acknowledged command to the row that shows it, under a steady load',
  async run(options, report) {
    const [seconds, rounds] = [options.size('seconds', 8), options.size('rounds', 3)];
    const service = await BenchService.start(256);
    const { client } = service;
    const commands = new CommandGenerator('lag');
    await commands.prepare(client);
    report('warming up');
    await client.openLoop(500, Math.min(seconds, 2), commands.next);

    const results: Result[] = [];
    for (const rate of [100, 500, 1_000]) {
      const result: Result = {
        rate,
        acknowledged: new Rounds(),
        visible: new Rounds(),
        secondRead: new Rounds(),
        lagEvents: new Sample(),
      };
      results.push(result);
      for (let round = 1; round <= rounds; round++) {
        report(`${rate} commands per second, round ${round} of ${rounds}`);
        await service.waitUntilCaughtUp();
        const [visible, secondRead] = [new Sample(), new Sample()];
        const reads: Promise<void>[] = [];
        const readRow = async ({ text }: TimedResponse): Promise<void> => {
          const { lead, position } = JSON.parse(text) as { lead: { id: string }; position: string };
          const read = { method: 'GET', path: `/v1/leads/${lead.id}?after=${position}&wait=30000` } as const;
          visible.add((await client.call(read)).ms);
          secondRead.add((await client.call(read)).ms);
        };
        let calls = 0;
        const acknowledged = await client.openLoop(rate, seconds, () => {
          const call = commands.next();
          if (calls++ % Math.ceil(rate / readsPerSecond) > 0) return call;
          return {
            ...call,
            onResponse: (response) => {
              call.onResponse?.(response);
              reads.push(readRow(response));
            },
          };
        });
        result.lagEvents.add(await service.lagEvents());
        await Promise.all(reads);
        result.acknowledged.add(acknowledged);
        result.visible.add(visible);
        result.secondRead.add(secondRead);
      }
    }
    await service.stop();

    const head = [
      'Commands per second',
      'Acknowledged after (p50 / p99)',
      'Then visible after (p50 / p99)',
      'p99 of each round (lowest – highest)',
      'Second read of the same row (p50 / p99)',
      'View lag at the end',
    ];
    const rows = results.map(({ rate, acknowledged, visible, secondRead, lagEvents }) => [
      formatInteger(rate),
      formatP50AndP99(acknowledged),
      formatP50AndP99(visible),
      `${formatMs(visible.quantiles(0.99).quantile(0))} – ${formatMs(visible.quantiles(0.99).quantile(1))}`,
      formatP50AndP99(secondRead),
      `${formatInteger(lagEvents.quantile(1))} events`,
    ]);
    const chart = barChart(
      'Time from acknowledgement to visible row, ms',
      ([0.5, 0.99] as const).map((share) => ({
        title: share === 0.5 ? 'p50' : 'p99',
        groups: results.map(({ rate }) => `${formatInteger(rate)} per second`),
        series: [
          { name: 'until visible', values: results.map(({ visible }) => visible.quantile(share)) },
          { name: 'second read', values: results.map(({ secondRead }) => secondRead.quantile(share)) },
        ],
      })),
    );
    const missed = results
      .filter(({ visible }) => !(visible.quantile(0.99) < goalMs))
      .map(
        ({ rate, visible }) => `p99 ${formatMs(visible.quantile(0.99))} until visible at ${rate} commands per second`,
      );
    return {
      text: `Medians of ${rounds} rounds of ${seconds} s each.\n\n${markdownTable(head, rows)}`,
      charts: { '': chart },
      missed,
    };
  },
};
