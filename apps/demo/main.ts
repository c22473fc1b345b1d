import { Command, InvalidArgumentError } from 'commander';
import type { LeadResource } from '#domain/lead/lead.shown';
import {
  createBroadcastSteps,
  createAgentSteps,
  createDeactivationStep,
  createLife,
  sampleMs,
} from './demo.generator.js';
import { toContactRequest, DemoSender, type SentLife, type SendSummary } from './demo.sender.js';
import { formatHints } from './demo.hints.js';
import { Progress } from './progress.js';
import { ServiceClient } from './service-client.js';
import { CliError } from './cli-error.js';

/** So many contacts are told about at once; each one's commands go one after another. */
const atOnce = 16;

const { BASE_URL = 'http://127.0.0.1:3000' } = process.env;

export const demo = new Command('demo')
  .description(
    'feeds a running service a sample: contacts, chats, campaigns, agents and leads of the last three months',
  )
  .option(
    '--contacts <number>',
    'how many, from 10; run again with more, it adds those that are missing',
    whole(10),
    500,
  )
  .option('--seed <number>', 'another number makes another sample beside the first', whole(0), 1)
  .option('--url <url>', 'where the service listens; also BASE_URL', BASE_URL)
  .action(feed);

async function feed({ contacts, seed, url }: { contacts: number; seed: number; url: string }): Promise<void> {
  const service = new ServiceClient(url);

  const { end, isNew } = await endOf(service, seed);
  const since = new Date(end - sampleMs).toISOString().slice(0, 10);
  if (isNew) console.log(`Telling ${service.url} about ${contacts} contacts since ${since}.`);
  else console.log(`This sample (seed ${seed}, since ${since}) is there already; what is missing is added.`);

  const lives = Array.from({ length: contacts }, (_, nth) => createLife(seed, nth + 1, end));
  const agents = createAgentSteps(seed, end);
  const campaigns = createBroadcastSteps(seed, end);
  const steps = lives.reduce((sum, life) => sum + life.steps.length, agents.length + campaigns.length + 1);
  const progress = new Progress(steps, 'commands');
  const sender = new DemoSender(service, () => progress.tick());
  const began = performance.now();
  const lived: SentLife[] = [];
  try {
    for (const step of agents) await sender.sendAgentCommand(step);
    for (const step of campaigns) await sender.sendBroadcast(step);
    await inParallel(lives, async (life, nth) => {
      lived[nth] = await sender.sendLife(life);
    });
    await sender.sendAgentCommand(createDeactivationStep(seed, end));
  } finally {
    progress.finish();
  }
  console.log(inWords(sender.tally, performance.now() - began));
  if (sender.tally.refused > 0) process.exitCode = 1;
  console.log(await formatHints(service, lived, sender.position));
}

function inWords({ commands, replayed: repeated, refused, refusal }: SendSummary, ms: number): string {
  const sent = `${commands.toLocaleString('en')} commands in ${(ms / 1_000).toFixed(1)} s.`;
  const news = repeated === commands ? ' All had been carried out before: nothing has changed.' : '';
  return sent + news + (refused > 0 ? ` ${refused} were refused; the first: ${refusal}` : '');
}

/** Reads a whole number of at most seven digits. */
function whole(least: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,7}$/.test(text) ? Number(text) : NaN;
    if (value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to 9999999.`);
  };
}

/**
 * When the sample ends: now, or when it ended the first time. The first contact's first message tells: sent without a key, it
 * is known by its own id, and the answer shows the lead that it opened then.
 */
async function endOf(service: ServiceClient, seed: number): Promise<{ end: number; isNew: boolean }> {
  const now = Date.now();
  const first = createLife(seed, 1, now).steps[0]!;
  const { status, body } = await service.send(toContactRequest(first.command, '', ''), { 'x-occurred-at': first.at });
  if (status >= 400) throw new CliError(`The service refuses the first message: ${body.detail ?? status}`);
  const { createdAt } = body['lead'] as LeadResource;
  return { end: Date.parse(createdAt) + sampleMs, isNew: status === 201 };
}

async function inParallel<T>(list: readonly T[], work: (item: T, nth: number) => Promise<void>): Promise<void> {
  const entries = list.entries();
  const worker = async (): Promise<void> => {
    for (const [nth, item] of entries) await work(item, nth);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
