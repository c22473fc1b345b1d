import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { median } from './figures.js';
import { Client, Times, type Call } from './load.js';
import { Program } from './program.js';

/*
 * What a command costs on EventStoreDB: status commands over HTTP beside the client's own appends of one event of the same size to
 * the same server, in turns. `TEST_ESDB_URL=esdb://127.0.0.1:2113?tls=false node dist/test/bench/engines.bench.js`, after
 * `npm run build`.
 */

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '5' }, rounds: { type: 'string', default: '3' } },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const most = 64;
const server = process.env['TEST_ESDB_URL'];
if (!server) throw new Error('TEST_ESDB_URL must say where a server of EventStoreDB is');

/** Calls that the server has done so far, as its own metrics tell. */
async function callsDone(): Promise<{ readonly appends: number; readonly reads: number }> {
  const metrics = await (await fetch(`http://${new URL(server!).host}/metrics`)).text();
  const count = (activity: string): number =>
    Number(
      new RegExp(
        `^eventstore_grpc_method_duration_seconds_count\\{[^}]*activity="${activity}",status="successful"\\} (\\d+)`,
        'm',
      ).exec(metrics)?.[1] ?? 0,
    );
  return { appends: count('append'), reads: count('read') };
}

const { program, url } = await Program.start('apps/all-in-one/main.js', {
  EVENT_STORE_URL: `${server}#${randomUUID().replaceAll('-', '')}`,
  ID_KEY: 'of the benchmark alone',
});
const http = new Client(url, most);
const headers = { 'content-type': 'application/json' };
const body = (it: object): string => JSON.stringify(it);

const leads = await Promise.all(
  Array.from({ length: most }, async (_, nth) => {
    const said = { contactId: `bench-${nth}`, channel: 'whatsapp', kind: 'chat', messageId: `m-${nth}`, text: 'Hello' };
    const { leadId } = await http.json<{ leadId: string }>({ path: '/v1/interactions', body: body(said) });
    return { path: `/v1/leads/${leadId}/status`, changes: 0 };
  }),
);
const statuses = ['contacted', 'qualifying'] as const;
/** Each lead has one command under way at a time. */
const commands = (atOnce: number): (() => Call) => {
  let turn = 0;
  return () => {
    const lead = leads[turn++ % atOnce]!;
    return { path: lead.path, headers, body: body({ status: statuses[lead.changes++ % 2]!, note: 'Called back' }) };
  };
};

/** As large as what a status command stores. */
const data = { change: 'x'.repeat(700) };
const client = EventStoreDBClient.connectionString(server);
async function appending(atOnce: number): Promise<{ perSecond: number; times: Times; cpuMs: number }> {
  const times = new Times();
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

const whole = (figure: number): string => Math.round(figure).toLocaleString('en');
for (const atOnce of [1, most]) {
  await http.closedLoop(atOnce, 1, commands(atOnce));
  await client.appendToStream(`bench-${randomUUID()}`, jsonEvent({ type: 'LeadStatusChanged', data }));
  const found: Record<'bare' | 'ours' | 'bareMs' | 'oursMs' | 'bareCpu' | 'oursCpu' | 'appends' | 'reads', number>[] =
    [];
  for (let round = 1; round <= rounds; round++) {
    const bare = await appending(atOnce);
    const [before, cpuBefore] = [await callsDone(), program.cpuSeconds()];
    const ours = await http.closedLoop(atOnce, seconds, commands(atOnce));
    const [after, cpuAfter] = [await callsDone(), program.cpuSeconds()];
    const { count } = ours.times;
    found.push({
      bare: bare.perSecond,
      ours: ours.perSecond,
      bareMs: bare.times.at(0.5),
      oursMs: ours.times.at(0.5),
      bareCpu: bare.cpuMs,
      oursCpu: ((cpuAfter - cpuBefore) * 1_000) / count,
      appends: (after.appends - before.appends) / count,
      reads: (after.reads - before.reads) / count,
    });
    console.log(
      `${atOnce} in flight, round ${round}: ${whole(bare.perSecond)} appends/s, ${whole(ours.perSecond)} commands/s`,
    );
  }
  const of = (which: keyof (typeof found)[number]): number => median(found.map((it) => it[which]));
  const ratio = median(found.map((it) => it.ours / it.bare));
  console.log(
    `${atOnce} in flight, medians: bare client ${whole(of('bare'))}/s (${of('bareMs').toFixed(1)} ms), commands over HTTP ` +
      `${whole(of('ours'))}/s (${of('oursMs').toFixed(1)} ms), ratio ${ratio.toFixed(2)}; a command is ` +
      `${of('appends').toFixed(3)} appends and ${of('reads').toFixed(3)} reads on the server; processor time beside the server's: ` +
      `${of('bareCpu').toFixed(2)} ms an append, ${of('oursCpu').toFixed(2)} ms a command with its views`,
  );
}
http.close();
await client.dispose();
await program.end();
process.exit();
