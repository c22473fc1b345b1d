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

const old = new App();
let server: FakeEventStoreDbServer;
const apps: App[] = [old];
/** An app on another log, with the same key. */
async function appOn(url: string, more: StringMap = {}): Promise<App> {
  const app = new App({ EVENT_STORE_URL: url, ID_KEY: await key(), ...more });
  apps.push(app);
  return app;
}
const key = async (): Promise<string> =>
  (await old.env())['ID_KEY'] ?? readFileSync(join(old.dataDir, 'id.key'), 'utf8').trim();
const migrate = async (args: readonly string[], env: StringMap = {}): Promise<CliResult> =>
  runCli(['migrate', ...args], { ...(await old.env()), ...env });

beforeAll(async () => {
  server = await FakeEventStoreDbServer.start();
  await old.start();
});
afterAll(async () => {
  for (const app of apps) await app.dispose();
  server.stop();
});

/** Positions are those of each log; all else must be the same. */
const masked = (told: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(told).map(([path, text]) => [path, text.replace(/\bp[0-9a-v]{8}\.[0-9a-v]{13}\b/g, 'position')]),
  );
const to = (name: string): string => `${server.url}#${name}`;

describe('a service that moves', () => {
  const sent = { 'idempotency-key': 'sent again over the move' };
  const asked = interactionBody({ contactId: 'over the move' });
  const agent = { id: 'over-the-move', name: 'Nadia' };
  let before: Record<string, string>;
  let first: ResponseBody;
  let events: number;
  let back: string;

  beforeAll(async () => {
    first = expectSuccess(await old.post('/v1/interactions', asked, sent));
    await old.post('/v1/agents', agent, { 'idempotency-key': 'agent' });
    before = masked(await readEveryPage(old, await writeSampleLog(old)));
    back = `sqlite:${join(old.dataDir, 'back', 'events.db')}`;
  });

  onEmbedded.log(test)('is copied ahead while it runs, and not otherwise', async () => {
    const refused = await migrate(['--to', to('moved')]);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toMatch(/^The source of the copy: .* is in use by another process.* copy --ahead\.\n$/);
    const ahead = await migrate(['--to', to('moved'), '--ahead']);
    expect(ahead).toMatchObject({ code: 0 });
    expect(ahead.out).toMatch(/^[0-9,]+ events copied to esdb:.*\nStop the service and run this again without --ahead/);
    await postInteraction(old, { contactId: 'in between' });
    before = masked(await readEveryPage(old, (await postInteraction(old, { contactId: 'in between' })).position));
  });

  test('has the same views on another engine', async () => {
    await old.stop();
    const { code, out, err } = await migrate(['--to', to('moved'), '--json']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    ({ events } = JSON.parse(out) as { events: number });
    expect(events).toBeGreaterThan(200);
    const there = await (await appOn(to('moved'))).start();
    const { position } = await postInteraction(there, asked);
    expect(masked(await readEveryPage(there, position))).toEqual(before);
  });

  test('does what was asked before no second time', async () => {
    const there = apps.at(-1)!;
    // The answer is made of the log: it is as it was then, at that lead's version.
    const again = await there.post('/v1/interactions', asked, sent);
    expect(again.status).toBe(201);
    expect({ ...again.body, position: '' }).toEqual({ ...first, position: '' });
    const once = await there.post('/v1/agents', agent, { 'idempotency-key': 'agent' });
    expect(once).toMatchObject({ status: 201, body: { agent: { name: 'Nadia' }, version: 1 } });
    expect((await there.post('/v1/agents', agent)).body.code).toBe('agent_exists');
    await there.stop();
  });

  test('has them also when it comes back', async () => {
    const env = { EVENT_STORE_URL: to('moved'), ID_KEY: await key() };
    const { code, out, err } = await migrate(['--to', back], env);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^[0-9,]+ events copied to sqlite:.*\nBoth logs were compared: every event is the same\. .*the same ID_KEY/,
    );
    expect(err).toMatch(/^([0-9,]+) of \1 events compared$/m);
    const here = await (await appOn(back)).start();
    const { position } = await postInteraction(here, asked);
    expect(masked(await readEveryPage(here, position))).toEqual(before);
    await here.stop();
    expect(await migrate(['--to', back, '--json'], env)).toMatchObject({
      code: 0,
      out: expect.stringContaining(`"events":${events},"copied":0`),
    });
  });

  test('is copied however often the copy is killed', async () => {
    server.appendDelayMs = 2;
    const args = ['migrate', '--to', to('killed'), '--json'];
    for (let times = 0; times < 3; times++) {
      const seen = server.appendCount;
      const { child } = startCli(args, await old.env());
      while (server.appendCount < seen + 15) await new Promise((resolve) => setTimeout(resolve, 5));
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    server.appendDelayMs = 0;
    const { out } = await runCli(args, await old.env());
    const last = JSON.parse(out) as { events: number; copied: number };
    expect(last.events).toBe(events);
    expect(last.copied).toBeLessThanOrEqual(events - 40);
    const ours = /^(contact|agent|broadcast|message)-/;
    const stored = (name: string) =>
      server.log.all.flatMap(({ stream, id }) => {
        const [log, own = ''] = stream.split('.');
        return log === name && ours.test(own) ? [id] : [];
      });
    expect(stored('killed')).toEqual(stored('moved'));
  });
});

describe('a copy is refused', () => {
  beforeAll(async () => {
    // What comes now is not in the log that was moved.
    await old.start();
    const lead = await openLead(old);
    await postStatus(old, lead.id, 'lost');
    await old.stop();
  });
  const said = async (args: readonly string[], env: StringMap = {}): Promise<string> => {
    const { code, out, err } = await migrate(args, env);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    return err;
  };

  test('to where another log is, of which nothing is changed', async () => {
    const other = await (await appOn(to('other'))).start();
    await postAgent(other, { name: uniqueId('Zoe') });
    await other.stop();
    const before = server.log.all.length;
    expect(await said(['--to', to('other')])).toMatch(
      /^Event number 1 of the target, .* The target holds another log\.\n$/,
    );
    expect(server.log.all).toHaveLength(before);
  });

  test('to itself', async () => {
    const url = (await old.env())['EVENT_STORE_URL'] ?? `sqlite:${old.dataDir}/./events.db`;
    expect(await said(['--to', url])).toMatch(/can't be copied to itself/);
    const moved = ['--from', to('moved'), '--to', to('moved').replace('tls=false', 'tls=false&nodePreference=leader')];
    expect(await said(moved, { ID_KEY: await key() })).toBe('Both URLs are of the very same log.\n');
  });

  test('to a log that a service writes to', async () => {
    const running = await (await appOn(`sqlite:${join(old.dataDir, 'running', 'events.db')}`)).start();
    const env = await running.env();
    expect(await said(['--to', env['EVENT_STORE_URL']!])).toMatch(
      /^The target of the copy: .* in use by another process/,
    );
    await running.stop();
  });

  test('to a server that does not answer, whose password is not repeated', async () => {
    const err = await said(['--to', 'esdb://admin:changeit@127.0.0.1:9?tls=false']);
    expect(err).toMatch(/^The target of the copy: .*cannot be reached/);
    expect(err).not.toContain('changeit');
  });

  test('with another key than that of the log', async () => {
    const err = await said(['--to', to('nowhere')], { ID_KEY: 'a secret of somebody else' });
    expect(err).toMatch(/^ID_KEY is not the key of this log/);
    expect(err).not.toContain('somebody else');
  });

  onEmbedded.log(test)('from where there is none', async () => {
    const file = join(old.dataDir, 'none', 'events.db');
    expect(await said(['--to', to('nowhere'), '--from', `sqlite:${file}`])).toMatch(/^There is no event log at /);
    expect(existsSync(file)).toBe(false);
    writeFileSync(join(old.dataDir, 'text'), 'no log '.repeat(1_000));
    expect(await said(['--to', `sqlite:${join(old.dataDir, 'text')}`])).toMatch(/^The target of the copy: /);
  });

  test.each([
    [[], "required option '--to <url>' not specified"],
    [['--to', 'redis://x'], 'It must be sqlite:<file> or esdb://…'],
  ])('as %j', async (args, words) => {
    expect(await migrate(args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(words) });
  });
});
