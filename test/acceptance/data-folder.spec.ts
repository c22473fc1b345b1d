import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { App, type StringMap } from '../support/app.js';
import { runCli } from '../support/cli.js';
import { onEmbedded } from '../support/engines.js';
import { getAllLeads, interactionBody, openLead, postInteraction, uniqueId } from '../support/api-steps.js';

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

onEmbedded.log(describe)('an app whose log is missing', () => {
  const newAppWithData = async (): Promise<App> => {
    const app = await createApp().start();
    await openLead(app);
    await app.stop();
    return app;
  };

  test.each([
    ['removed', (file: string) => rmSync(file)],
    ['emptied', (file: string) => writeFileSync(file, '')],
  ])('an app does not begin a new log when its log was %s and its key or views are left', async (_, damage) => {
    const app = await newAppWithData();
    const file = join(app.dataDir, 'events.db');
    damage(file);
    const size = statSync(file, { throwIfNoEntry: false })?.size;
    expect(await startFailure(app)).toMatch(
      /^There is no event log at sqlite:.*, but .*id\.key.* to one\. Restore the log .* begin a new log by removing/,
    );
    expect(statSync(file, { throwIfNoEntry: false })?.size).toBe(size);
    rmSync(join(app.dataDir, 'id.key'));
    if (existsSync(join(app.dataDir, 'views'))) {
      expect(await startFailure(app)).toMatch(/^There is no event log at sqlite:.*, but .*views belongs to one\./);
      await app.wipeViews();
      await app.start();
      expect(await postInteraction(app)).toMatchObject({ leadCreated: true });
    }
  });
});

test('an app does not start on an empty log beside views of another log, and starts without those views', async () => {
  const app = await createApp().start();
  await app.get('/v1/leads', { after: (await postInteraction(app)).position });
  await app.stop();
  const { EVENT_STORE_URL = `sqlite:${join(app.dataDir, 'none')}/events.db`, ...env } = await app.env();
  const emptyLog = EVENT_STORE_URL.startsWith('sqlite:')
    ? { EVENT_STORE_URL, ID_KEY: 'the key of an empty log' }
    : { EVENT_STORE_URL: `${EVENT_STORE_URL}empty` };
  const views = env['READ_STORE_URL'] ?? `sqlite:${join(app.dataDir, 'views')}`;
  // An empty log that was begun elsewhere.
  const elsewhere = createApp(emptyLog);
  const { READ_STORE_URL: _, ...elsewhereEnv } = await elsewhere.env();
  const onEmptyLog = createApp({ ...elsewhereEnv, ...emptyLog, READ_STORE_URL: views });
  const begun = createApp({ ...elsewhereEnv, ...emptyLog });
  await begun.start();
  await begun.stop();
  expect(await startFailure(onEmptyLog)).toMatch(
    /^The event log .* has no events, but the view [a-z-]+ in .* was built from a log\. .* READ_STORE_URL, or begin a new log: (remove|drop) /,
  );
  await app.wipeViews();
  await onEmptyLog.start();
});

onEmbedded.log(describe)('a log that is taken away while an app runs', () => {
  test.each([
    ['removed', (file: string) => rmSync(file)],
    ['replaced by a copy', (file: string) => (copyFileSync(file, `${file}.copy`), renameSync(`${file}.copy`, file))],
    ['separated from its write-ahead log', (file: string) => rmSync(`${file}-wal`)],
  ])('commands and /readyz return 503 once the log was %s', async (_, takeAway) => {
    const app = await createApp().start();
    await openLead(app);
    const file = join(app.dataDir, 'events.db');
    const ready = () => app.get<{ checks: { log: { ready: boolean; reason?: string } } }>('/readyz');
    expect(await ready()).toMatchObject({ status: 200 });
    takeAway(file);
    expect(await app.post('/v1/interactions', interactionBody())).toMatchObject({
      status: 503,
      body: { code: 'unavailable' },
    });
    expect(await ready()).toMatchObject({
      status: 503,
      body: {
        checks: { log: { ready: false, reason: expect.stringMatching(/was removed or replaced while it was open/) } },
      },
    });
    await app.kill();
  });
});

onEmbedded.log(onEmbedded.views(test))(
  'only the user of an app can read its data folder, new or existing',
  async () => {
    const parent = createApp();
    const app = createApp({ DATA_DIR: join(parent.dataDir, 'data') });
    const paths = (): string[] => {
      const folder = join(parent.dataDir, 'data');
      return [folder, ...readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)))];
    };
    const openPaths = () => paths().filter((path) => (statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077);
    for (let starts = 0; starts < 2; starts++) {
      await app.start();
      await openLead(app);
      expect(openPaths()).toEqual([]);
      await app.stop();
      for (const path of paths()) chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);
    }
    expect(app.output).toContain('other users could read the key');
  },
);

onEmbedded.log(describe)('a log with a damaged page of an index', () => {
  /** Inverts the root page of the index of streams and versions. */
  function damageIndex(file: string, fillMegabytes: number): void {
    const db = new DatabaseSync(file);
    const insert = db.prepare('INSERT INTO answers (command, kept, body) VALUES (?, 0, ?)');
    for (let i = 0; i < fillMegabytes; i++) insert.run(`filler ${i}`, 'x'.repeat(1_000_000));
    const { rootpage, size } = db
      .prepare(
        "SELECT rootpage, (SELECT page_size FROM pragma_page_size) AS size FROM sqlite_schema WHERE name = 'sqlite_autoindex_events_1'",
      )
      .get() as { rootpage: number; size: number };
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    const bytes = readFileSync(file);
    for (let i = (rootpage - 1) * size; i < rootpage * size; i++) bytes[i] = bytes[i]! ^ 0xff;
    writeFileSync(file, bytes);
  }
  const newDamagedApp = async (fillMegabytes: number): Promise<App> => {
    const app = await createApp().start();
    await openLead(app);
    await app.stop();
    damageIndex(join(app.dataDir, 'events.db'), fillMegabytes);
    return app;
  };

  test('an app does not start on a small damaged log, and verify reports the damage', async () => {
    const app = await newDamagedApp(0);
    expect(await startFailure(app)).toMatch(/the file is damaged \(.*\)\. Restore it from a backup\.\n$/);
    const verified = await runCli(['verify'], await app.env());
    expect(verified).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^The file of the log is damaged\. Restore/),
    });
    const json = await runCli(['verify', '--json'], await app.env());
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toEqual({ damage: expect.arrayContaining([expect.any(String)]) });
  });

  test('/readyz returns 503 once the check of a large log has found the damage', async () => {
    const app = await newDamagedApp(70);
    await app.start({ ready: false });
    await app.waitForOutput('the event log is damaged');
    expect(await app.get('/readyz')).toMatchObject({
      status: 503,
      body: { checks: { log: { ready: false, reason: expect.stringMatching(/is damaged \(.*\); restore it/) } } },
    });
    expect(await app.stop()).toMatchObject({ code: 0 });
  });
});
