import { describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { setupApp, type ApiResponse } from '../support/app.js';
import { onRestartable } from '../support/engines.js';
import { readEveryPage } from '../support/sample-log.js';
import { getContactHistory, interactionBody, uniqueId, postInteraction } from '../support/api-steps.js';

/**
 * A server is gone for a while, under load. Whoever asks is told so in time and may ask again; what was acknowledged is there,
 * once, and so is what was asked again under its key; the views catch up by themselves.
 */
const app = setupApp();
const clients = 8;
const downMs = Number(process.env['TORTURE_DOWN_MS'] ?? 6_000);
/** In milliseconds: how long an answer may take. One in a hundred may be held up longer by a busy machine. */
const mostMs = { usual: 5_000, ever: 10_000 };
/** How long the app may take to find the server again, by itself, when the load has ended. */
const backWithinMs = 30_000;
const contacts = Array.from({ length: 12 }, (_, nth) => `outage-${nth}`);

/** An answer, and how many milliseconds it took. */
interface Heard {
  readonly answer: ApiResponse;
  readonly ms: number;
}
async function timed(asking: Promise<ApiResponse>): Promise<Heard> {
  const since = performance.now();
  return { answer: await asking, ms: performance.now() - since };
}

/** A message with a word of its own, by which its traces are found. */
interface Asked {
  readonly contactId: string;
  readonly word: string;
}
const asked: Asked[] = [];

/** Clients that write, each message again under its key until it is taken, and look at lists in between. */
class Load {
  readonly commands: Heard[] = [];
  readonly questions: Heard[] = [];
  private over = false;
  private readonly running = Array.from({ length: clients }, () => this.client());

  async end(): Promise<void> {
    this.over = true;
    await Promise.all(this.running);
  }

  private async client(): Promise<void> {
    while (!this.over) {
      const it = { contactId: contacts[asked.length % contacts.length]!, word: uniqueId('word') };
      asked.push(it);
      const body = interactionBody({ contactId: it.contactId, text: it.word });
      for (let status = 503; status >= 500;) {
        const heard = await timed(app.post('/v1/interactions', body, { 'idempotency-key': it.word }));
        this.commands.push(heard);
        ({ status } = heard.answer);
        if (status >= 500) await sleep(50);
      }
      this.questions.push(await timed(app.get('/v1/leads', { contactId: it.contactId })));
    }
  }
}

const refused = (heard: readonly Heard[]): readonly ApiResponse[] =>
  heard.map(({ answer }) => answer).filter(({ status }) => status >= 400);

/** What the app has logged as an error, but for a server that is away. */
const mistakes = (): readonly string[] =>
  app.output.split('\n').filter((it) => it.includes('"level":50') && !/"type":"(Views)?Unavailable"/.test(it));

async function memory(): Promise<number> {
  const { text } = await app.get('/metrics');
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

/** The server is away for a while, and comes back; what the clients heard. */
async function without(stop: () => unknown, start: () => Promise<void>): Promise<Load> {
  const load = new Load();
  while (load.commands.length < 40) await sleep(20);
  const before = await memory();
  await stop();
  await sleep(downMs);
  const grown = (await memory()) - before;
  await start();
  const answered = load.commands.length;
  while (load.commands.slice(answered).filter(({ answer }) => answer.status < 400).length < 40) await sleep(20);
  await load.end();
  await app.waitUntilReady({ withinMs: backWithinMs });
  expect(mistakes()).toEqual([]);
  for (const { answer } of [...load.commands, ...load.questions].filter((it) => it.answer.status >= 400)) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  const took = [...load.commands, ...load.questions].map(({ ms }) => ms).toSorted((a, b) => a - b);
  expect(took.at(-1 - Math.floor(took.length / 100))).toBeLessThan(mostMs.usual);
  expect(took.at(-1)).toBeLessThan(mostMs.ever);
  expect(grown).toBeLessThan(64 * 1024 * 1024);
  return load;
}

/** Whatever was asked is in its contact's history once, and everything shown is what a rebuild makes of the log. */
async function nothingIsLostOrDoubled(): Promise<void> {
  const { position: after } = await postInteraction(app);
  const told = await readEveryPage(app, after);
  const texts = await Promise.all(
    contacts.map(async (id) =>
      (await getContactHistory(app, id, { after })).map(({ data }) => (data as { text?: string }).text),
    ),
  );
  const words = texts.flat().filter((text) => text?.startsWith('word-'));
  expect(words.toSorted()).toEqual(asked.map(({ word }) => word).toSorted());
  await app.stop();
  await app.wipeViews();
  await app.start();
  expect(await readEveryPage(app, after)).toEqual(told);
}

describe('while the server is away', () => {
  onRestartable.log(test)(
    'of the log: commands are told so in time, and nothing is lost or done twice',
    async () => {
      const { esdb } = await app.engines();
      const { commands } = await without(
        () => esdb!.stop(),
        () => esdb!.start(),
      );
      expect(refused(commands).length).toBeGreaterThan(clients);
      await nothingIsLostOrDoubled();
    },
    300_000,
  );

  onRestartable.views(test)(
    'of the views: commands go on, lists are told so in time, and the views catch up by themselves',
    async () => {
      const { mongodb } = await app.engines();
      const { commands, questions } = await without(
        () => mongodb!.stop(),
        () => mongodb!.start(),
      );
      // A busy machine may be too late for one in a hundred, which is taken when it is asked again.
      expect(refused(commands).length).toBeLessThanOrEqual(commands.length / 100);
      expect(refused(questions).length).toBeGreaterThan(0);
      await nothingIsLostOrDoubled();
    },
    300_000,
  );
});
