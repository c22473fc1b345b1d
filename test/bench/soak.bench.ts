import { setTimeout as sleep } from 'node:timers/promises';
import { type LinePanel, lineChart } from './chart.js';
import { CommandGenerator } from './command-generator.js';
import type { HttpCall } from './load-client.js';
import { median } from './measure.js';
import { type Bench, formatMs, formatP50AndP99, markdownTable, formatInteger } from './report.js';
import { BenchService } from './bench-service.js';

/** Per second. */
const load = { commands: 200, queries: 50 };
const sampleCount = 120;

interface ResourceSample {
  readonly minute: number;
  readonly rssMiB: number;
  readonly heapMiB: number;
  readonly delayMs: number;
  readonly lagEvents: number;
}

const queryPaths = [
  '/v1/leads',
  '/v1/leads?active=true&sort=-updatedAt',
  '/v1/leads?status=contacted,qualified&sort=name',
  '/v1/leads?q=sample%20person',
  '/v1/leads?agentId=none&sort=createdAt',
  '/v1/follow-ups?due=upcoming',
  '/v1/agents',
];

export const soak: Bench = {
  name: 'soak',
  description: 'commands and queries at a steady rate: memory and event-loop delay at the start and at the end',
  async run(options, report) {
    const minutes = options.size('minutes', 1);
    const service = await BenchService.start(64);
    const { client, program } = service;
    const commands = new CommandGenerator('soak');
    await commands.prepare(client);
    let queries = 0;
    const nextQuery = (): HttpCall => ({ method: 'GET', path: queryPaths[queries++ % queryPaths.length]! });

    const seconds = minutes * 60;
    const intervalSeconds = Math.max(1, seconds / sampleCount);
    const since = performance.now();
    const elapsed = (): number => (performance.now() - since) / 1_000;
    const samples: ResourceSample[] = [];
    const takeSamples = async (): Promise<void> => {
      for (let number = 1; elapsed() < seconds; number++) {
        await sleep(Math.max(0, Math.min(number * intervalSeconds, seconds) - elapsed()) * 1_000);
        const lagEvents = await service.lagEvents();
        const metric = await service.readMetrics();
        const heapMiB = metric('nodejs_heap_size_used_bytes') / 2 ** 20;
        const delayMs = metric('nodejs_eventloop_lag_p99_seconds') * 1_000;
        const rssMiB = program.memoryMiB();
        samples.push({ minute: elapsed() / 60, rssMiB, heapMiB, delayMs, lagEvents });
        if (number % 20 === 0) report(`${(elapsed() / 60).toFixed(1)} minutes, ${formatInteger(rssMiB)} MiB`);
      }
    };
    const [commandTimes, queryTimes] = await Promise.all([
      client.openLoop(load.commands, seconds, commands.next),
      client.openLoop(load.queries, seconds, nextQuery),
      takeSamples(),
    ]);
    const catchUpSeconds = await service.waitUntilCaughtUp();
    await service.stop();

    const fifth = Math.max(1, Math.floor(samples.length / 5));
    const rowOf = (label: string, figure: keyof ResourceSample, format: (value: number) => string) => [
      label,
      ...[samples.slice(0, fifth), samples.slice(-fifth)].map((part) =>
        format(median(part.map((sample) => sample[figure]))),
      ),
    ];
    const formatMiB = (value: number): string => `${formatInteger(value)} MiB`;
    const rows = [
      rowOf('Memory of the process', 'rssMiB', formatMiB),
      rowOf('Heap in use, command thread', 'heapMiB', formatMiB),
      rowOf('Event-loop delay, command thread (p99)', 'delayMs', formatMs),
      rowOf('View lag', 'lagEvents', (value) => `${formatInteger(value)} events`),
    ];
    const pointsOf = (figure: keyof ResourceSample) =>
      samples.map((sample) => [sample.minute, sample[figure]] as const);
    const panels: readonly LinePanel[] = [
      {
        title: 'Memory, MiB',
        xLabel: 'minutes',
        series: [
          { name: 'process', points: pointsOf('rssMiB') },
          { name: 'heap in use', points: pointsOf('heapMiB') },
        ],
      },
      {
        title: 'Event-loop delay (p99), ms',
        xLabel: 'minutes',
        series: [{ name: 'delay', points: pointsOf('delayMs') }],
      },
    ];
    const text = `${load.commands} commands and ${load.queries} queries per second for ${minutes} minutes. Medians of the first and the last fifth of the time.

${markdownTable(['', 'First fifth', 'Last fifth'], rows)}

Latency (p50 / p99): commands ${formatP50AndP99(commandTimes)}, queries ${formatP50AndP99(queryTimes)}. The views were up to date ${catchUpSeconds.toFixed(2)} s after the last command.`;
    return { text, charts: { '': lineChart('Mixed load over time', panels) } };
  },
};
