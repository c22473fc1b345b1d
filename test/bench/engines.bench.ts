import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import type { HttpCall } from './load-client.js';
import { median, Sample } from './measure.js';
import { UsageError } from './options.js';
import { type Bench, formatMs, markdownTable, formatRatio, formatInteger } from './report.js';
import { BenchService } from './bench-service.js';

const maxConcurrency = 64;

interface Round {
  readonly bareRate: number;
  readonly ourRate: number;
  readonly bareMs: number;
  readonly ourMs: number;
  /** Milliseconds of processor time per append, and per command. */
  readonly bareCpuMs: number;
  readonly ourCpuMs: number;
  /** Per command. */
  readonly appends: number;
  readonly reads: number;
}

export const engines: Bench = {
  name: 'engines',
  description:
    "status commands over HTTP on the EventStoreDB at TEST_ESDB_URL, compared with its client's own appends of the same size",
  isLong: true,
  async run(options, report) {
    const server = process.env['TEST_ESDB_URL'];
    if (!server) throw new UsageError('TEST_ESDB_URL is not set. Set it to the URL of an EventStoreDB server.');
    const [seconds, rounds] = [options.size('seconds', 4), options.size('rounds', 3)];
    const client = EventStoreDBClient.connectionString(server);
    const service = await BenchService.start(maxConcurrency, {
      EVENT_STORE_URL: `${server}#${randomUUID().replaceAll('-', '')}`,
      ID_KEY: 'of the benchmark alone',
    });
    const { client: http, program } = service;
    const leads = await Promise.all(
      Array.from({ length: maxConcurrency }, async (_, index) => {
        const message = { channel: 'whatsapp', kind: 'chat', messageId: `m-${index}`, text: 'Hello' };
        const { leadId } = await http.post<{ leadId: string }>('/v1/interactions', {
          contactId: `bench-${index}`,
          ...message,
        });
        return { path: `/v1/leads/${leadId}/status`, changes: 0 };
      }),
    );

    const results = new Map<number, Round[]>();
    for (const concurrency of [1, maxConcurrency]) {
      const measured: Round[] = [];
      results.set(concurrency, measured);
      await http.closedLoop(concurrency, 1, statusCommands(leads.slice(0, concurrency)));
      await appendFor(0.5, client, concurrency);
      for (let round = 1; round <= rounds; round++) {
        report(`${concurrency} in flight, round ${round} of ${rounds}`);
        const bare = await appendFor(seconds, client, concurrency);
        const [callsBefore, cpuBefore] = [await countServerCalls(server), program.cpuSeconds()];
        const ours = await http.closedLoop(concurrency, seconds, statusCommands(leads.slice(0, concurrency)));
        const [callsAfter, cpuAfter] = [await countServerCalls(server), program.cpuSeconds()];
        const { count } = ours.times;
        measured.push({
          bareRate: bare.perSecond,
          ourRate: ours.perSecond,
          bareMs: bare.times.quantile(0.5),
          ourMs: ours.times.quantile(0.5),
          bareCpuMs: bare.cpuMs,
          ourCpuMs: ((cpuAfter - cpuBefore) * 1_000) / count,
          appends: (callsAfter.appends - callsBefore.appends) / count,
          reads: (callsAfter.reads - callsBefore.reads) / count,
        });
      }
    }
    await service.stop();
    await client.dispose();

    const head = [
      'In flight',
      'Bare client',
      'Commands over HTTP',
      'Ratio',
      'Appends per command',
      'Reads per command',
      'CPU time (bare / Leadstream)',
    ];
    const rows = [...results].map(([concurrency, measured]) => {
      const medianOf = (figure: keyof Round): number => median(measured.map((round) => round[figure]));
      return [
        formatInteger(concurrency),
        `${formatInteger(medianOf('bareRate'))}/s, ${formatMs(medianOf('bareMs'))}`,
        `${formatInteger(medianOf('ourRate'))}/s, ${formatMs(medianOf('ourMs'))}`,
        formatRatio(median(measured.map(({ ourRate, bareRate }) => ourRate / bareRate))),
        medianOf('appends').toFixed(2),
        medianOf('reads').toFixed(2),
        `${medianOf('bareCpuMs').toFixed(2)} / ${medianOf('ourCpuMs').toFixed(2)} ms`,
      ];
    });
    const method =
      `Medians of ${rounds} rounds of ${seconds} s each. Latencies are p50. Appends and reads are the server's operations per command, ` +
      "from its own metrics. CPU time is per bare append, and per command with its views; the server's own CPU time is not included.";
    return { text: `${method}\n\n${markdownTable(head, rows)}` };
  },
};

const statuses = ['contacted', 'qualifying'] as const;

/** Changes the status of one lead after another. With as many calls in flight as leads, each lead has one at a time. */
function statusCommands(leads: { readonly path: string; changes: number }[]): () => HttpCall {
  let calls = 0;
  return () => {
    const lead = leads[calls++ % leads.length]!;
    return { path: lead.path, body: JSON.stringify({ status: statuses[lead.changes++ % 2], note: 'Called back' }) };
  };
}

/** The number of calls that the server has completed so far, from its metrics. */
async function countServerCalls(server: string): Promise<{ readonly appends: number; readonly reads: number }> {
  const metrics = await (await fetch(`http://${new URL(server).host}/metrics`)).text();
  const count = (activity: string): number =>
    Number(
      new RegExp(
        `^eventstore_grpc_method_duration_seconds_count\\{[^}]*activity="${activity}",status="successful"\\} (\\d+)`,
        'm',
      ).exec(metrics)?.[1] ?? 0,
    );
  return { appends: count('append'), reads: count('read') };
}

/** As large as the event of a status command. */
const data = { change: 'x'.repeat(700) };

async function appendFor(
  seconds: number,
  client: EventStoreDBClient,
  concurrency: number,
): Promise<{ readonly perSecond: number; readonly times: Sample; readonly cpuMs: number }> {
  const times = new Sample();
  const cpuBefore = process.cpuUsage();
  const since = performance.now();
  const appendInLoop = async (): Promise<void> => {
    const stream = `bench-${randomUUID()}`;
    for (let revision = -1n; performance.now() - since < seconds * 1_000; revision++) {
      const begun = performance.now();
      const event = jsonEvent({ id: randomUUID(), type: 'LeadStatusChanged', data });
      await client.appendToStream(stream, event, { expectedRevision: revision < 0n ? NO_STREAM : revision });
      times.add(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, appendInLoop));
  const { user, system } = process.cpuUsage(cpuBefore);
  const cpuMs = (user + system) / 1_000 / times.count;
  return { perSecond: (times.count * 1_000) / (performance.now() - since), times, cpuMs };
}
