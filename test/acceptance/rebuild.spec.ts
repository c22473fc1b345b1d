import { expect, test } from '@jest/globals';
import { anApp } from '../support/app.js';
import { everythingTold, somethingOfEverything } from '../support/everything.js';
import { writes } from '../support/story.js';

const app = anApp({ QUALIFICATION: 'off' });

test('views that were wiped come back the very same, byte for byte', async () => {
  const position = await somethingOfEverything(app);
  const before = await everythingTold(app, position);
  expect(Object.keys(before).length).toBeGreaterThan(150);
  for (let times = 0; times < 2; times++) {
    await app.stop();
    await app.wipeViews();
    await app.start();
    expect(await everythingTold(app, position)).toEqual(before);
  }
}, 60_000);

test('a restart without a wipe changes nothing either', async () => {
  const { position } = await writes(app);
  const before = await everythingTold(app, position);
  await app.kill();
  await app.start();
  expect(await everythingTold(app, position)).toEqual(before);
});
