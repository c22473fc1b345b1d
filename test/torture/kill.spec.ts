import { expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { setupApp } from '../support/app.js';
import { isEmbedded, onEmbedded } from '../support/engines.js';
import { getAllItems, getContactHistory, postInteraction } from '../support/api-steps.js';
import { RandomCommands, testDataIntegrity } from './random-commands.js';

/**
 * A process under load is killed at random moments, again and again on the same data; its clock jumps, and some requests are cut
 * before they are answered. Whatever it acknowledged is there, once; whatever it was asked and did not answer is there once when
 * it is asked again under its key, and at most once otherwise.
 */
const jumpingClock = `--import=${new URL('../support/jumping-clock.mjs', import.meta.url).href}`;
// A client of a server tells its deadlines by this clock.
const app = setupApp(isEmbedded.log ? { NODE_OPTIONS: jumpingClock } : {});
const asking = new RandomCommands(app);
const { commands: asked, contacts } = asking;
const rounds = Number(process.env['TORTURE_ROUNDS'] ?? 8);
const clients = 12;
const failures: unknown[] = [];
const answered = (): number => asked.filter((command) => command.response).length;

/** Asks until the round is over; what was asked last may stay without an answer. */
async function client(over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const one = asking.next();
    try {
      if (Math.random() < 0.1) await asking.sendAndAbort(one);
      else {
        const { status } = await asking.send(one);
        if (status >= 500) failures.push(status);
      }
    } catch (error) {
      if (!over.aborted) failures.push(error);
    }
  }
}

test(
  `killed ${rounds} times under load`,
  async () => {
    await asking.prepare();
    for (let round = 0; round < rounds; round++) {
      const over = new AbortController();
      const load = Array.from({ length: clients }, () => client(over.signal));
      const enough = answered() + 60;
      do await sleep(100 + Math.random() * 700);
      while (answered() < enough && failures.length === 0);
      over.abort();
      await app.kill();
      await Promise.all(load);
      expect(failures).toEqual([]);
      await app.start();
      // Half of those that nobody answered are asked again; the others are left to their fate.
      for (const one of asked.filter((command) => !command.response && Math.random() < 0.5)) await asking.send(one);
    }
  },
  60_000 + rounds * 20_000,
);

testDataIntegrity(app, asking);

onEmbedded.log(test)('the clock did jump', async () => {
  const { position: after } = await postInteraction(app);
  const entries = (await Promise.all(contacts.map((id) => getContactHistory(app, id, { after })))).flat();
  const times = entries.toSorted((a, b) => (a.position < b.position ? -1 : 1)).map((entry) => entry.recordedAt);
  expect(times).not.toEqual(times.toSorted());
});

/** What each view says, page after page. */
async function everything(after: string): Promise<Record<string, unknown>> {
  const told: Record<string, unknown> = {};
  for (const path of ['/v1/leads', '/v1/follow-ups', '/v1/agents'])
    told[path] = (await getAllItems<object>(app, path, { after })).map((item) => ({ ...item, overdue: null }));
  for (const contactId of contacts) told[contactId] = await getContactHistory(app, contactId, { after });
  return told;
}

test('each view is what a rebuild makes of the log', async () => {
  const { position: after } = await postInteraction(app);
  const before = await everything(after);
  await app.stop();
  await app.wipeViews();
  await app.start();
  expect(await everything(after)).toEqual(before);
});
