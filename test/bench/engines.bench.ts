import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import type { HttpCall } from './load-client.js';
import { median, Sample } from './measure.js';
import { type Bench, formatMs, markdownTable, formatRatio, formatInteger } from './report.js';
import { BenchService } from './bench-service.js';

const most = 64;

interface Round {
  readonly bare: number;
  readonly ours: number;
  readonly bareMs: number;
  readonly oursMs: number;
  readonly bareCpu: number;
  readonly oursCpu: number;
  readonly appends: number;
  readonly reads: number;
}

/** What a command costs where the log is a server. */
export const engines: Bench = {
  name: 'engines',
  description:
    "status commands over HTTP on EventStoreDB beside its client's own appends of one event of the same size, to the server at TEST_ESDB_URL",
  isLong: true,
  async run(options, say) {
    const server = process.env['TEST_ESDB_URL'];
    if (!server) throw new Error('TEST_ESDB_URL must say where a server of EventStoreDB is.');
    const [seconds, rounds] = [options.size('seconds', 4), options.size('rounds', 3)];
    const client = EventStoreDBClient.connectionString(server);
    const service = await BenchService.start(most, {
      EVENT_STORE_URL: `${server}#${randomUUID().replaceAll('-', '')}`,
      ID_KEY: 'of the benchmark alone',
    });
    const { client: http, program } = service;
    const leads = await Promise.all(
      Array.from({ length: most }, async (_, nth) => {
        const said = { channel: 'whatsapp', kind: 'chat', messageId: `m-${nth}`, text: 'Hello' };
        const { leadId } = await http.post<{ leadId: string }>('/v1/interactions', {
          contactId: `bench-${nth}`,
          ...said,
        });
        return { path: `/v1/leads/${leadId}/status`, changes: 0 };
      }),
    );

    const results = new Map<number, Round[]>();
    for (const atOnce of [1, most]) {
      const found: Round[] = [];
      results.set(atOnce, found);
      await http.closedLoop(atOnce, 1, commandsOn(leads.slice(0, atOnce)));
      await appending(client, atOnce, 0.5);
      for (let round = 1; round <= rounds; round++) {
        say(`${atOnce} in flight, round ${round} of ${rounds}`);
        const bare = await appending(client, atOnce, seconds);
        const [before, cpuBefore] = [await callsDone(server), program.cpuSeconds()];
        const ours = await http.closedLoop(atOnce, seconds, commandsOn(leads.slice(0, atOnce)));
        const [after, cpuAfter] = [await callsDone(server), program.cpuSeconds()];
        const { count } = ours.times;
        found.push({
          bare: bare.perSecond,
          ours: ours.perSecond,
          bareMs: bare.times.quantile(0.5),
          oursMs: ours.times.quantile(0.5),
          bareCpu: bare.cpuMs,
          oursCpu: ((cpuAfter - cpuBefore) * 1_000) / count,
          appends: (after.appends - before.appends) / count,
          reads: (after.reads - before.reads) / count,
        });
      }
    }
    await service.stop();
    await client.dispose();

    const head = ['In flight', 'Bare client', 'Commands over HTTP', 'Ratio', 'Appends', 'Reads', 'Processor time'];
    const rows = [...results].map(([atOnce, found]) => {
      const of = (which: keyof Round): number => median(found.map((it) => it[which]));
      return [
        formatInteger(atOnce),
        `${formatInteger(of('bare'))}/s, ${formatMs(of('bareMs'))}`,
        `${formatInteger(of('ours'))}/s, ${formatMs(of('oursMs'))}`,
        formatRatio(median(found.map((it) => it.ours / it.bare))),
        of('appends').toFixed(2),
        of('reads').toFixed(2),
        `${of('bareCpu').toFixed(2)} / ${of('oursCpu').toFixed(2)} ms`,
      ];
    });
    const words =
      `Medians of ${rounds} turns of ${seconds} s each, times p50. Appends and reads are what the server did for a command, by its own ` +
      'metrics; processor time is that of a bare append and of a command with its views, beside what the server takes.';
    return { text: `${words}\n\n${markdownTable(head, rows)}` };
  },
};

const statuses = ['contacted', 'qualifying'] as const;

/** Each lead has one command under way at a time. */
function commandsOn(leads: { readonly path: string; changes: number }[]): () => HttpCall {
  let turn = 0;
  return () => {
    const lead = leads[turn++ % leads.length]!;
    return { path: lead.path, body: JSON.stringify({ status: statuses[lead.changes++ % 2], note: 'Called back' }) };
  };
}

/** Calls that the server has done so far, as its own metrics tell. */
async function callsDone(server: string): Promise<{ readonly appends: number; readonly reads: number }> {
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

/** As large as what a status command stores. */
const data = { change: 'x'.repeat(700) };

async function appending(
  client: EventStoreDBClient,
  atOnce: number,
  seconds: number,
): Promise<{ readonly perSecond: number; readonly times: Sample; readonly cpuMs: number }> {
  const times = new Sample();
  const cpuBefore = process.cpuUsage();
  const since = performance.now();
  const one = async (): Promise<void> => {
    const stream = `bench-${randomUUID()}`;
    for (let revision = -1n; performance.now() - since < seconds * 1_000; revision++) {
      const begun = performance.now();
      const event = jsonEvent({ id: randomUUID(), type: 'LeadStatusChanged', data });
      await client.appendToStream(stream, event, { expectedRevision: revision < 0n ? NO_STREAM : revision });
      times.add(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  const { user, system } = process.cpuUsage(cpuBefore);
  const cpuMs = (user + system) / 1_000 / times.count;
  return { perSecond: (times.count * 1_000) / (performance.now() - since), times, cpuMs };
}
