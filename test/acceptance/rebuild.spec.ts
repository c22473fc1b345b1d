import { expect, test } from '@jest/globals';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { parseSettings } from '#wiring/settings';
import { openViews } from '#wiring/stores';
import { setupApp } from '../support/app.js';
import { readEveryPage, writeSampleLog } from '../support/sample-log.js';
import { getAllLeads, postInteraction } from '../support/api-steps.js';

const app = setupApp({ QUALIFICATION: 'off' });

test('views that were wiped come back the very same, byte for byte', async () => {
  const position = await writeSampleLog(app);
  const before = await readEveryPage(app, position);
  expect(Object.keys(before).length).toBeGreaterThan(150);
  for (let times = 0; times < 2; times++) {
    await app.stop();
    await app.wipeViews();
    await app.start();
    expect(await readEveryPage(app, position)).toEqual(before);
  }
});

test('a view that is wiped under a running service answers nothing until it is whole again', async () => {
  const { position } = await postInteraction(app);
  const leads = await getAllLeads(app, { after: position });
  const views = await openViews(parseSettings(await app.env()), { readerThread: false });
  await views.wipe(leadListView);
  const { status, headers, body } = await app.get('/v1/leads');
  expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'projection_behind', '1']);
  // A worker that has nothing to do sees it at the next event.
  await postInteraction(app);
  let answer = await app.get('/v1/leads', { count: true });
  for (; answer.status !== 200; answer = await app.get('/v1/leads', { count: true }))
    expect(answer.body.code).toBe('projection_behind');
  expect(answer.body.total).toBe(leads.length + 1);
  await views.close();
});

test('a restart without a wipe changes nothing either', async () => {
  const { position } = await postInteraction(app);
  const before = await readEveryPage(app, position);
  await app.kill();
  await app.start();
  expect(await readEveryPage(app, position)).toEqual(before);
});
