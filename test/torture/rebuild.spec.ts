import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '#timing/sleep';
import type { LeadResource } from '#resources/lead.resource';
import { idKey } from '../bench/contact-generator.js';
import { fillLog } from '../bench/dataset.js';
import { App, type ResponseBody } from '../support/app.js';
import { startCli } from '../support/cli.js';
import { isEmbedded, onEmbedded } from '../support/engines.js';
import { getAllLeads, postStatus, postInteraction } from '../support/api-steps.js';

/**
 * The lead list is rebuilt while leads are opened, changed and read, and the rebuild is killed at random times. Every read must
 * succeed: as fresh as requested, with all leads that exist, and never older than an earlier read.
 */
const app = new App({ ID_KEY: idKey });
const rounds = Number(process.env['TORTURE_ROUNDS'] ?? 4);
const initialLeads = 2_000;

beforeAll(async () => {
  if (!isEmbedded.log) return;
  await fillLog(app.dataDir, { leads: initialLeads, seed: 5, eventsPerLead: 8 }, () => undefined);
  await app.start();
});
afterAll(() => app.dispose());

// Only on SQLite, because the log is created as a file and the tests list the files of the views.
const testOnSqlite = onEmbedded.log(onEmbedded.views(test));

const startRebuild = () => startCli(['rebuild', 'lead-list', '--json'], { DATA_DIR: app.dataDir, ID_KEY: idKey });
const listFiles = (): string[] =>
  readdirSync(join(app.dataDir, 'views')).filter((name) => /^lead-list\..*\.db$/.test(name));

interface Load {
  readonly wrongReads: unknown[];
  readCount: number;
  stop(): Promise<void>;
}

/** Opens, changes and reads leads until it is stopped. */
async function startLoad(): Promise<Load> {
  let stopped = false;
  const latestResponses = new Map<string, ResponseBody>();
  let { position: newestPosition } = await postInteraction(app);
  const { body: before } = await app.get('/v1/leads', { count: true, limit: 1, after: newestPosition });
  /** The number of leads that may exist, and of those that must exist. */
  let [maxLeads, minLeads] = [before.total, before.total];

  const remember = (response: ResponseBody): void => {
    latestResponses.set(response.lead.id, response);
    if (response.position > newestPosition) newestPosition = response.position;
  };
  const writeLeads = async (): Promise<void> => {
    while (!stopped) {
      maxLeads++;
      const response = await postInteraction(app);
      minLeads++;
      remember(response);
      remember(await postStatus(app, response.lead.id, 'contacted'));
    }
  };
  const readLists = async (isFresh: boolean): Promise<void> => {
    let [lastPosition, lastTotal] = ['', 0];
    while (!stopped) {
      const after = isFresh ? newestPosition : undefined;
      const minTotal = isFresh ? Math.max(minLeads, lastTotal) : lastTotal;
      const { status, headers, body } = await app.get('/v1/leads', { count: true, after, limit: 20 });
      const position = headers.get('x-position') ?? '';
      const isRight =
        status === 200 &&
        body.total >= minTotal &&
        body.total <= maxLeads &&
        position >= lastPosition &&
        position >= (after ?? '');
      if (!isRight) load.wrongReads.push({ status, body, position, lastPosition, after, minTotal, maxLeads });
      [lastPosition, lastTotal] = [position, body.total];
      load.readCount++;
    }
  };
  const readLeads = async (): Promise<void> => {
    while (!stopped) {
      const index = Math.floor(Math.random() * latestResponses.size);
      const [id, response] = [...latestResponses].at(index) ?? [];
      if (!id || !response) {
        await sleep(5);
        continue;
      }
      const { status, body } = await app.get<LeadResource>(`/v1/leads/${id}`, { after: response.position });
      if (status !== 200 || body.version < response.version) load.wrongReads.push({ status, body, response });
      load.readCount++;
    }
  };
  const load: Load = {
    wrongReads: [],
    readCount: 0,
    async stop() {
      stopped = true;
      await Promise.all(tasks);
    },
  };
  const tasks = [writeLeads(), writeLeads(), readLists(true), readLists(true), readLists(false), readLeads()];
  return load;
}

/** Compares the list with one that the app builds from the log after its views were deleted. */
async function expectListToMatchLog(): Promise<void> {
  const { position: after } = await postInteraction(app);
  const list = await getAllLeads(app, { after });
  await app.stop();
  rmSync(join(app.dataDir, 'views'), { recursive: true });
  await app.start();
  expect(await getAllLeads(app, { after })).toEqual(list);
}

testOnSqlite(
  `a rebuild under load causes no failed or wrong read, even if it is killed ${rounds} times`,
  async () => {
    const load = await startLoad();
    expect(await startRebuild().ran).toMatchObject({ code: 0 });
    expect(listFiles()).toEqual([expect.stringMatching(/\.g2\.db$/)]);
    for (let round = 0; round < rounds; round++) {
      const { child, ran } = startRebuild();
      await sleep(200 + Math.random() * 2_500);
      child.kill('SIGKILL');
      await ran;
    }
    const { out } = await startRebuild().ran;
    expect(JSON.parse(out)).toMatchObject({ view: 'lead-list' });
    await load.stop();
    expect(load.wrongReads).toEqual([]);
    expect(load.readCount).toBeGreaterThan(100);
    expect(listFiles()).toHaveLength(1);
    await expectListToMatchLog();
  },
  120_000 + rounds * 20_000,
);

testOnSqlite('a rebuild continues after it was killed together with the service', async () => {
  const { child, ran } = startRebuild();
  await sleep(700 + Math.random() * 1_000);
  child.kill('SIGKILL');
  await Promise.all([app.kill(), ran]);
  await app.start();
  expect(await startRebuild().ran).toMatchObject({ code: 0 });
  expect(listFiles()).toHaveLength(1);
  await expectListToMatchLog();
});
