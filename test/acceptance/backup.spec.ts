import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { App, type StringMap } from '../support/app.js';
import { runCli, startCli, type CliResult } from '../support/cli.js';
import { onEmbedded } from '../support/engines.js';
import { getAllLeads, openLead, postInteraction, uniqueId } from '../support/api-steps.js';

const folder = mkdtempSync(join(tmpdir(), 'backup-'));
const apps: App[] = [];
const createApp = (env: StringMap = {}): App => {
  const app = new App(env);
  apps.push(app);
  return app;
};
afterAll(async () => {
  for (const app of apps) await app.dispose();
  rmSync(folder, { recursive: true, force: true });
});

interface Manifest {
  readonly events: number;
  readonly position: string;
}

const restore = (from: string, env: StringMap): Promise<CliResult> => runCli(['restore', '--from', from], env);
/** A data folder that does not exist yet. */
const newDataDir = (): string => join(folder, uniqueId('data'));

onEmbedded.log(describe)('backup and restore', () => {
  let app: App;
  let first: string;
  const contactId = uniqueId('contact');
  const good = join(folder, 'good');
  const backup = async (to: string, env: StringMap = {}): Promise<CliResult> =>
    runCli(['backup', '--to', to], { ...(await app.env()), ...env });

  beforeAll(async () => {
    app = await createApp().start();
    first = (await openLead(app, { contactId })).id;
  });

  test('backup copies the log and key of a running service, and restore puts them into a new data folder', async () => {
    let isWriting = true;
    const writing = (async () => {
      while (isWriting) await postInteraction(app, { contactId });
    })();
    const result = await backup(good);
    isWriting = false;
    await writing;
    expect(result).toEqual({
      code: 0,
      err: '',
      out: expect.stringMatching(/^Backed up the log to .*good: [0-9,]+ events, up to p\S+, with its key\.\n$/),
    });
    expect(readdirSync(good).sort()).toEqual(['events.db', 'id.key', 'manifest.json']);
    for (const name of readdirSync(good)) expect(statSync(join(good, name)).mode & 0o077).toBe(0);

    const DATA_DIR = newDataDir();
    const manifest = JSON.parse(readFileSync(join(good, 'manifest.json'), 'utf8')) as Manifest;
    expect(await restore(good, { DATA_DIR })).toEqual({
      code: 0,
      err: '',
      out: `Restored ${manifest.events.toLocaleString('en')} events, up to ${manifest.position}. Start the service: it builds the views from the log.\n`,
    });
    expect(await runCli(['verify'], { DATA_DIR })).toMatchObject({ code: 0 });
    const restored = await createApp({ DATA_DIR }).start();
    const { position, leadId } = await postInteraction(restored, { contactId });
    expect(leadId).toBe(first);
    expect(position > manifest.position).toBe(true);
    expect(await getAllLeads(restored, { contactId, after: position })).toHaveLength(1);
  });

  test('backup does not overwrite a folder, and restore does not overwrite a log, a key or views', async () => {
    expect(await backup(good)).toMatchObject({ code: 1, err: expect.stringMatching(/good exists already\. Set --to/) });
    for (const name of ['events.db', 'events.db-wal', 'id.key', 'views/agents.v1.g1.db']) {
      const DATA_DIR = newDataDir();
      mkdirSync(join(DATA_DIR, 'views'), { recursive: true });
      writeFileSync(join(DATA_DIR, name), 'something else');
      expect(await restore(good, { DATA_DIR })).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringMatching(
          /^\S+(events\.db|events\.db-wal|id\.key|views) exists already, and restore overwrites nothing/,
        ),
      });
      expect(readFileSync(join(DATA_DIR, name), 'utf8')).toBe('something else');
      expect(existsSync(join(DATA_DIR, 'events.db'))).toBe(name === 'events.db');
    }
  });

  test('restore rejects a backup that is incomplete, was changed, or has another key', async () => {
    const changed = join(folder, 'changed');
    cpSync(good, changed, { recursive: true });
    appendFileSync(join(changed, 'events.db'), 'x');
    const incomplete = join(folder, 'incomplete');
    cpSync(good, incomplete, { recursive: true });
    rmSync(join(incomplete, 'manifest.json'));
    const DATA_DIR = newDataDir();
    for (const [from, env, message] of [
      [changed, {}, /changed\/events\.db is missing or was changed after the backup/],
      [incomplete, {}, /incomplete is not a complete backup/],
      [good, { ID_KEY: 'the key of another log' }, /^ID_KEY is not the key of this backup/],
    ] as const) {
      const result = await restore(from, { DATA_DIR, ...env });
      expect(result).toMatchObject({ code: 1, out: '', err: expect.stringMatching(message) });
      expect(existsSync(DATA_DIR)).toBe(false);
    }
  });

  test('backup leaves a key out that is set by ID_KEY, and restore needs it', async () => {
    const ID_KEY = readFileSync(join(app.dataDir, 'id.key'), 'utf8').trim();
    const to = join(folder, 'without key');
    expect((await backup(to, { ID_KEY })).out).toMatch(/without its key: keep ID_KEY\.\n$/);
    expect(readdirSync(to).sort()).toEqual(['events.db', 'manifest.json']);
    const DATA_DIR = newDataDir();
    expect((await restore(to, { DATA_DIR })).err).toMatch(/^The backup has no key, .* Set ID_KEY to that key\.\n$/);
    expect(await restore(to, { DATA_DIR, ID_KEY })).toMatchObject({ code: 0 });
    expect(existsSync(join(DATA_DIR, 'id.key'))).toBe(false);
  });

  test('a backup or restore that is killed leaves nothing that looks complete, and can be run again', async () => {
    await app.stop();
    const db = new DatabaseSync(join(app.dataDir, 'events.db'));
    const insert = db.prepare('INSERT INTO answers (command, kept, body) VALUES (?, 0, ?)');
    for (let i = 0; i < 100; i++) insert.run(`filler ${i}`, 'x'.repeat(1_000_000));
    db.close();
    const large = join(folder, 'large');
    /** Kills the command a while after `hasBegun`. Returns whether it was killed before it ended. */
    const kill = async (args: string[], env: StringMap, hasBegun: () => boolean, delayMs: number): Promise<boolean> => {
      const { child } = startCli(args, env);
      const closed = once(child, 'close');
      while (!hasBegun() && child.exitCode === null) await sleep(2);
      await sleep(delayMs);
      child.kill('SIGKILL');
      const [code] = (await closed) as [number | null];
      return code === null;
    };
    const hasDraft = (path: string, prefix: string) => () =>
      existsSync(path) && readdirSync(path).some((name) => name.startsWith(prefix));

    let kills = 0;
    for (const delayMs of [0, 50, 150, 400]) {
      const to = `${large} ${delayMs}`;
      const wasKilled = await kill(
        ['backup', '--to', to],
        await app.env(),
        hasDraft(folder, `large ${delayMs}.`),
        delayMs,
      );
      if (wasKilled) kills += 1;
      if (wasKilled && existsSync(to)) expect(await restore(to, { DATA_DIR: newDataDir() })).toMatchObject({ code: 0 });
    }
    expect(kills).toBeGreaterThan(0);
    expect(await backup(large)).toMatchObject({ code: 0 });

    kills = 0;
    const DATA_DIR = newDataDir();
    for (const delayMs of [0, 50, 150, 400]) {
      const isDone = existsSync(join(DATA_DIR, 'events.db'));
      if (isDone) break;
      const args = ['restore', '--from', large];
      if (await kill(args, { DATA_DIR }, hasDraft(DATA_DIR, 'events.db.restore-'), delayMs)) kills += 1;
    }
    expect(kills).toBeGreaterThan(0);
    if (!existsSync(join(DATA_DIR, 'events.db'))) expect(await restore(large, { DATA_DIR })).toMatchObject({ code: 0 });
    expect(await runCli(['verify'], { DATA_DIR })).toMatchObject({ code: 0 });
    const restored = await createApp({ DATA_DIR }).start();
    expect(await postInteraction(restored, { contactId })).toMatchObject({ leadId: first });
  });
});

test.each([
  ['backup', '--to'],
  ['restore', '--from'],
])('%s refers to the own backup of EventStoreDB', async (command, option) => {
  const env = {
    EVENT_STORE_URL: 'esdb://127.0.0.1:9?tls=false',
    ID_KEY: 'the key of all tests',
    DATA_DIR: newDataDir(),
  };
  expect(await runCli([command, option, join(folder, 'esdb')], env)).toEqual({
    code: 1,
    out: '',
    err: `${command} supports embedded logs only. Use EventStoreDB's own backup, and keep ID_KEY; see docs/guides/operate.md.\n`,
  });
});
