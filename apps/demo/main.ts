import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { LeadResource } from '#resources/lead.resource';
import { OperatorError, reportFatalError } from '#wiring/operator-error';
import { Progress } from '#wiring/progress';
import { settingsTable } from '#wiring/settings-table';
import { createAgentSteps, createBroadcastSteps, createDeactivationStep, createLife, sampleMs } from './generator.js';
import { formatHints } from './hints.js';
import { DemoSender, toContactRequest, type SendSummary, type SentLife } from './sender.js';
import { ServiceClient } from './service-client.js';

/** Contacts whose commands are sent at the same time; the commands of one contact are sent in order. */
const concurrency = 16;

interface Options {
  readonly contacts: number;
  readonly seed: number;
  readonly url?: string;
}

const program = new Command('npm run demo --')
  .description('Sends three months of sample data to a running service: contacts, chats, broadcasts, agents and leads.')
  .option(
    '--contacts <number>',
    'number of contacts, at least 10; a higher number extends the same sample',
    parseIntegerFrom(10),
    500,
  )
  .option('--seed <number>', 'seed of the sample; each seed creates another sample', parseIntegerFrom(0), 1)
  .option('--url <url>', 'URL of the service (default: BASE_URL, else from HOST and PORT)')
  .allowExcessArguments(false)
  .exitOverride()
  .action(loadSample);

try {
  await program.parseAsync();
} catch (error) {
  // Commander has already printed the usage or the error.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  process.exit(reportFatalError(error));
}

async function loadSample({ contacts, seed, url = defaultUrl() }: Options): Promise<void> {
  const service = new ServiceClient(url);
  const { end, isNew } = await findSampleEnd(service, seed);
  const since = new Date(end - sampleMs).toISOString().slice(0, 10);
  if (isNew) console.log(`Sending ${contacts} contacts since ${since} to ${service.url}.`);
  else console.log(`This sample (seed ${seed}, since ${since}) exists already. Adding what is missing.`);

  const lives = Array.from({ length: contacts }, (_, index) => createLife(seed, index + 1, end));
  const agents = createAgentSteps(seed, end);
  const broadcasts = createBroadcastSteps(seed, end);
  const commands = lives.reduce((sum, life) => sum + life.steps.length, agents.length + broadcasts.length + 1);
  const progress = new Progress(commands, 'commands');
  const sender = new DemoSender(service, () => progress.tick());
  const startedAt = performance.now();
  const sent: SentLife[] = [];
  try {
    for (const step of agents) await sender.sendAgentCommand(step);
    for (const step of broadcasts) await sender.sendBroadcast(step);
    await forEachConcurrently(lives, async (life, index) => {
      sent[index] = await sender.sendLife(life);
    });
    await sender.sendAgentCommand(createDeactivationStep(seed, end));
  } finally {
    progress.finish();
  }
  console.log(formatSummary(sender.summary, performance.now() - startedAt));
  if (sender.summary.rejected > 0) process.exitCode = 1;
  console.log(await formatHints(service, sent, sender.position));
}

/** Where `npm start` listens with the same environment. */
function defaultUrl(): string {
  const { BASE_URL, HOST, PORT } = process.env;
  if (BASE_URL) return BASE_URL;
  const port = settingsTable.PORT.parse(PORT?.trim() || settingsTable.PORT.default);
  if (!port) throw new OperatorError(`PORT is "${PORT}", which no service can listen on. Set --url.`, 2);
  const host = HOST?.trim() || settingsTable.HOST.default;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function formatSummary({ commands, replayed, rejected, firstRejection }: SendSummary, ms: number): string {
  const sent = `${commands.toLocaleString('en')} commands in ${(ms / 1_000).toFixed(1)} s.`;
  const unchanged = replayed === commands ? ' The service had already processed all of them, so nothing changed.' : '';
  return sent + unchanged + (rejected > 0 ? ` ${rejected} were rejected; the first: ${firstRejection}` : '');
}

/** Returns a parser for integers from `min`, with at most seven digits. */
function parseIntegerFrom(min: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,7}$/.test(text) ? Number(text) : NaN;
    if (value >= min) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to 9999999.`);
  };
}

/**
 * Returns when the sample ends: now for a new sample, or when it ended the first time. The first message of the first contact is sent
 * without an idempotency key. The service recognizes a repetition by its message id, and returns the lead that the message created.
 */
async function findSampleEnd(service: ServiceClient, seed: number): Promise<{ end: number; isNew: boolean }> {
  const now = Date.now();
  const first = createLife(seed, 1, now).steps[0]!;
  const { status, body } = await service.send(toContactRequest(first.command, '', ''), { 'x-occurred-at': first.at });
  if (status >= 400) throw new OperatorError(`The service rejected the first message: ${body.detail ?? status}`);
  const { createdAt } = body['lead'] as LeadResource;
  return { end: Date.parse(createdAt) + sampleMs, isNew: status === 201 };
}

async function forEachConcurrently<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const entries = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of entries) await work(item, index);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
