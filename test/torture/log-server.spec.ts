import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { App, type ApiResponse } from '../support/app.js';
import { startEventStoreDb } from '../support/restartable-server.js';
import { postInteraction } from '../support/api-steps.js';
import { RandomCommands, testDataIntegrity } from './random-commands.js';

/**
 * The server of the log is killed at random moments, under load. Whoever asks is told so within five seconds and asks again under
 * the same key until there is an answer. Whatever was acknowledged is there, once, and the views go on by themselves.
 */
const server = await startEventStoreDb();
const app = new App({ EVENT_STORE_URL: server.url, ID_KEY: 'torture of the log’s server' });
const asking = new RandomCommands(app);
const rounds = Number(process.env['TORTURE_ROUNDS'] ?? 2);
const clients = 12;

afterAll(async () => {
  await app.dispose();
  await server.end();
});

beforeAll(() => app.start());

interface Told {
  readonly answer: ApiResponse;
  readonly milliseconds: number;
}
const refused: Told[] = [];
let slowest = 0;

/** Asks until it is told to stop and has had its last answer. */
async function client(stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const one = asking.next();
    while (!one.response) {
      const since = performance.now();
      const answer = await asking.send(one);
      const milliseconds = performance.now() - since;
      slowest = Math.max(slowest, milliseconds);
      if (one.response) break;
      refused.push({ answer, milliseconds });
      await sleep(100 + Math.random() * 200);
    }
  }
}

const memory = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${app.pid}/status`, 'utf8'))![1]) / 1024;

test(
  `killed ${rounds} times under load`,
  async () => {
    await asking.prepare();
    for (let round = 1; round <= rounds; round++) {
      const stop = new AbortController();
      const load = Promise.all(Array.from({ length: clients }, () => client(stop.signal)));
      await sleep(1_000 + Math.random() * 1_000);
      await server.stop();
      const before = refused.length;
      await sleep(round % 2 === 0 ? 200 : 6_000);
      const whileDown = refused.length - before;
      const started = performance.now();
      await server.start();
      await app.waitUntilReady();
      const ready = performance.now() - started;
      await sleep(1_000);
      stop.abort();
      await load;
      const { position: after } = await postInteraction(app);
      const asked = performance.now();
      while ((await app.get('/v1/leads', { after, limit: 1 })).status !== 200) await sleep(20);
      const caughtUp = performance.now() - asked;
      console.log(
        `round ${round}: ${asking.commands.length} commands, ${whileDown} refused while down, ready ${ready.toFixed()} ms after the start, ` +
          `views there ${caughtUp.toFixed()} ms after the load, ${memory().toFixed()} MiB`,
      );
    }
    console.log(
      `slowest answer ${slowest.toFixed()} ms, slowest refusal ${Math.max(...refused.map((it) => it.milliseconds)).toFixed()} ms`,
    );
    expect(refused.length).toBeGreaterThan(0);
    for (const { answer } of refused) {
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    }
    // One in a hundred may be held up by a busy machine.
    const took = refused.map((it) => it.milliseconds).toSorted((a, b) => a - b);
    expect(took.at(-1 - Math.floor(took.length / 100))).toBeLessThan(5_000);
    expect(took.at(-1)).toBeLessThan(10_000);
  },
  60_000 + rounds * 60_000,
);

testDataIntegrity(app, asking);

test('gone just when the worker begins: it begins when the server is back', async () => {
  const late = new App({ EVENT_STORE_URL: server.url, ID_KEY: 'torture of the log’s server' });
  try {
    await late.start({ ready: false });
    await server.stop();
    await late.waitForOutput('worker failed');
    await server.start();
    await late.waitUntilReady();
  } finally {
    await late.dispose();
  }
});
