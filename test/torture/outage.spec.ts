import { describe, expect, test } from '@jest/globals';
import { sleep } from '#timing/sleep';
import { setupApp, type ApiResponse } from '../support/app.js';
import { onRestartable } from '../support/engines.js';
import { readEveryPage } from '../support/sample-log.js';
import { getContactHistory, interactionBody, uniqueId, postInteraction } from '../support/api-steps.js';

/**
 * A server is down for a while, under load. Clients get an error within the deadline and retry. Every acknowledged command must be
 * in the log once, even if it was retried under its key, and the views must catch up.
 */
const app = setupApp();
const clientCount = 8;
const downMs = Number(process.env['TORTURE_DOWN_MS'] ?? 6_000);
/** Limits of response times. A busy machine may delay one in a hundred responses up to `maxMs`. */
const responseTime = { typicalMs: 5_000, maxMs: 10_000 };
/** How long the app may take to reconnect to the server by itself, after the load has ended. */
const maxRecoveryMs = 30_000;
const contacts = Array.from({ length: 12 }, (_, index) => `outage-${index}`);

interface TimedResponse {
  readonly response: ApiResponse;
  readonly milliseconds: number;
}
async function timed(request: Promise<ApiResponse>): Promise<TimedResponse> {
  const sentAt = performance.now();
  const response = await request;
  return { response, milliseconds: performance.now() - sentAt };
}

/** A message with a unique word, which identifies it in the history. */
interface SentMessage {
  readonly contactId: string;
  readonly word: string;
}
const sentMessages: SentMessage[] = [];

/** Clients that send messages, retry each with its key until it is acknowledged, and read a list in between. */
class Load {
  readonly commands: TimedResponse[] = [];
  readonly queries: TimedResponse[] = [];
  private isOver = false;
  private readonly clients = Array.from({ length: clientCount }, () => this.runClient());

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.clients);
  }

  private async runClient(): Promise<void> {
    while (!this.isOver) {
      const contactId = contacts[sentMessages.length % contacts.length]!;
      const word = uniqueId('word');
      sentMessages.push({ contactId, word });
      const body = interactionBody({ contactId, text: word });
      for (let status = 503; status >= 500;) {
        const command = await timed(app.post('/v1/interactions', body, { 'idempotency-key': word }));
        this.commands.push(command);
        status = command.response.status;
        if (status >= 500) await sleep(50);
      }
      this.queries.push(await timed(app.get('/v1/leads', { contactId })));
    }
  }
}

const errorResponses = (timedResponses: readonly TimedResponse[]): readonly ApiResponse[] =>
  timedResponses.map(({ response }) => response).filter(({ status }) => status >= 400);

/** The errors that the app has logged, except those about a server that is down. */
const unexpectedErrors = (): readonly string[] =>
  app.output.split('\n').filter((line) => line.includes('"level":50') && !/"type":"(Views)?Unavailable"/.test(line));

async function residentBytes(): Promise<number> {
  const { text } = await app.get('/metrics');
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

/** Runs a load while a server is stopped and started again, and checks all responses. */
async function runLoadDuringOutage(stop: () => unknown, start: () => Promise<void>): Promise<Load> {
  const load = new Load();
  while (load.commands.length < 40) await sleep(20);
  const bytesBefore = await residentBytes();
  await stop();
  await sleep(downMs);
  const grownBytes = (await residentBytes()) - bytesBefore;
  await start();
  const commandsBefore = load.commands.length;
  const succeededSince = () =>
    load.commands.slice(commandsBefore).filter(({ response }) => response.status < 400).length;
  while (succeededSince() < 40) await sleep(20);
  await load.end();
  await app.waitUntilReady({ withinMs: maxRecoveryMs });
  expect(unexpectedErrors()).toEqual([]);
  const all = [...load.commands, ...load.queries];
  for (const response of errorResponses(all)) {
    expect(response).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  const durations = all.map(({ milliseconds }) => milliseconds).toSorted((a, b) => a - b);
  expect(durations.at(-1 - Math.floor(durations.length / 100))).toBeLessThan(responseTime.typicalMs);
  expect(durations.at(-1)).toBeLessThan(responseTime.maxMs);
  expect(grownBytes).toBeLessThan(64 * 1024 * 1024);
  return load;
}

/** Expects every message once in its contact's history, and equal pages after the views were rebuilt from the log. */
async function expectNothingLostOrDoubled(): Promise<void> {
  const { position: after } = await postInteraction(app);
  const pages = await readEveryPage(app, after);
  const texts = await Promise.all(
    contacts.map(async (id) =>
      (await getContactHistory(app, id, { after })).map(({ data }) => (data as { text?: string }).text),
    ),
  );
  const words = texts.flat().filter((text) => text?.startsWith('word-'));
  expect(words.toSorted()).toEqual(sentMessages.map(({ word }) => word).toSorted());
  await app.stop();
  await app.wipeViews();
  await app.start();
  expect(await readEveryPage(app, after)).toEqual(pages);
}

describe('outages', () => {
  onRestartable.log(test)(
    'during an outage of the log server, commands get an error within the deadline, and none is lost or carried out twice',
    async () => {
      const { esdb } = await app.engines();
      const { commands } = await runLoadDuringOutage(
        () => esdb!.stop(),
        () => esdb!.start(),
      );
      expect(errorResponses(commands).length).toBeGreaterThan(clientCount);
      await expectNothingLostOrDoubled();
    },
    300_000,
  );

  onRestartable.views(test)(
    'during an outage of the view server, commands succeed, queries get an error within the deadline, and views catch up later',
    async () => {
      const { mongodb } = await app.engines();
      const { commands, queries } = await runLoadDuringOutage(
        () => mongodb!.stop(),
        () => mongodb!.start(),
      );
      // On a busy machine one in a hundred commands may time out. It succeeds when it is retried.
      expect(errorResponses(commands).length).toBeLessThanOrEqual(commands.length / 100);
      expect(errorResponses(queries).length).toBeGreaterThan(0);
      await expectNothingLostOrDoubled();
    },
    300_000,
  );
});
