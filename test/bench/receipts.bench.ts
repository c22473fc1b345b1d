import type { BroadcastResource } from '#projections/campaigns/campaigns.query';
import { providerSettings, whatsAppStatus, whatsAppPayload, whatsAppHeaders } from '../support/provider-webhooks.js';
import { barChart } from './chart.js';
import { LoadClient, type HttpCall } from './load-client.js';
import { runConcurrently, runAlternating, Sample } from './measure.js';
import type { BenchOptions } from './options.js';
import { ServerProcess } from './server-process.js';
import {
  type Bench,
  formatMs,
  formatP50AndP99,
  formatMedianAndRange,
  markdownTable,
  formatRatio,
  formatInteger,
  type ReportProgress,
} from './report.js';
import { BenchService } from './bench-service.js';

/** Receipts per second in webhooks of `batchSize`; p95 at a tenth of that rate, and p95 of reading the counters. */
const goal = { perSecond: 3_000, batchSize: 10, lightLoadMs: 25, countersMs: 50 };
const lightLoad = goal.perSecond / 10;
const recordBatchSize = 1_000;
const broadcastId = 'bench';
const broadcastPath = `/v1/broadcasts/${broadcastId}`;
const receiptTypes = ['delivered', 'sent', 'read'] as const;
const messageId = (index: number): string => `wamid.HBgMNDQ3NzAwOTAwMDAwFQIAERgS${String(index).padStart(10, '0')}`;

/** Receipts as WhatsApp sends them: several for each message, out of order, none of them twice. */
class WebhookGenerator {
  private generated = 0;
  private readonly begin = Date.now() - 3_600_000;
  constructor(private readonly recipients: number) {}

  next(size: number): HttpCall {
    const statuses = Array.from({ length: size }, () => {
      const [round, message] = [Math.floor(this.generated / this.recipients), this.generated % this.recipients];
      this.generated += 1;
      const type = receiptTypes[round % receiptTypes.length]!;
      return whatsAppStatus(messageId(message), type, this.begin + round * 1_000);
    });
    const body = JSON.stringify(whatsAppPayload({ statuses }));
    return { path: '/v1/webhooks/whatsapp', headers: whatsAppHeaders(body), body };
  }
}

interface ReceiptBench {
  readonly recipients: number;
  readonly connections: number;
  /** Duration of one measurement. */
  readonly seconds: number;
  readonly rounds: number;
  readonly bare: ServerProcess;
  readonly bareClient: LoadClient;
  readonly ours: BenchService;
  readonly webhooks: WebhookGenerator;
  readonly report: ReportProgress;
}

async function startBench(options: BenchOptions, report: ReportProgress): Promise<ReceiptBench> {
  const recipients = options.size('recipients', 100_000);
  const connections = options.size('connections', 16);
  const bare = await ServerProcess.start('test/bench/bare-server.js');
  return {
    recipients,
    connections,
    seconds: options.size('seconds', 3),
    rounds: options.size('rounds', 3),
    bare,
    bareClient: new LoadClient(bare.url, connections),
    ours: await BenchService.start(connections, providerSettings),
    webhooks: new WebhookGenerator(recipients),
    report,
  };
}

type Figures = readonly (readonly [label: string, figure: string])[];

/** Records a broadcast and delivers it to every recipient. */
async function measureBroadcast({ recipients, connections, ours, webhooks, report }: ReceiptBench): Promise<Figures> {
  const { client } = ours;
  const figures: [label: string, figure: string][] = [];
  const addFigure = (label: string, figure: string): void => {
    figures.push([label, figure]);
    report(`${label}: ${figure}`);
  };
  const template = { name: 'bench', language: 'en', category: 'marketing', body: 'Hello {{1}}' };
  const campaign = { id: 'c', name: 'C' };
  const broadcast = { id: broadcastId, name: 'Bench', campaign, template, channel: 'whatsapp' };
  await client.post('/v1/broadcasts', broadcast);
  const since = performance.now();
  const elapsed = (): string => `${((performance.now() - since) / 1_000).toFixed(1)} s`;
  await runConcurrently(Math.ceil(recipients / recordBatchSize), 2, async (batch) => {
    const first = batch * recordBatchSize;
    const messages = Array.from({ length: Math.min(recordBatchSize, recipients - first) }, (_, offset) => ({
      contactId: `4477${String(first + offset).padStart(8, '0')}`,
      messageId: messageId(first + offset),
      parameters: [`Recipient ${first + offset}`],
    }));
    await client.post(`${broadcastPath}/messages`, { messages });
  });
  const recordRate = (recipients * 1_000) / (performance.now() - since);
  addFigure(`Record ${formatInteger(recipients)} recipients`, `${formatInteger(recordRate)} per second`);
  await ours.waitUntilCaughtUp();
  addFigure('Time until all views have them', elapsed());
  await runConcurrently(Math.ceil(recipients / 100), connections, () => client.call(webhooks.next(100)));
  addFigure('Time until all are delivered, in webhooks of 100', elapsed());
  await ours.waitUntilCaughtUp();
  const { counters } = await client.get<BroadcastResource>(broadcastPath);
  addFigure('Time until the counters are final', elapsed());
  if (counters.delivered < recipients)
    throw new Error(`The counters show ${counters.delivered} delivered messages instead of ${recipients}.`);
  return figures;
}

