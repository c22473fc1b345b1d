import { expect, test } from '@jest/globals';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { parseSettings } from '#wiring/settings';
import { openViews } from '#wiring/stores';
import { setupApp } from '../support/app.js';
import { readEveryPage, writeSampleLog } from '../support/sample-log.js';
import { getAllLeads, postInteraction } from '../support/api-steps.js';

const app = setupApp();

test('rebuilt views return the same responses, byte for byte', async () => {
  const position = await writeSampleLog(app);
  const before = await readEveryPage(app, position);
  expect(Object.keys(before).length).toBeGreaterThan(150);
  for (let round = 0; round < 2; round++) {
    await app.stop();
    await app.wipeViews();
    await app.start();
    expect(await readEveryPage(app, position)).toEqual(before);
  }
});

test('a view that is wiped while the service runs returns projection_behind until it is rebuilt', async () => {
  const { position } = await postInteraction(app);
  const leads = await getAllLeads(app, { after: position });
  const views = await openViews(parseSettings(await app.env()), { readerThread: false });
  await views.wipe(leadListView);
  const { status, headers, body } = await app.get('/v1/leads');
  expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'projection_behind', '1']);
  // An idle worker detects the wipe at the next event.
  await postInteraction(app);
  let response = await app.get('/v1/leads', { count: true });
  for (; response.status !== 200; response = await app.get('/v1/leads', { count: true }))
    expect(response.body.code).toBe('projection_behind');
  expect(response.body.total).toBe(leads.length + 1);
  await views.close();
});

test('a restart without a wipe does not change the responses', async () => {
  const { position } = await postInteraction(app);
  const before = await readEveryPage(app, position);
  await app.kill();
  await app.start();
  expect(await readEveryPage(app, position)).toEqual(before);
});
