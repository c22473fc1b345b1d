import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase, supportsSnapshots, externalServerUrl } from '#read-model/mongodb/database.fixture';
import { startEventStoreDb, startMongodb, type RestartableServer } from './restartable-server.js';

declare global {
  /** What apps keep their log and their views on: `<log>+<views>`. Named by each suite of jest.config.js. */
  var testEngines: string | undefined;
}

const [logEngine, viewsEngine] = (globalThis.testEngines ?? 'sqlite+sqlite').split('+');
if (!/^(sqlite|esdb)$/.test(logEngine ?? '') || !/^(sqlite|mongodb)$/.test(viewsEngine ?? ''))
  throw new Error('TEST_ENGINES must be esdb+mongodb, esdb+sqlite, sqlite+mongodb, sqlite+sqlite or all of them: all');

const realLogServer = process.env['TEST_ESDB_URL'];

interface Skippable {
  /** Not there of what is skipped already. */
  readonly skip?: unknown;
}
/** Not left out but shown as skipped, so that a run on other engines says what it did not try. */
const onlyIf =
  (applies: boolean) =>
  <Test extends Skippable>(test: Test): Test =>
    applies ? test : ((test.skip ?? test) as Test);

export const isEmbedded = { log: logEngine === 'sqlite', views: viewsEngine === 'sqlite' };

/** For tests of what an embedded engine alone has, its files, locks and disk: on a server they are shown as skipped. */
export const onEmbedded = { log: onlyIf(isEmbedded.log), views: onlyIf(isEmbedded.views) };

const mongodb = externalServerUrl && viewsEngine === 'mongodb' ? externalServerUrl : undefined;
/** False of a real server of MongoDB's protocol that is no replica set. */
export const canExport = mongodb === undefined || (await supportsSnapshots(mongodb));

/** For tests of exports, which need the views as they were at one moment. */
export const onSnapshots = onlyIf(canExport);

/** For tests of several processes that write: both the log and the views are on servers. */
export const onShared = onlyIf(!isEmbedded.log && !isEmbedded.views);

/** For tests that take a server down: one that is played in this process, or a program that it runs. */
export const onRestartable = {
  log: onlyIf(logEngine === 'esdb' && !realLogServer),
  views: onlyIf(viewsEngine === 'mongodb' && !externalServerUrl),
};

/** What the log and the views of one app lie on. It outlives the app's processes. */
export interface Engines {
  /** The settings that say where they are. */
  readonly env: Readonly<Record<string, string>>;
  /** Null where the log or the views are embedded, or on a server that others use too. */
  readonly esdb: RestartableServer | null;
  readonly mongodb: RestartableServer | null;
  /** Wipes all views, while nothing runs. */
  wipeViews(): Promise<void>;
  remove(): Promise<void>;
}

/** A log and views of their own: files in the data folder, or on servers, real ones or played in this process. */
export async function newEngines(dataDir: string): Promise<Engines> {
  const log = logEngine === 'esdb' ? await newLog() : embeddedLog;
  const views = viewsEngine === 'mongodb' ? await newDatabase() : embeddedViews(dataDir);
  return {
    env: { ...log.env, ...views.env },
    esdb: log.server,
    mongodb: views.server,
    wipeViews: views.wipe,
    remove: async () => {
      await views.remove();
      await log.remove();
    },
  };
}

const embeddedLog = { env: {}, server: null, remove: async () => undefined };

const embeddedViews = (dataDir: string) => ({
  env: {},
  server: null,
  wipe: async () => rmSync(join(dataDir, 'views'), { recursive: true }),
  remove: async () => undefined,
});

/** Under a name of its own; on a server that others use too it stays there. */
async function newLog() {
  const server = realLogServer ? null : await startEventStoreDb();
  const url = `${realLogServer ?? server!.url}#${randomUUID().replaceAll('-', '')}`;
  return {
    env: { EVENT_STORE_URL: url, ID_KEY: 'the key of all tests' },
    server,
    remove: async () => server?.end(),
  };
}

async function newDatabase() {
  const server = externalServerUrl ? null : await startMongodb();
  const { url, database, remove } = await createTestDatabase(externalServerUrl ?? server!.url);
  return {
    env: { READ_STORE_URL: url },
    server,
    wipe: async () => void (await database.dropDatabase()),
    remove: async () => {
      await remove();
      await server?.end();
    },
  };
}
