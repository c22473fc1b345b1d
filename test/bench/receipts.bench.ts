import { parseArgs } from 'node:util';
import type { ShownBroadcast } from '#projections/campaigns/campaigns.query';
import { providerSettings, statusOf, whatsApp, whatsAppHeaders } from '../support/providers.js';
import { Client, Times, type Call } from './load.js';
import { Program } from './program.js';

/*
 * Receipts as WhatsApp sends them, in signed batches of 10, beside a bare route that only keeps them; and a broadcast to many
 * recipients. `node dist/test/bench/receipts.bench.js --recipients 100000 --seconds 20`, after `npm run build`.
 */

const { values } = parseArgs({
  options: {
    recipients: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '20' },
    connections: { type: 'string', default: '16' },
  },
});
const recipients = Number(values.recipients);
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const batch = 10;
/** A tenth of 3,000 receipts a second, in webhooks. */
const tenth = 30;

const broadcastId = 'bench';
const messageId = (nth: number): string => `wamid.HBgMNDQ3NzAwOTAwMDAwFQIAERgS${String(nth).padStart(10, '0')}`;
const began = Date.now() - 3_600_000;
const steps = ['delivered', 'sent', 'read'] as const;

/** Webhooks about the broadcast's messages, each message told of three times, out of order, in different batches. */
function* webhooks(): Generator<Call> {
  for (let round = 0; ; round++) {
    const status = steps[round % steps.length]!;
    for (let from = 0; from < recipients; from += batch) {
      const statuses = Array.from({ length: batch }, (_, nth) =>
        statusOf(messageId((from + nth) % recipients), status, began + round * 1_000),
      );
      const body = JSON.stringify(whatsApp({ statuses }));
      yield { path: '/v1/webhooks/whatsapp', headers: whatsAppHeaders(body), body };
    }
  }
}

const rows: [what: string, bare: string, ours: string][] = [];
const tell = (what: string, bare: string, ours: string): void => {
  rows.push([what, bare, ours]);
  console.log(`${what}: ${bare === '' ? '' : `${bare} bare, `}${ours}`);
};
const whole = (figure: number): string => Math.round(figure).toLocaleString('en');
const ms = (figure: number): string => `${figure.toFixed(1)} ms`;
const spread = (times: Times): string => `${ms(times.at(0.5))} / ${ms(times.at(0.95))} / ${ms(times.at(0.99))}`;

/** The rate that it sustains, what a receipt costs of the processors, and how long one webhook takes at a tenth of the goal. */
async function measure(program: Program, client: Client, calls: Generator<Call>) {
  const next = (): Call => calls.next().value as Call;
  await client.closedLoop(connections, 2, next);
  const before = program.cpuSeconds();
  const full = await client.closedLoop(connections, seconds, next);
  const cpu = ((program.cpuSeconds() - before) * 1_000_000) / (full.times.count * batch);
  const afterwards = async (): Promise<Times> => client.openLoop(tenth, seconds, next);
  return { rate: full.perSecond * batch, full: full.times, cpu, afterwards };
}

async function bare() {
  const { program, url } = await Program.start('test/bench/bare-receipts.js');
  const client = new Client(url, connections);
  const { afterwards, ...found } = await measure(program, client, webhooks());
  const light = await afterwards();
  client.close();
  await program.end();
  return { ...found, light, peak: program.peakMiB };
}

const reference = await bare();
const { program, url } = await Program.start('apps/all-in-one/main.js', providerSettings);
const client = new Client(url, connections);
const post = <T>(path: string, body: object): Promise<T> => client.json({ path, body: JSON.stringify(body) });
const get = <T>(path: string): Promise<T> => client.json({ method: 'GET', path });

/** How long the views took to get there. */
async function caughtUp(position: string): Promise<number> {
  const since = performance.now();
  const views = [`broadcasts/${broadcastId}`, `broadcasts/${broadcastId}/recipients`, 'leads'];
  for (const view of views)
    for (;;) {
      const there = await get(`/v1/${view}?after=${position}&wait=30000`).then(
        () => true,
        (error: Error) => {
          if (error.message.includes('projection_behind')) return false;
          throw error;
        },
      );
      if (there) break;
    }
  return performance.now() - since;
}
const head = async (): Promise<string> =>
  (await post<{ position: string }>('/v1/agents', { name: 'A mark in the log' })).position;

const template = { name: 'bench', language: 'en', category: 'marketing', body: 'Hello {{1}}' };
await post('/v1/broadcasts', {
  id: broadcastId,
  name: 'Bench',
  campaign: { id: 'c', name: 'C' },
  template,
  channel: 'whatsapp',
});
const since = performance.now();
let sent = 0;
const sender = async (): Promise<void> => {
  while (sent < recipients) {
    const from = sent;
    sent += 1_000;
    const messages = Array.from({ length: Math.min(1_000, recipients - from) }, (_, nth) => ({
      contactId: `4477${String(from + nth).padStart(8, '0')}`,
      messageId: messageId(from + nth),
      parameters: [`Recipient ${from + nth}`],
    }));
    await post(`/v1/broadcasts/${broadcastId}/messages`, { messages });
  }
};
await Promise.all([sender(), sender()]);
const recorded = performance.now() - since;
tell(`Recording ${whole(recipients)} recipients`, '', `${whole((recipients * 1_000) / recorded)} a second`);
tell('… until the views have them', '', `${(((await caughtUp(await head())) + 0) / 1_000).toFixed(1)} s more`);

const ours = await measure(program, client, webhooks());
tell('Receipts, sustained, a second', whole(reference.rate), whole(ours.rate));
tell('… one webhook of 10 then (p50 / p95 / p99)', spread(reference.full), spread(ours.full));
tell('… processor time for a receipt', `${whole(reference.cpu)} µs`, `${whole(ours.cpu)} µs, views included`);
tell('… until the views have them', '', `${((await caughtUp(await head())) / 1_000).toFixed(1)} s more`);
tell(
  `One webhook at ${tenth * batch} receipts a second (p50 / p95 / p99)`,
  spread(reference.light),
  spread(await ours.afterwards()),
);
await caughtUp(await head());

const counters = new Times();
let shown: ShownBroadcast | undefined;
for (let nth = 0; nth < 100; nth++) {
  const one = await client.call({ method: 'GET', path: `/v1/broadcasts/${broadcastId}` });
  counters.add(one.ms);
  shown = JSON.parse(one.text) as ShownBroadcast;
}
tell('Counters of that broadcast (p50 / p95 / p99)', '', spread(counters));

const pages = new Times();
let found = 0;
for (let cursor: string | null = ''; cursor !== null;) {
  const one = await client.call({
    method: 'GET',
    path: `/v1/broadcasts/${broadcastId}/recipients?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
  });
  pages.add(one.ms);
  const page = JSON.parse(one.text) as { items: readonly object[]; nextCursor: string | null };
  found += page.items.length;
  cursor = page.nextCursor;
}
tell('A page of 200 recipients, over all pages (p50 / p95 / p99)', '', spread(pages));
tell('Most memory held', `${whole(reference.peak)} MiB`, `${whole(program.peakMiB)} MiB`);
if (found !== recipients) throw new Error(`${found} recipients were listed, not ${recipients}`);
console.log(JSON.stringify(shown?.counters));
client.close();
await program.end();

console.log(
  ['', '| | Bare route | Leadstream |', '|---|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n'),
);
