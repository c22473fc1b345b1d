import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase, supportsSnapshots, externalServerUrl } from '#read-model/mongodb/database.fixture';
import { startEventStoreDb, startMongodb, type RestartableServer } from './restartable-server.js';

declare global {
  /** The engines of the apps under test: `<log>+<views>`. Set by each suite of jest.config.js. */
  var testEngines: string | undefined;
}

const [logEngine, viewsEngine] = (globalThis.testEngines ?? 'sqlite+sqlite').split('+');
if (!/^(sqlite|esdb)$/.test(logEngine ?? '') || !/^(sqlite|mongodb)$/.test(viewsEngine ?? ''))
  throw new Error(
    'TEST_ENGINES is invalid. Set it to esdb+mongodb, esdb+sqlite, sqlite+mongodb, sqlite+sqlite or, for all four, to all.',
  );

const externalLogUrl = process.env['TEST_ESDB_URL'];

interface Skippable {
  /** Missing on a test that is skipped already. */
  readonly skip?: unknown;
}
/** A test that does not apply to these engines is reported as skipped, so that the report shows what was not tested. */
const onlyIf =
  (applies: boolean) =>
  <Test extends Skippable>(test: Test): Test =>
    applies ? test : ((test.skip ?? test) as Test);

export const isEmbedded = { log: logEngine === 'sqlite', views: viewsEngine === 'sqlite' };

/** For tests of files, locks and disks, which only embedded engines have. */
export const onEmbedded = { log: onlyIf(isEmbedded.log), views: onlyIf(isEmbedded.views) };

const externalMongodbUrl = externalServerUrl && viewsEngine === 'mongodb' ? externalServerUrl : undefined;
/** False on an external MongoDB server that is not a replica set. */
export const canExport = externalMongodbUrl === undefined || (await supportsSnapshots(externalMongodbUrl));

/** For tests of exports, which need a snapshot of the views. */
export const onSnapshots = onlyIf(canExport);

/** For tests of several writing processes: both the log and the views are on servers. */
export const onShared = onlyIf(!isEmbedded.log && !isEmbedded.views);

/** For tests that stop a server: a fake in this process, or a program that the test runs. */
export const onRestartable = {
  log: onlyIf(logEngine === 'esdb' && !externalLogUrl),
  views: onlyIf(viewsEngine === 'mongodb' && !externalServerUrl),
};

/** Where one app stores its log and its views. They outlive the app's processes. */
export interface Engines {
  /** The settings with their URLs. */
  readonly env: Readonly<Record<string, string>>;
  /** Null if the log or the views are embedded, or on an external server. */
  readonly esdb: RestartableServer | null;
  readonly mongodb: RestartableServer | null;
  /** Deletes all views. No app may be running. */
  wipeViews(): Promise<void>;
  remove(): Promise<void>;
}

/** Creates an empty log and empty views: files in the data folder, or databases on external or fake servers. */
export async function newEngines(dataDir: string): Promise<Engines> {
  const log = logEngine === 'esdb' ? await createLog() : embeddedLog;
  const views = viewsEngine === 'mongodb' ? await createViewDatabase() : embeddedViews(dataDir);
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

/** Each log has a unique name. On an external server, it is not removed. */
async function createLog() {
  const server = externalLogUrl ? null : await startEventStoreDb();
  const url = `${externalLogUrl ?? server!.url}#${randomUUID().replaceAll('-', '')}`;
  return {
    env: { EVENT_STORE_URL: url, ID_KEY: 'the key of all tests' },
    server,
    remove: async () => server?.end(),
  };
}

async function createViewDatabase() {
  const server = externalServerUrl ? null : await startMongodb();
  const { url, database, remove } = await createTestDatabase(externalServerUrl ?? server!.url);
  return {
    env: { READ_STORE_URL: url },
    server,
    wipe: async () => {
      await database.dropDatabase();
    },
    remove: async () => {
      await remove();
      await server?.end();
    },
  };
}
