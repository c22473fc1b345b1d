import { setTimeout as sleep } from 'node:timers/promises';
import { type LinePanel, lineChart } from './chart.js';
import { CommandGenerator } from './command-generator.js';
import type { HttpCall } from './load-client.js';
import { median } from './measure.js';
import { type Bench, formatMs, formatP50AndP99, markdownTable, formatInteger } from './report.js';
import { BenchService } from './bench-service.js';

const load = { commands: 200, questions: 50 };
const samples = 120;

interface Look {
  readonly minute: number;
  readonly rss: number;
  readonly heap: number;
  readonly delay: number;
  readonly behind: number;
}

const questions = [
  '/v1/leads',
  '/v1/leads?active=true&sort=-updatedAt',
  '/v1/leads?status=contacted,qualified&sort=name',
  '/v1/leads?q=sample%20person',
  '/v1/leads?agentId=none&sort=createdAt',
  '/v1/follow-ups?due=upcoming',
  '/v1/agents',
];

/** Whether it is after a long time as it was at the beginning. */
export const soak: Bench = {
  name: 'soak',
  description: 'commands and questions for a while: memory and event-loop delay at the beginning and at the end',
  async run(options, say) {
    const minutes = options.size('minutes', 1);
    const service = await BenchService.start(64);
    const { client, program } = service;
    const commands = new CommandGenerator('soak');
    await commands.prepare(client);
    let asked = 0;
    const question = (): HttpCall => ({ method: 'GET', path: questions[asked++ % questions.length]! });

    const seconds = minutes * 60;
    const every = Math.max(1, seconds / samples);
    const since = performance.now();
    const elapsed = (): number => (performance.now() - since) / 1_000;
    const looks: Look[] = [];
    const watch = async (): Promise<void> => {
      for (let nth = 1; elapsed() < seconds; nth++) {
        await sleep(Math.max(0, Math.min(nth * every, seconds) - elapsed()) * 1_000);
        const behind = await service.lagEvents();
        const figure = await service.readMetrics();
        const heap = figure('nodejs_heap_size_used_bytes') / 2 ** 20;
        const delay = figure('nodejs_eventloop_lag_p99_seconds') * 1_000;
        looks.push({ minute: elapsed() / 60, rss: program.memoryMiB(), heap, delay, behind });
        if (nth % 20 === 0) say(`${(elapsed() / 60).toFixed(1)} minutes, ${formatInteger(looks.at(-1)!.rss)} MiB`);
      }
    };
    const [answered, shown] = await Promise.all([
      client.openLoop(load.commands, seconds, commands.next),
      client.openLoop(load.questions, seconds, question),
      watch(),
    ]);
    const late = await service.waitUntilCaughtUp();
    await service.stop();

    const fifth = Math.max(1, Math.floor(looks.length / 5));
    const [first, last] = [looks.slice(0, fifth), looks.slice(-fifth)];
    const both = (what: keyof Look): readonly [number, number] => [
      median(first.map((it) => it[what])),
      median(last.map((it) => it[what])),
    ];
    const [rss, heap, delay, behind] = [both('rss'), both('heap'), both('delay'), both('behind')];
    const rows = [
      ['Memory of the process', ...rss.map((it) => `${formatInteger(it)} MiB`)],
      ['Heap in use, of the thread that takes commands', ...heap.map((it) => `${formatInteger(it)} MiB`)],
      ['Event-loop delay of that thread (p99)', ...delay.map(formatMs)],
      ['Views behind', ...behind.map((it) => `${formatInteger(it)} events`)],
    ];
    const line = (what: keyof Look) => looks.map((it) => [it.minute, it[what]] as const);
    const panels: readonly LinePanel[] = [
      {
        title: 'Memory, MiB',
        xLabel: 'minutes',
        series: [
          { name: 'process', points: line('rss') },
          { name: 'heap in use', points: line('heap') },
        ],
      },
      { title: 'Event-loop delay (p99), ms', xLabel: 'minutes', series: [{ name: 'delay', points: line('delay') }] },
    ];
    const text = `${load.commands} commands and ${load.questions} questions a second for ${minutes} minutes; medians of the first and the last fifth of it.

${markdownTable(['', 'At the beginning', 'At the end'], rows)}

Commands were answered in ${formatP50AndP99(answered)} (p50 / p99), questions in ${formatP50AndP99(shown)}. All views had everything ${late.toFixed(2)} s after the last command.`;
    return { text, charts: { '': lineChart('A mixed load over time', panels) } };
  },
};
