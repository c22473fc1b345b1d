import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { sleep } from '#timing/sleep';
import { App, type ApiResponse } from '../support/app.js';
import { startEventStoreDb } from '../support/restartable-server.js';
import { postInteraction } from '../support/api-steps.js';
import { RandomCommands, testDataIntegrity } from './random-commands.js';

/**
 * The server of the log is killed at random moments, under load. Clients get an error within five seconds and retry with the same
 * idempotency key until they get a response. Every acknowledged command must be in the log once, and the views must catch up.
 */
const server = await startEventStoreDb();
const app = new App({ EVENT_STORE_URL: server.url, ID_KEY: 'torture of the log’s server' });
const randomCommands = new RandomCommands(app);
const rounds = Number(process.env['TORTURE_ROUNDS'] ?? 2);
const clientCount = 12;

afterAll(async () => {
  await app.dispose();
  await server.end();
});

beforeAll(() => app.start());

interface TimedResponse {
  readonly response: ApiResponse;
  readonly milliseconds: number;
}
const unavailable: TimedResponse[] = [];
let slowestMs = 0;

/** Sends commands until it is stopped. Retries the last one until it has a response. */
async function runClient(stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const command = randomCommands.next();
    while (!command.response) {
      const sentAt = performance.now();
      const response = await randomCommands.send(command);
      const milliseconds = performance.now() - sentAt;
      slowestMs = Math.max(slowestMs, milliseconds);
      if (command.response) break;
      unavailable.push({ response, milliseconds });
      await sleep(100 + Math.random() * 200);
    }
  }
}

const residentMib = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${app.pid}/status`, 'utf8'))![1]) / 1024;

test(
  `the app recovers after the log's server was killed ${rounds} times under load`,
  async () => {
    await randomCommands.prepare();
    for (let round = 1; round <= rounds; round++) {
      const stop = new AbortController();
      const load = Promise.all(Array.from({ length: clientCount }, () => runClient(stop.signal)));
      await sleep(1_000 + Math.random() * 1_000);
      await server.stop();
      const before = unavailable.length;
      await sleep(round % 2 === 0 ? 200 : 6_000);
      const unavailableWhileDown = unavailable.length - before;
      const startedAt = performance.now();
      await server.start();
      await app.waitUntilReady();
      const readyMs = performance.now() - startedAt;
      await sleep(1_000);
      stop.abort();
      await load;
      const { position: after } = await postInteraction(app);
      const loadEndedAt = performance.now();
      while ((await app.get('/v1/leads', { after, limit: 1 })).status !== 200) await sleep(20);
      const caughtUpMs = performance.now() - loadEndedAt;
      console.log(
        `round ${round}: ${randomCommands.commands.length} commands, ${unavailableWhileDown} unavailable while down, ` +
          `ready ${readyMs.toFixed()} ms after the start, views caught up ${caughtUpMs.toFixed()} ms after the load, ` +
          `${residentMib().toFixed()} MiB`,
      );
    }
    const durations = unavailable.map(({ milliseconds }) => milliseconds).toSorted((a, b) => a - b);
    console.log(`slowest response ${slowestMs.toFixed()} ms, slowest 503 response ${durations.at(-1)?.toFixed()} ms`);
    expect(unavailable.length).toBeGreaterThan(0);
    for (const { response } of unavailable) {
      expect(response).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    }
    // A busy machine may delay one in a hundred responses.
    expect(durations.at(-1 - Math.floor(durations.length / 100))).toBeLessThan(5_000);
    expect(durations.at(-1)).toBeLessThan(10_000);
  },
  60_000 + rounds * 60_000,
);

testDataIntegrity(app, randomCommands);

test('a worker that starts while the log server is down begins its work when the server is back', async () => {
  const lateApp = new App({ EVENT_STORE_URL: server.url, ID_KEY: 'torture of the log’s server' });
  try {
    await lateApp.start({ ready: false });
    await server.stop();
    await lateApp.waitForOutput('worker failed');
    await server.start();
    await lateApp.waitUntilReady();
  } finally {
    await lateApp.dispose();
  }
});
