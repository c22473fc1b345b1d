import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { LeadResource } from '#resources/lead.resource';
import { fillLog } from '../bench/dataset.js';
import { App, type ResponseBody } from '../support/app.js';
import { startCli } from '../support/cli.js';
import { isEmbedded, onEmbedded } from '../support/engines.js';
import { getAllLeads, postStatus, postInteraction } from '../support/api-steps.js';

/**
 * The list is rebuilt while leads come, change and are read, and the rebuild is killed at random moments. Every read is answered,
 * and right: as new as it was asked to be, with all leads that were there, and never behind one that was answered before it.
 */
const app = new App();
const rounds = Number(process.env['TORTURE_ROUNDS'] ?? 4);
const filled = 2_000;

beforeAll(async () => {
  if (!isEmbedded.log) return;
  await fillLog(app.dataDir, { leads: filled, seed: 5, eventsPerLead: 8 }, () => undefined);
  await app.start();
});
afterAll(() => app.dispose());

// The log is filled as a file, and what is left of the views is told by their files.
const onBoth = onEmbedded.log(onEmbedded.views(test));

const rebuild = () => startCli(['rebuild', 'lead-list', '--json'], { DATA_DIR: app.dataDir });
const files = (): string[] => readdirSync(join(app.dataDir, 'views')).filter((it) => /^lead-list\..*\.db$/.test(it));

interface Load {
  /** What was wrong. */
  readonly wrong: unknown[];
  reads: number;
  stop(): Promise<void>;
}

/** Leads come and change, and are read, until it is stopped. */
async function load(): Promise<Load> {
  let stopped = false;
  const wrong: unknown[] = [];
  const known = new Map<string, ResponseBody>();
  let { position: newest } = await postInteraction(app);
  const { body: before } = await app.get('/v1/leads', { count: true, limit: 1, after: newest });
  let [asked, opened] = [before.total, before.total];
  const told: Load = { wrong, reads: 0, stop: async () => ((stopped = true), void (await Promise.all(all))) };

  const heard = (said: ResponseBody): void => {
    known.set(said.lead.id, said);
    if (said.position > newest) newest = said.position;
  };
  const write = async (): Promise<void> => {
    while (!stopped) {
      asked++;
      const said = await postInteraction(app);
      opened++;
      heard(said);
      heard(await postStatus(app, said.lead.id, 'contacted'));
    }
  };
  const list = async (fresh: boolean): Promise<void> => {
    let [last, least] = ['', 0];
    while (!stopped) {
      const after = fresh ? newest : undefined;
      const atLeast = fresh ? Math.max(opened, least) : least;
      const { status, headers, body } = await app.get('/v1/leads', { count: true, after, limit: 20 });
      const position = headers.get('x-position') ?? '';
      const isRight =
        status === 200 && body.total >= atLeast && body.total <= asked && position >= last && position >= (after ?? '');
      if (!isRight) wrong.push({ status, body, position, last, after, atLeast, asked });
      [last, least] = [position, body.total];
      told.reads++;
    }
  };
  const one = async (): Promise<void> => {
    while (!stopped) {
      const [id, said] = [...known].at(Math.floor(Math.random() * known.size)) ?? [];
      if (!id || !said) {
        await pause(5);
        continue;
      }
      const { status, body } = await app.get<LeadResource>(`/v1/leads/${id}`, { after: said.position });
      if (status !== 200 || body.version < said.version) wrong.push({ status, body, said });
      told.reads++;
    }
  };
  const all = [write(), write(), list(true), list(true), list(false), one()];
  return told;
}

/** After a word from the log, the list is what a first start makes of the log. */
async function isWhatTheLogSays(): Promise<void> {
  const { position: after } = await postInteraction(app);
  const list = await getAllLeads(app, { after });
  await app.stop();
  rmSync(join(app.dataDir, 'views'), { recursive: true });
  await app.start();
  expect(await getAllLeads(app, { after })).toEqual(list);
}

onBoth(
  `a rebuild under load, and then killed ${rounds} times, fails no read and shows nothing wrong`,
  async () => {
    const { reads, ...told } = await load().then(async (load) => {
      expect(await rebuild().ran).toMatchObject({ code: 0 });
      expect(files()).toEqual([expect.stringMatching(/\.g2\.db$/)]);
      for (let round = 0; round < rounds; round++) {
        const { child, ran } = rebuild();
        await pause(200 + Math.random() * 2_500);
        child.kill('SIGKILL');
        await ran;
      }
      const { out } = await rebuild().ran;
      expect(JSON.parse(out)).toMatchObject({ view: 'lead-list' });
      await load.stop();
      return load;
    });
    expect(told.wrong).toEqual([]);
    expect(reads).toBeGreaterThan(100);
    expect(files()).toHaveLength(1);
    await isWhatTheLogSays();
  },
  120_000 + rounds * 20_000,
);

onBoth('a rebuild goes on when the service is killed with it, and started again', async () => {
  const { child, ran } = rebuild();
  await pause(700 + Math.random() * 1_000);
  child.kill('SIGKILL');
  await Promise.all([app.kill(), ran]);
  await app.start();
  expect(await rebuild().ran).toMatchObject({ code: 0 });
  expect(files()).toHaveLength(1);
  await isWhatTheLogSays();
});
