import type { BroadcastResource } from '#projections/campaigns/campaigns.query';
import { providerSettings, whatsAppStatus, whatsAppPayload, whatsAppHeaders } from '../support/provider-webhooks.js';
import { barChart } from './chart.js';
import { LoadClient, type HttpCall } from './load-client.js';
import { runConcurrently, runAlternating, Sample } from './measure.js';
import { ServerProcess } from './server-process.js';
import {
  type Bench,
  formatMs,
  formatP50AndP99,
  formatMedianAndRange,
  markdownTable,
  formatRatio,
  formatInteger,
} from './report.js';
import { BenchService } from './bench-service.js';

const goal = { perSecond: 3_000, batch: 10, atTenthMs: 25, countersMs: 50 };
const id = 'bench';
const broadcast = `/v1/broadcasts/${id}`;
const steps = ['delivered', 'sent', 'read'] as const;
const messageId = (nth: number): string => `wamid.HBgMNDQ3NzAwOTAwMDAwFQIAERgS${String(nth).padStart(10, '0')}`;

/** Receipts as WhatsApp sends them, each message told of again and again, out of order, never twice the same. */
class Webhooks {
  private nth = 0;
  private readonly began = Date.now() - 3_600_000;
  constructor(private readonly recipients: number) {}

  next(size: number): HttpCall {
    const statuses = Array.from({ length: size }, () => {
      const [round, message] = [Math.floor(this.nth / this.recipients), this.nth % this.recipients];
      this.nth += 1;
      return whatsAppStatus(messageId(message), steps[round % steps.length]!, this.began + round * 1_000);
    });
    const body = JSON.stringify(whatsAppPayload({ statuses }));
    return { path: '/v1/webhooks/whatsapp', headers: whatsAppHeaders(body), body };
  }
}

