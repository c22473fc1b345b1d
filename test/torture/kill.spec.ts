import { expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { setupApp } from '../support/app.js';
import { isEmbedded, onEmbedded } from '../support/engines.js';
import { getAllItems, getContactHistory, postInteraction } from '../support/api-steps.js';
import { RandomCommands, testDataIntegrity } from './random-commands.js';

/**
 * Kills a process under load at random moments, several times on the same data. Its clock jumps, and clients abort some
 * requests. Each acknowledged command must be stored exactly once. A command without a response must be stored once after it
 * is repeated under its key, and at most once otherwise.
 */
const jumpingClock = `--import=${new URL('../support/jumping-clock.mjs', import.meta.url).href}`;
// The EventStoreDB client measures its deadlines with this clock, so the clock jumps only with the embedded log.
const app = setupApp(isEmbedded.log ? { NODE_OPTIONS: jumpingClock } : {});
const load = new RandomCommands(app);
const { commands, contacts } = load;
const rounds = Number(process.env['TORTURE_ROUNDS'] ?? 8);
const clientCount = 12;
const failures: unknown[] = [];
const countResponses = (): number => commands.filter((command) => command.response).length;

/** Sends commands until the round ends. The last command may get no response. */
async function runClient(roundEnd: AbortSignal): Promise<void> {
  while (!roundEnd.aborted) {
    const command = load.next();
    try {
      if (Math.random() < 0.1) await load.sendAndAbort(command);
      else {
        const { status } = await load.send(command);
        if (status >= 500) failures.push(status);
      }
    } catch (error) {
      if (!roundEnd.aborted) failures.push(error);
    }
  }
}

test(
  `a process under load survives ${rounds} kills without a failed request`,
  async () => {
    await load.prepare();
    for (let round = 0; round < rounds; round++) {
      const roundEnd = new AbortController();
      const clients = Array.from({ length: clientCount }, () => runClient(roundEnd.signal));
      const enoughResponses = countResponses() + 60;
      do await sleep(100 + Math.random() * 700);
      while (countResponses() < enoughResponses && failures.length === 0);
      roundEnd.abort();
      await app.kill();
      await Promise.all(clients);
      expect(failures).toEqual([]);
      await app.start();
      // Only half of the commands without a response are repeated.
      const withoutResponse = commands.filter((command) => !command.response);
      for (const command of withoutResponse) if (Math.random() < 0.5) await load.send(command);
    }
  },
  60_000 + rounds * 20_000,
);

testDataIntegrity(app, load);

onEmbedded.log(test)('the clock of the process jumped backwards at least once', async () => {
  const { position: after } = await postInteraction(app);
  const entries = (await Promise.all(contacts.map((id) => getContactHistory(app, id, { after })))).flat();
  const times = entries.toSorted((a, b) => (a.position < b.position ? -1 : 1)).map((entry) => entry.recordedAt);
  expect(times).not.toEqual(times.toSorted());
});

/** All pages of each view. `overdue` is left out because it depends on the current time. */
async function readAllViews(after: string): Promise<Record<string, unknown>> {
  const views: Record<string, unknown> = {};
  for (const path of ['/v1/leads', '/v1/follow-ups', '/v1/agents'])
    views[path] = (await getAllItems<object>(app, path, { after })).map((item) => ({ ...item, overdue: null }));
  for (const contactId of contacts) views[contactId] = await getContactHistory(app, contactId, { after });
  return views;
}

test('each view after the kills equals its rebuild from the log', async () => {
  const { position: after } = await postInteraction(app);
  const before = await readAllViews(after);
  await app.stop();
  await app.wipeViews();
  await app.start();
  expect(await readAllViews(after)).toEqual(before);
});
