import { expect, test } from '@jest/globals';
import { leadList } from '#projections/lead-list/lead-list.projection';
import { settingsFrom } from '#wiring/settings';
import { openViews } from '#wiring/stores';
import { anApp } from '../support/app.js';
import { everythingTold, somethingOfEverything } from '../support/everything.js';
import { allLeads, writes } from '../support/story.js';

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
});

test('a view that is wiped under a running service answers nothing until it is whole again', async () => {
  const { position } = await writes(app);
  const leads = await allLeads(app, { after: position });
  const views = await openViews(settingsFrom(await app.env()), { ownThread: false });
  await views.wipe(leadList);
  const { status, headers, body } = await app.get('/v1/leads');
  expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'projection_behind', '1']);
  // A worker that has nothing to do sees it at the next event.
  await writes(app);
  let answer = await app.get('/v1/leads', { count: true });
  for (; answer.status !== 200; answer = await app.get('/v1/leads', { count: true }))
    expect(answer.body.code).toBe('projection_behind');
  expect(answer.body.total).toBe(leads.length + 1);
  await views.close();
});

test('a restart without a wipe changes nothing either', async () => {
  const { position } = await writes(app);
  const before = await everythingTold(app, position);
  await app.kill();
  await app.start();
  expect(await everythingTold(app, position)).toEqual(before);
});
