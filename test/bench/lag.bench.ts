import { barChart } from './chart.js';
import { CommandGenerator } from './command-generator.js';
import type { TimedResponse } from './load-client.js';
import { Sample } from './measure.js';
import { type Bench, formatMs, formatP50AndP99, markdownTable, formatInteger } from './report.js';
import { BenchService } from './bench-service.js';

/** Of the commands, so many a second are looked for: a look is a request too. */
const looks = 25;

/** The p50 and the p99 of each turn. */
class Turns {
  private readonly turns: Sample[] = [];
  add(turn: Sample): void {
    this.turns.push(turn);
  }
  all(share: number): Sample {
    return new Sample(this.turns.map((turn) => turn.quantile(share)));
  }
  /** The median of all turns. */
  quantile(share: number): number {
    return this.all(share).quantile(0.5);
  }
}

interface Row {
  readonly rate: number;
  readonly acknowledged: Turns;
  readonly visible: Turns;
  /** The same row asked for once more: what asking alone takes. */
  readonly again: Turns;
  readonly behind: Sample;
}

/** How long after its acknowledgement a command can be read. */
export const lag: Bench = {
  name: 'lag',
  description:
    'from the acknowledged command to the row that shows it, under a steady load, beside reading that row once more',
  async run(options, say) {
    const [seconds, rounds] = [options.size('seconds', 8), options.size('rounds', 3)];
    const service = await BenchService.start(256);
    const { client } = service;
    const commands = new CommandGenerator('lag');
    await commands.prepare(client);
    say('warming up');
    await client.openLoop(500, Math.min(seconds, 2), commands.next);

    const results: Row[] = [];
    for (const rate of [100, 500, 1_000]) {
      const row = { rate, acknowledged: new Turns(), visible: new Turns(), again: new Turns(), behind: new Sample() };
      results.push(row);
      for (let round = 1; round <= rounds; round++) {
        say(`${rate} commands a second, turn ${round} of ${rounds}`);
        await service.waitUntilCaughtUp();
        const [visible, again, waiting] = [new Sample(), new Sample(), [] as Promise<void>[]];
        const look = async ({ text }: TimedResponse): Promise<void> => {
          const { lead, position } = JSON.parse(text) as { lead: { id: string }; position: string };
          const ask = { method: 'GET', path: `/v1/leads/${lead.id}?after=${position}&wait=30000` } as const;
          visible.add((await client.call(ask)).ms);
          again.add((await client.call(ask)).ms);
        };
        let nth = 0;
        const acknowledged = await client.openLoop(rate, seconds, () => {
          const call = commands.next();
          if (nth++ % Math.ceil(rate / looks) > 0) return call;
          return { ...call, onResponse: (heard) => (call.onResponse?.(heard), waiting.push(look(heard))) };
        });
        row.behind.add(await service.lagEvents());
        await Promise.all(waiting);
        row.acknowledged.add(acknowledged);
        row.visible.add(visible);
        row.again.add(again);
      }
    }
    await service.stop();

    const head = [
      ...['Commands a second', 'Acknowledged (p50 / p99)', 'Visible after that (p50 / p99)', 'Its p99, turn by turn'],
      ...['The same row once more (p50 / p99)', 'Views behind at the end'],
    ];
    const rows = results.map(({ rate, acknowledged, visible, again, behind }) => [
      formatInteger(rate),
      formatP50AndP99(acknowledged),
      formatP50AndP99(visible),
      `${formatMs(visible.all(0.99).quantile(0))} – ${formatMs(visible.all(0.99).quantile(1))}`,
      formatP50AndP99(again),
      `${formatInteger(behind.quantile(1))} events`,
    ]);
    const chart = barChart(
      'From the acknowledgement to the visible row, ms',
      ([0.5, 0.99] as const).map((share) => ({
        title: share === 0.5 ? 'p50' : 'p99',
        groups: results.map(({ rate }) => `${rate} a second`),
        series: [
          { name: 'until visible', values: results.map(({ visible }) => visible.quantile(share)) },
          { name: 'the row once more', values: results.map(({ again }) => again.quantile(share)) },
        ],
      })),
    );
    const late = results.filter(({ visible }) => !(visible.quantile(0.99) < 100));
    return {
      text: `Medians of ${rounds} turns of ${seconds} s each.\n\n${markdownTable(head, rows)}`,
      charts: { '': chart },
      missed: late.map(
        ({ rate, visible }) => `${formatMs(visible.quantile(0.99))} until visible (p99) at ${rate} commands a second`,
      ),
    };
  },
};
