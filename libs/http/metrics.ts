import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { CommandMeter, type CommandOutcome } from '#commands/command-meter';

/** Histogram buckets, in seconds. */
const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The Prometheus metrics of this process. Label values come from closed sets: never an ID, never personal data. */
export class Metrics extends CommandMeter {
  private readonly registry = new Registry();
  private readonly registers = [this.registry];

  private readonly commands = new Counter({
    name: 'leadstream_commands_total',
    help: 'Commands by type and outcome: ok, unchanged, replayed, refused:<code>, unavailable, failed.',
    labelNames: ['type', 'outcome'],
    registers: this.registers,
  });
  private readonly commandSeconds = new Histogram({
    name: 'leadstream_command_duration_seconds',
    help: 'Duration of commands from dispatch to response, including time spent in the queue.',
    labelNames: ['type'],
    buckets: durations,
    registers: this.registers,
  });
  private readonly requestSeconds = new Histogram({
    name: 'leadstream_http_request_duration_seconds',
    help: 'Duration of HTTP requests by method, route pattern (none: no such route) and status class.',
    labelNames: ['method', 'route', 'status'],
    buckets: durations,
    registers: this.registers,
  });
  private readonly commitSize = new Histogram({
    name: 'leadstream_log_commit_operations',
    help: 'Appends and stored responses per commit of the log; the count is the number of commits.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
    registers: this.registers,
  });
  private readonly commitSeconds = new Histogram({
    name: 'leadstream_log_commit_duration_seconds',
    help: 'Duration of log commits until they are durable.',
    buckets: durations,
    registers: this.registers,
  });
  private readonly events = new Counter({
    name: 'leadstream_log_events_total',
    help: 'Events appended to the log.',
    registers: this.registers,
  });

  private readonly webhookItems = new Counter({
    name: 'leadstream_webhook_items_total',
    help: 'Items of webhooks by provider and outcome: recorded, duplicate, ignored (not relevant), invalid (malformed).',
    labelNames: ['provider', 'outcome'],
    registers: this.registers,
  });

  private readonly qualifications = new Counter({
    name: 'leadstream_qualifications_total',
    help: 'Calls of a scorer by outcome: scored, failed.',
    labelNames: ['scorer', 'outcome'],
    registers: this.registers,
  });
  private readonly qualificationSeconds = new Histogram({
    name: 'leadstream_qualification_duration_seconds',
    help: 'Duration of scorer calls, including retries.',
    labelNames: ['scorer'],
    buckets: durations,
    registers: this.registers,
  });

  constructor() {
    super();
    collectDefaultMetrics({ register: this.registry });
  }

  override record(type: string, outcome: CommandOutcome, seconds: number): void {
    this.commands.inc({ type, outcome });
    this.commandSeconds.observe({ type }, seconds);
  }

  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.requestSeconds.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, seconds);
  }

  countWebhookItems(provider: string, counts: Readonly<Record<string, number>>): void {
    for (const [outcome, count] of Object.entries(counts)) this.webhookItems.inc({ provider, outcome }, count);
  }

  observeQualification(scorer: string, outcome: string, seconds: number): void {
    this.qualifications.inc({ scorer, outcome });
    this.qualificationSeconds.observe({ scorer }, seconds);
  }

  observeCommit(group: { readonly operations: number; readonly events: number; readonly milliseconds: number }): void {
    this.commitSize.observe(group.operations);
    this.commitSeconds.observe(group.milliseconds / 1_000);
    this.events.inc(group.events);
  }

  /** Adds a gauge that is read on every scrape. */
  addGauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: this.registers,
      collect() {
        this.set(read());
      },
    });
  }

  /** Adds a gauge with one value per label value. If `read` fails, the scrape omits them all. */
  addLabeledGauge(
    name: string,
    help: string,
    label: string,
    read: () => Promise<Iterable<readonly [string, number]>>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: this.registers,
      async collect() {
        const values = await read().catch(() => []);
        this.reset();
        for (const [labelValue, value] of values) this.set({ [label]: labelValue }, value);
      },
    });
  }

  async render(): Promise<{ readonly type: string; readonly text: string }> {
    return { type: this.registry.contentType, text: await this.registry.metrics() };
  }
}
