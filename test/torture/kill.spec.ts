import { expect, test } from '@jest/globals';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { anApp } from '../support/app.js';
import { allLeads, writes } from '../support/story.js';
import { Asking, testWhatIsThere } from './asking.js';

/**
 * A process under load is killed at random moments, again and again on the same data. Whatever it acknowledged is there, once;
 * whatever it was asked and did not answer is there once when it is asked again under its key, and at most once otherwise.
 */
const app = anApp();
const asking = new Asking(app);
const { asked } = asking;
const rounds = Number(process.env['TORTURE_ROUNDS'] ?? 8);
const clients = 12;
const failures: number[] = [];

/** Asks until the process is gone. */
async function client(): Promise<void> {
  for (;;) {
    const one = asking.next();
    try {
      const { status } = await asking.send(one);
      if (status >= 500) failures.push(status);
    } catch {
      return;
    }
  }
}

test(
  `killed ${rounds} times under load`,
  async () => {
    await asking.begin();
    for (let round = 0; round < rounds; round++) {
      const load = Array.from({ length: clients }, client);
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 700));
      await app.kill();
      await Promise.all(load);
      await app.start();
      // Half of those that nobody answered are asked again; the others are left to their fate.
      for (const one of asked.filter((it) => !it.answer && Math.random() < 0.5)) await asking.send(one);
    }
    expect(asked.filter((it) => it.answer).length).toBeGreaterThan(rounds * 20);
    expect(failures).toEqual([]);
  },
  60_000 + rounds * 20_000,
);

testWhatIsThere(app, asking);

test('the list is what a rebuild makes of the log', async () => {
  const list = await allLeads(app);
  await app.stop();
  rmSync(join(app.dataDir, 'views'), { recursive: true });
  await app.start();
  const { position: after, leadId } = await writes(app);
  expect((await allLeads(app, { after })).filter((it) => it.id !== leadId)).toEqual(list);
});
