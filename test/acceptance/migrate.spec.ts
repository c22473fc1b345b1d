import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, type ResponseBody, type StringMap } from '../support/app.js';
import { runCli, startCli, type CliResult } from '../support/cli.js';
import { onEmbedded } from '../support/engines.js';
import { FakeEventStoreDbServer } from '../support/fake-eventstoredb-server.js';
import { readEveryPage, writeSampleLog } from '../support/sample-log.js';
import {
  postAgent,
  expectSuccess,
  interactionBody,
  openLead,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

const source = new App();
let server: FakeEventStoreDbServer;
const apps: App[] = [source];
/** An app on another log, with the same key. */
async function createAppOn(url: string, env: StringMap = {}): Promise<App> {
  const app = new App({ EVENT_STORE_URL: url, ID_KEY: await readKey(), ...env });
  apps.push(app);
  return app;
}
const readKey = async (): Promise<string> =>
  (await source.env())['ID_KEY'] ?? readFileSync(join(source.dataDir, 'id.key'), 'utf8').trim();
const migrate = async (args: readonly string[], env: StringMap = {}): Promise<CliResult> =>
  runCli(['migrate', ...args], { ...(await source.env()), ...env });

beforeAll(async () => {
  server = await FakeEventStoreDbServer.start();
  await source.start();
});
afterAll(async () => {
  for (const app of apps) await app.dispose();
  server.stop();
});

/** Positions differ between logs. Everything else must be equal. */
const withoutPositions = (pages: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(pages).map(([path, text]) => [path, text.replace(/\bp[0-9a-v]{8}\.[0-9a-v]{13}\b/g, 'position')]),
  );
const toLog = (name: string): string => `${server.url}#${name}`;

describe('a service that migrates to another engine', () => {
  const key = { 'idempotency-key': 'sent before and after' };
  const interaction = interactionBody({ contactId: 'before and after' });
  const agent = { id: 'before-and-after', name: 'Nadia' };
  let before: Record<string, string>;
  let first: ResponseBody;
  let events: number;
  let back: string;

  beforeAll(async () => {
    first = expectSuccess(await source.post('/v1/interactions', interaction, key));
    await source.post('/v1/agents', agent, { 'idempotency-key': 'agent' });
    before = withoutPositions(await readEveryPage(source, await writeSampleLog(source)));
    back = `sqlite:${join(source.dataDir, 'back', 'events.db')}`;
  });

  onEmbedded.log(test)('migrate copies a running service only with --ahead', async () => {
    const rejected = await migrate(['--to', toLog('moved')]);
    expect(rejected).toMatchObject({ code: 1, out: '' });
    expect(rejected.err).toMatch(/^Cannot open the source\. .* in use by another process.* Or copy with --ahead\.\n$/);
    const ahead = await migrate(['--to', toLog('moved'), '--ahead']);
    expect(ahead).toMatchObject({ code: 0 });
    expect(ahead.out).toMatch(
      /^Copied [0-9,]+ events to esdb:.*\nStop the service, then run migrate again without --ahead/,
    );
    await postInteraction(source, { contactId: 'in between' });
    before = withoutPositions(
      await readEveryPage(source, (await postInteraction(source, { contactId: 'in between' })).position),
    );
  });

  test('the migrated log has the same views on another engine', async () => {
    await source.stop();
    const { code, out, err } = await migrate(['--to', toLog('moved'), '--json']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    ({ events } = JSON.parse(out) as { events: number });
    expect(events).toBeGreaterThan(200);
    const there = await (await createAppOn(toLog('moved'))).start();
    const { position } = await postInteraction(there, interaction);
    expect(withoutPositions(await readEveryPage(there, position))).toEqual(before);
  });

  test('the migrated service does not repeat commands from before the migration', async () => {
    const there = apps.at(-1)!;
    // The response is rebuilt from the log, as of the lead's version at that time.
    const again = await there.post('/v1/interactions', interaction, key);
    expect(again.status).toBe(201);
    expect({ ...again.body, position: '' }).toEqual({ ...first, position: '' });
    const once = await there.post('/v1/agents', agent, { 'idempotency-key': 'agent' });
    expect(once).toMatchObject({ status: 201, body: { agent: { name: 'Nadia' }, version: 1 } });
    expect((await there.post('/v1/agents', agent)).body.code).toBe('agent_exists');
    await there.stop();
  });

  test('the migrated log has the same views when it is copied back', async () => {
    const env = { EVENT_STORE_URL: toLog('moved'), ID_KEY: await readKey() };
    const { code, out, err } = await migrate(['--to', back], env);
    expect(code).toBe(0);
    expect(out).toMatch(/^Copied [0-9,]+ events to sqlite:.*\nBoth logs contain the same events\. .*the same ID_KEY/);
    expect(err).toMatch(/^([0-9,]+) of \1 events compared$/m);
    const here = await (await createAppOn(back)).start();
    const { position } = await postInteraction(here, interaction);
    expect(withoutPositions(await readEveryPage(here, position))).toEqual(before);
    await here.stop();
    expect(await migrate(['--to', back, '--json'], env)).toMatchObject({
      code: 0,
      out: expect.stringContaining(`"events":${events},"copied":0`),
    });
  });

  test('migrate completes the copy after it was killed several times', async () => {
    server.appendDelayMs = 2;
    const args = ['migrate', '--to', toLog('killed'), '--json'];
    for (let kills = 0; kills < 3; kills++) {
      const appends = server.appendCount;
      const { child } = startCli(args, await source.env());
      while (server.appendCount < appends + 15) await new Promise((resolve) => setTimeout(resolve, 5));
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    server.appendDelayMs = 0;
    const { out } = await runCli(args, await source.env());
    const result = JSON.parse(out) as { events: number; copied: number };
    expect(result.events).toBe(events);
    expect(result.copied).toBeLessThanOrEqual(events - 40);
    const ourStreams = /^(contact|agent|broadcast|message)-/;
    const idsIn = (name: string) =>
      server.log.all.flatMap(({ stream, id }) => {
        const [logName, streamName = ''] = stream.split('.');
        return logName === name && ourStreams.test(streamName) ? [id] : [];
      });
    expect(idsIn('killed')).toEqual(idsIn('moved'));
  });
});

describe('migrate is rejected', () => {
  beforeAll(async () => {
    // These events are not in the migrated log.
    await source.start();
    const lead = await openLead(source);
    await postStatus(source, lead.id, 'lost');
    await source.stop();
  });
  const failure = async (args: readonly string[], env: StringMap = {}): Promise<string> => {
    const { code, out, err } = await migrate(args, env);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    return err;
  };

  test('migrate rejects a target with another log, and does not change it', async () => {
    const other = await (await createAppOn(toLog('other'))).start();
    await postAgent(other, { name: uniqueId('Zoe') });
    await other.stop();
    const before = server.log.all.length;
    expect(await failure(['--to', toLog('other')])).toMatch(
      /^Event number 1 of the target, .* The target contains another log\. Set --to to an empty log\.\n$/,
    );
    expect(server.log.all).toHaveLength(before);
  });

  test('migrate rejects the source as the target', async () => {
    const url = (await source.env())['EVENT_STORE_URL'] ?? `sqlite:${source.dataDir}/./events.db`;
    expect(await failure(['--to', url])).toMatch(/is both source and target\./);
    const moved = [
      '--from',
      toLog('moved'),
      '--to',
      toLog('moved').replace('tls=false', 'tls=false&nodePreference=leader'),
    ];
    expect(await failure(moved, { ID_KEY: await readKey() })).toBe(
      'Both URLs point to the same log. Set --to to another log.\n',
    );
  });

  test('migrate rejects a target that a service writes to', async () => {
    const running = await (await createAppOn(`sqlite:${join(source.dataDir, 'running', 'events.db')}`)).start();
    const env = await running.env();
    expect(await failure(['--to', env['EVENT_STORE_URL']!])).toMatch(
      /^Cannot open the target\. .* in use by another process/,
    );
    await running.stop();
  });

  test('migrate reports a target server that cannot be reached, without its password', async () => {
    const err = await failure(['--to', 'esdb://admin:changeit@127.0.0.1:9?tls=false']);
    expect(err).toMatch(/^Cannot open the target\. .* and that the server is running\.\n$/);
    expect(err).not.toContain('changeit');
  });

  test('migrate rejects a key that is not the key of the log', async () => {
    const err = await failure(['--to', toLog('nowhere')], { ID_KEY: 'a secret of somebody else' });
    expect(err).toMatch(/^ID_KEY is not the key of this log/);
    expect(err).not.toContain('somebody else');
  });

  onEmbedded.log(test)('migrate rejects a source that does not exist and a target that is no log', async () => {
    const file = join(source.dataDir, 'none', 'events.db');
    expect(await failure(['--to', toLog('nowhere'), '--from', `sqlite:${file}`])).toMatch(/^There is no event log at /);
    expect(existsSync(file)).toBe(false);
    writeFileSync(join(source.dataDir, 'text'), 'no log '.repeat(1_000));
    expect(await failure(['--to', `sqlite:${join(source.dataDir, 'text')}`])).toMatch(/^Cannot open the target\. /);
  });

  test.each([
    [[], "required option '--to <url>' not specified"],
    [['--to', 'redis://x'], 'It must be sqlite:<file>, esdb://<host>:<port> or kurrentdb://<host>:<port>.'],
  ])('migrate rejects the arguments %j with exit code 2: %s', async (args, message) => {
    expect(await migrate(args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) });
  });
});
