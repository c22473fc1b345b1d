import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { App, type StringMap } from '../support/app.js';
import { runCli } from '../support/cli.js';
import { onEmbedded } from '../support/engines.js';
import { getAllLeads, openLead, postInteraction, uniqueId } from '../support/api-steps.js';

const apps: App[] = [];
const createApp = (env: StringMap = {}): App => {
  const app = new App(env);
  apps.push(app);
  return app;
};
afterAll(async () => {
  for (const app of apps) await app.dispose();
});

/** What an app that cannot start prints: one line for the operator. It exits with code 1. */
async function startFailure(app: App): Promise<string> {
  const { code, output } = await app.startExpectingExit();
  expect(code).toBe(1);
  expect(output).toMatch(/^[^\n]+\.\n$/);
  return output;
}

describe('the key of the log', () => {
  let app: App;
  const contactId = uniqueId('contact');
  let leadId: string;
  beforeAll(async () => {
    app = await createApp().start();
    leadId = (await openLead(app, { contactId })).id;
    await app.stop();
  });

  test('an app does not start with another key than that of its log', async () => {
    const other = createApp({ ...(await app.env()), ID_KEY: 'the key of another log' });
    expect(await startFailure(other)).toMatch(
      /^ID_KEY is not the key of this log .* Restore the key .*id\.key or ID_KEY/,
    );
    const cli = await runCli(['stream', `contact:${contactId}`], await other.env());
    expect(cli).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^ID_KEY is not the key of this log/) });
  });

  onEmbedded.log(test)('an app does not start on a log without its key, and creates none', async () => {
    const key = join(app.dataDir, 'id.key');
    renameSync(key, `${key}.away`);
    expect(await startFailure(app)).toMatch(/^There is no .*id\.key, .* Restore id\.key .* or set ID_KEY/);
    renameSync(`${key}.away`, key);
    const withSetting = createApp({ ...(await app.env()), ID_KEY: readFileSync(key, 'utf8').trim() });
    await withSetting.start();
    await withSetting.stop();
  });

  test('an app that has its key back finds its contacts', async () => {
    await app.start();
    const { position, leadId: found } = await postInteraction(app, { contactId });
    expect(found).toBe(leadId);
    expect(await getAllLeads(app, { contactId, after: position })).toHaveLength(1);
  });
});