/** Signed webhooks beside a route that only keeps them, and the life of one big broadcast. */
export const receipts: Bench = {
  name: 'receipts',
  description:
    'signed webhooks in batches of 1, 10 and 100, beside a bare route; a broadcast from recording to its counters',
  async run(options, say) {
    const recipients = options.size('recipients', 100_000);
    const [seconds, rounds] = [options.size('seconds', 3), options.size('rounds', 3)];
    const connections = options.size('connections', 16);
    const bare = await ServerProcess.start('test/bench/bare-server.js');
    const bareClient = new LoadClient(bare.url, connections);
    const ours = await BenchService.start(connections, providerSettings);
    const { client } = ours;
    const webhooks = new Webhooks(recipients);
    const told: [what: string, figure: string][] = [];
    const tell = (what: string, figure: string): void => void (told.push([what, figure]), say(`${what}: ${figure}`));
    const counters = async () => (await client.get<BroadcastResource>(broadcast)).counters;

    const template = { name: 'bench', language: 'en', category: 'marketing', body: 'Hello {{1}}' };
    const campaign = { id: 'c', name: 'C' };
    await client.post('/v1/broadcasts', { id, name: 'Bench', campaign, template, channel: 'whatsapp' });
    const since = performance.now();
    const soFar = (): string => `${((performance.now() - since) / 1_000).toFixed(1)} s`;
    const batch = 1_000;
    await runConcurrently(Math.ceil(recipients / batch), 2, async (nth) => {
      const messages = Array.from({ length: Math.min(batch, recipients - nth * batch) }, (_, within) => ({
        contactId: `4477${String(nth * batch + within).padStart(8, '0')}`,
        messageId: messageId(nth * batch + within),
        parameters: [`Recipient ${nth * batch + within}`],
      }));
      await client.post(`${broadcast}/messages`, { messages });
    });
    const recorded = performance.now() - since;
    tell(
      `Recording ${formatInteger(recipients)} recipients`,
      `${formatInteger((recipients * 1_000) / recorded)} a second`,
    );
    tell('… and all views have them, from the beginning', (await ours.waitUntilCaughtUp(), soFar()));
    await runConcurrently(Math.ceil(recipients / 100), connections, () => client.call(webhooks.next(100)));
    tell('… and each was delivered, in webhooks of 100', soFar());
    await ours.waitUntilCaughtUp();
    const { delivered } = await counters();
    tell('… and the counters are final', soFar());
    if (delivered < recipients) throw new Error(`${delivered} of ${recipients} are counted as delivered`);

    const results = [];
    for (const size of [1, 10, 100]) {
      say(`webhooks of ${size}`);
      const [bareTimes, ourTimes] = [new Sample(), new Sample()];
      const cpu = { bare: 0, ours: 0 };
      const next = (): HttpCall => webhooks.next(size);
      const turn = (program: ServerProcess, to: LoadClient, sample: Sample, whose: keyof typeof cpu) => async () => {
        const before = [program.cpuSeconds(), sample.count] as const;
        const { perSecond } = await to.closedLoop(connections, seconds, next, sample);
        // What is left to the views is part of the price.
        if (whose === 'ours') await ours.waitUntilCaughtUp();
        cpu[whose] = ((program.cpuSeconds() - before[0]) * 1e6) / ((sample.count - before[1]) * size);
        return perSecond * size;
      };
      const rates = await runAlternating(rounds, {
        bare: turn(bare, bareClient, bareTimes, 'bare'),
        ours: turn(ours.program, client, ourTimes, 'ours'),
      });
      results.push({ size, rates, bareTimes, ourTimes, cpu });
    }

    const tenth = goal.perSecond / 10;
    const light = (to: LoadClient) => to.openLoop(tenth / goal.batch, 2 * seconds, () => webhooks.next(goal.batch));
    const [bareLight, ourLight] = [await light(bareClient), await light(client)];
    const lightly = `${formatP50AndP99(bareLight)} bare, ${formatP50AndP99(ourLight)} here`;
    tell(`A webhook of ${goal.batch} at ${tenth} receipts a second (p50 / p99)`, lightly);
    const counting = new Sample();
    for (let nth = 0; nth < 100; nth++) counting.add((await client.call({ method: 'GET', path: broadcast })).ms);
    tell('Counters of that broadcast (p50 / p99)', formatP50AndP99(counting));
    const paging = new Sample();
    let found = 0;
    for (let cursor: string | null = ''; cursor !== null;) {
      const path: string = `${broadcast}/recipients?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
      const one = await client.call({ method: 'GET', path });
      paging.add(one.ms);
      const page = JSON.parse(one.text) as { items: readonly object[]; nextCursor: string | null };
      found += page.items.length;
      cursor = page.nextCursor;
    }
    if (found !== recipients) throw new Error(`${found} recipients were listed, not ${recipients}`);
    tell('A page of 200 recipients, over all pages (p50 / p99)', formatP50AndP99(paging));
    tell(
      'Most memory held',
      `${formatInteger(bare.peakMiB)} MiB bare, ${formatInteger(ours.program.peakMiB)} MiB here`,
    );
    bareClient.close();
    await bare.stop();
    await ours.stop();

    const head = [
      ...['Webhooks of', 'Bare route, receipts a second', 'Leadstream, receipts a second', 'Ratio'],
      ...['Bare p50 / p99', 'Leadstream p50 / p99', 'Processor time a receipt, bare and here'],
    ];
    const rows = results.map(({ size, rates, bareTimes, ourTimes, cpu }) => [
      `${size}`,
      formatMedianAndRange(rates.bare),
      formatMedianAndRange(rates.ours),
      formatRatio(rates.ours.quantile(0.5) / rates.bare.quantile(0.5)),
      formatP50AndP99(bareTimes),
      formatP50AndP99(ourTimes),
      `${formatInteger(cpu.bare)} µs, ${formatInteger(cpu.ours)} µs`,
    ]);
    const how = `Median of ${rounds} turns of ${seconds} s each with ${connections} connections, and from where to where they went.`;
    const chart = barChart('Receipts by signed webhooks', [
      {
        title: 'Receipts a second',
        groups: results.map(({ size }) => `webhooks of ${size}`),
        series: [
          { name: 'Leadstream', values: results.map(({ rates }) => rates.ours.quantile(0.5)) },
          { name: 'Bare route', values: results.map(({ rates }) => rates.bare.quantile(0.5)) },
        ],
      },
    ]);
    const sustained = results.find(({ size }) => size === goal.batch)!.rates.ours.quantile(0.5);
    const missed = [
      ...(sustained < goal.perSecond ? [`${formatInteger(sustained)} receipts a second, not ${goal.perSecond}`] : []),
      ...(ourLight.quantile(0.95) > goal.atTenthMs
        ? [`p95 ${formatMs(ourLight.quantile(0.95))} at ${tenth} receipts a second`]
        : []),
      ...(counting.quantile(0.95) > goal.countersMs
        ? [`counters take ${formatMs(counting.quantile(0.95))} (p95)`]
        : []),
    ];
    const text = [
      how,
      markdownTable(head, rows),
      markdownTable([`A broadcast to ${formatInteger(recipients)}`, ''], told),
    ].join('\n\n');
    return { text, charts: { '': chart }, missed };
  },
};