async function measureThroughput(bench: ReceiptBench, size: number) {
  const { connections, seconds, rounds, bare, bareClient, ours, webhooks, report } = bench;
  report(`webhooks of ${size}`);
  const [bareTimes, ourTimes] = [new Sample(), new Sample()];
  const cpu = { bare: 0, ours: 0 };
  const measure =
    (program: ServerProcess, client: LoadClient, times: Sample, contestant: keyof typeof cpu) => async () => {
      const [cpuBefore, countBefore] = [program.cpuSeconds(), times.count];
      const { perSecond } = await client.closedLoop(connections, seconds, () => webhooks.next(size), times);
      // The CPU time of a receipt includes its views.
      if (contestant === 'ours') await ours.waitUntilCaughtUp();
      cpu[contestant] = ((program.cpuSeconds() - cpuBefore) * 1e6) / ((times.count - countBefore) * size);
      return perSecond * size;
    };
  const rates = await runAlternating(rounds, {
    bare: measure(bare, bareClient, bareTimes, 'bare'),
    ours: measure(ours.program, ours.client, ourTimes, 'ours'),
  });
  return { size, rates, bareTimes, ourTimes, cpu };
}

async function measureCounters({ client }: BenchService): Promise<Sample> {
  const times = new Sample();
  for (let count = 0; count < 100; count++) times.add((await client.call({ method: 'GET', path: broadcastPath })).ms);
  return times;
}

async function measureRecipientPages({ ours: { client }, recipients }: ReceiptBench): Promise<Sample> {
  const times = new Sample();
  let listed = 0;
  for (let cursor: string | null = ''; cursor !== null;) {
    const path: string = `${broadcastPath}/recipients?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
    const response = await client.call({ method: 'GET', path });
    times.add(response.ms);
    const page = JSON.parse(response.text) as { items: readonly object[]; nextCursor: string | null };
    listed += page.items.length;
    cursor = page.nextCursor;
  }
  if (listed !== recipients) throw new Error(`The pages list ${listed} recipients instead of ${recipients}.`);
  return times;
}

export const receipts: Bench = {
  name: 'receipts',
  description:
    'signed webhooks of 1, 10 and 100 receipts, compared with a bare route; a broadcast until its counters are final',
  async run(options, report) {
    const bench = await startBench(options, report);
    const { recipients, connections, seconds, rounds, bare, bareClient, ours, webhooks } = bench;
    const broadcastFigures = await measureBroadcast(bench);
    const results = [];
    for (const size of [1, 10, 100]) results.push(await measureThroughput(bench, size));
    const measureLightLoad = (client: LoadClient) =>
      client.openLoop(lightLoad / goal.batchSize, 2 * seconds, () => webhooks.next(goal.batchSize));
    const [bareLight, ourLight] = [await measureLightLoad(bareClient), await measureLightLoad(ours.client)];
    const counterTimes = await measureCounters(ours);
    const pageTimes = await measureRecipientPages(bench);
    const memory = `${formatInteger(bare.peakMiB)} MiB bare, ${formatInteger(ours.program.peakMiB)} MiB Leadstream`;
    bareClient.close();
    await bare.stop();
    await ours.stop();

    const head = [
      'Receipts per webhook',
      'Bare route, receipts per second',
      'Leadstream, receipts per second',
      'Ratio',
      'Bare p50 / p99',
      'Leadstream p50 / p99',
      'CPU time per receipt (bare, Leadstream)',
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
    const figures: Figures = [
      ...broadcastFigures,
      [
        `Webhook of ${goal.batchSize} at ${lightLoad} receipts per second (p50 / p99)`,
        `${formatP50AndP99(bareLight)} bare, ${formatP50AndP99(ourLight)} Leadstream`,
      ],
      ['Counters of the broadcast (p50 / p99)', formatP50AndP99(counterTimes)],
      ['Page of 200 recipients, over all pages (p50 / p99)', formatP50AndP99(pageTimes)],
      ['Peak memory', memory],
    ];
    const chart = barChart('Receipts by signed webhooks', [
      {
        title: 'Receipts per second',
        groups: results.map(({ size }) => `webhooks of ${size}`),
        series: [
          { name: 'Leadstream', values: results.map(({ rates }) => rates.ours.quantile(0.5)) },
          { name: 'Bare route', values: results.map(({ rates }) => rates.bare.quantile(0.5)) },
        ],
      },
    ]);
    const sustained = results.find(({ size }) => size === goal.batchSize)!.rates.ours.quantile(0.5);
    const missed: string[] = [];
    if (sustained < goal.perSecond)
      missed.push(`${formatInteger(sustained)} receipts per second instead of ${goal.perSecond}`);
    if (ourLight.quantile(0.95) > goal.lightLoadMs)
      missed.push(`p95 ${formatMs(ourLight.quantile(0.95))} at ${lightLoad} receipts per second`);
    if (counterTimes.quantile(0.95) > goal.countersMs)
      missed.push(`p95 ${formatMs(counterTimes.quantile(0.95))} for the counters of a broadcast`);
    const text = [
      `Median of ${rounds} rounds of ${seconds} s each with ${connections} connections (lowest – highest).`,
      markdownTable(head, rows),
      markdownTable([`Broadcast to ${formatInteger(recipients)} recipients`, ''], figures),
    ].join('\n\n');
    return { text, charts: { '': chart }, missed };
  },
};
