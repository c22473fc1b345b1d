import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { reactorNames, type DeadLetter } from '#automation/reactor';
import { scheduledTaskNames } from '#automation/scheduled-task';
import { createAutomationView } from '#automation/dead-letters';
import { views } from '#projections/index';
import { parseSettings } from '#wiring/settings';
import { openViews } from '#wiring/stores';
import { App, type StringMap } from '../support/app.js';
import { runCli, type CliResult } from '../support/cli.js';
import { onEmbedded } from '../support/engines.js';
import {
  getAllLeads,
  postAgent,
  postAssignment,
  openClosedLead,
  getContactHistory,
  expectSuccess,
  postFollowUp,
  getLead,
  openLead,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

const app = new App();
beforeAll(() => app.start());
afterAll(() => app.dispose());

const cli = async (args: readonly string[], env: StringMap = {}): Promise<CliResult> =>
  runCli(args, { ...(await app.env()), ...env });

/** As if the view had never been built. */
function forget(view: string): void {
  const folder = join(app.dataDir, 'views');
  for (const file of readdirSync(folder)) if (file.startsWith(`${view}.`)) rmSync(join(folder, file));
}

interface Status {
  readonly log: { readonly head: string; readonly events: number | null };
  readonly views: readonly {
    readonly view: string;
    readonly state: string;
    readonly lag: { readonly events: number; readonly seconds: number };
    readonly checkpoint: string | null;
  }[];
  readonly duties: readonly { readonly duty: string; readonly parked: readonly DeadLetter[] }[];
  readonly reactions: readonly { readonly reaction: string; readonly parked: readonly DeadLetter[] }[];
}

async function status(): Promise<Status> {
  const { code, out, err } = await cli(['status', '--json']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as Status;
}

const statesOf = ({ views }: Status) => Object.fromEntries(views.map(({ view, state }) => [view, state]));
const all = (state: string) => Object.fromEntries(views.map(({ name }) => [name, state]));

async function until<T>(found: () => Promise<T>, wanted: (found: T) => boolean): Promise<T> {
  for (let tries = 100; ; tries--) {
    const now = await found();
    if (wanted(now) || tries === 0) return now;
  }
}

/** The log's file in the hands of somebody with a database tool. */
function byHand(sql: string): void {
  const db = new DatabaseSync(join(app.dataDir, 'events.db'), { timeout: 30_000 });
  db.exec(sql);
  db.close();
}

/** What people see of everything. */
async function everything(contactId: string, after: string): Promise<object> {
  return {
    leads: await getAllLeads(app, { after }),
    history: await getContactHistory(app, contactId, { after }),
    followUps: (await app.get('/v1/follow-ups', { after })).body,
    agents: (await app.get('/v1/agents', { after })).body,
  };
}

describe('while the service runs', () => {
  const contactId = uniqueId('contact');
  const agentId = uniqueId('agent');
  let leadId: string;

  beforeAll(async () => {
    await postAgent(app, { id: agentId, name: 'Ana Pérez', capacity: 3 });
    await openClosedLead(app, 'lost', { contactId });
    leadId = (await openLead(app, { contactId })).id;
    await postAssignment(app, leadId, agentId);
    await postFollowUp(app, leadId);
    for (let i = 0; i < 20; i++) await openLead(app);
  });

  test('status says that all views are up to date, in words and for programs', async () => {
    const found = await until(status, (it) => Object.values(statesOf(it)).every((state) => state === 'up to date'));
    expect(statesOf(found)).toEqual(all('up to date'));
    // An EventStoreDB does not count them.
    const { events } = found.log;
    expect(events ?? 41).toBeGreaterThan(40);
    for (const view of found.views)
      expect(view).toMatchObject({ lag: { events: 0, seconds: 0 }, checkpoint: found.log.head });
    const running = reactorNames.filter((it) => it !== 'assign-leads');
    expect(found.reactions).toMatchObject(running.map((reaction) => ({ reaction, parked: [] })));
    expect(found.duties).toEqual(scheduledTaskNames.map((duty) => ({ duty, parked: [] })));

    const { out } = await cli(['status']);
    expect(out).toContain(`${events === null ? '' : `${events} events, `}head ${found.log.head}`);
    for (const { name } of views) expect(out).toMatch(new RegExp(`^${name} +\\d+ +up to date +- +p`, 'm'));
  });

  test.each(views.map(({ name }) => name))('%s is rebuilt, shows what it showed, and goes on', async (view) => {
    const { position } = await postInteraction(app, { contactId });
    const before = await everything(contactId, position);
    const { code, out, err } = await cli(['rebuild', view]);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(
        new RegExp(
          `^Building ${view} v\\d+ from the log, here, beside .*\n${view} v\\d+ is built: [0-9,]+ events here.*\n$`,
        ),
      ),
    });
    // No bar where nobody knows how much there is.
    expect(err).toMatch((await status()).log.events === null ? /^$/ : /^([0-9,]+) of \1 events$/m);
    expect(await everything(contactId, position)).toEqual(before);

    const { position: next } = await postInteraction(app, { contactId });
    expect(await everything(contactId, next)).not.toEqual(before);
    const { out: json } = await cli(['rebuild', view, '--json']);
    expect(JSON.parse(json)).toMatchObject({ view, checkpoint: next });
  });

  test('a rebuild in the middle of writing loses nothing', async () => {
    const opened: string[] = [];
    let position = '';
    let rebuilding = true;
    const writing = (async () => {
      while (rebuilding) {
        const said = await postInteraction(app);
        opened.push(said.leadId);
        ({ position } = said);
      }
    })();
    for (let i = 0; i < 3; i++) expect(await cli(['rebuild', 'lead-list', '--json'])).toMatchObject({ code: 0 });
    rebuilding = false;
    await writing;
    const listed = new Set((await getAllLeads(app, { after: position })).map(({ id }) => id));
    expect(opened.filter((id) => !listed.has(id))).toEqual([]);
  });

  test('a stream is printed without the control characters of its texts, one event a line', async () => {
    const reason = `x\u001b[2J\u001b[H\u0007\u009b2J\u007f\u202e\u2028\n${'9'.padStart(5)}  Lead opened — agent boss`;
    const { id } = await openLead(app);
    expectSuccess(await app.post(`/v1/leads/${id}/status`, { status: 'lost', reason }));
    for (const args of [
      ['stream', id],
      ['stream', id, '--json'],
    ]) {
      const { out } = await cli(args);
      expect(out).not.toMatch(/[\p{Bidi_Control}\u2028]|(?!\n)\p{Cc}/u);
      expect(out).toContain('\\u001b[2J');
      expect(out.trimEnd().split('\n')).toHaveLength(
        (await cli(['stream', id, '--json'])).out.trimEnd().split('\n').length,
      );
      expect(out).not.toMatch(/^ +9 /m);
    }
    const lines = (await cli(['stream', id, '--json'])).out.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ type: 'LeadStatusChanged', personal: expect.objectContaining({ reason }) }),
    );
  });

  test('a stream is told in sentences, by whatever it is called', async () => {
    const told = await cli(['stream', leadId]);
    const lines = told.out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^ {4}1 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z {2}Contact registered — service api$/);
    for (const words of ['Lead 1 opened (chat)', 'Status from new to lost, on lead 1', 'Lead 2 opened (chat)'])
      expect(told.out).toContain(words);
    expect(told.out).toContain('Assigned to Ana Pérez, on lead 2');

    expect(await cli(['stream', `contact:${contactId}`])).toEqual(told);
    const json = await cli(['stream', leadId, '--json']);
    const events = json.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { stream: string; version: number });
    expect(events.map(({ version }) => version)).toEqual(lines.map((_, nth) => nth + 1));
    expect(await cli(['stream', events[0]!.stream])).toEqual(told);

    const agent = await cli(['stream', `agent:${agentId}`]);
    expect(agent).toMatchObject({
      code: 0,
      out: expect.stringContaining('Ana Pérez registered, with room for 3 leads'),
    });
  });

  test('verify finds nothing wrong', async () => {
    expect(await cli(['verify'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^[0-9,]+ events in [0-9,]+ streams: all can be read/),
    });
    expect(JSON.parse((await cli(['verify', '--json'])).out)).toMatchObject({ problems: [] });
  });
});

describe('while nothing runs', () => {
  beforeAll(() => app.stop());

  test('status shows what has been set aside', async () => {
    const store = await openViews(parseSettings(await app.env()), { readerThread: false });
    const writer = await store.openForWriting(createAutomationView({ name: 'free-leads' }));
    const { checkpoint } = await writer.state();
    const position = checkpoint!;
    const since = '2026-03-01T09:00:00.000Z';
    const parked = { eventId: 'e-1', type: 'AgentDeactivated', position, reason: 'It rains.', attempts: 6, since };
    await writer.save([{ table: 'parked', key: 'e-1', row: parked, position, columns: { since } }], position, position);
    await store.close();

    expect((await status()).reactions).toContainEqual(
      expect.objectContaining({ reaction: 'free-leads', parked: [parked] }),
    );
    expect((await cli(['status'])).out).toContain(`AgentDeactivated e-1  ${since}  It rains.`);
  });

  onEmbedded.views(test)('a view that was never built is said to be, and is built by rebuild', async () => {
    forget('lead-list');
    expect(statesOf(await status())).toEqual({ ...all('up to date'), 'lead-list': 'never built' });
    const { code, out } = await cli(['rebuild', 'lead-list']);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^Building lead-list v\d+ from the log, here\.\n/),
    });
    expect(statesOf(await status())).toEqual(all('up to date'));
  });

  onEmbedded.views(test)(
    'what a new release has not built is built ahead of it, and what older ones left would be removed',
    async () => {
      for (const view of ['agents', 'lead-list']) forget(view);
      const { code, out } = await cli(['rebuild', '--ahead', '--json']);
      expect(code).toBe(0);
      const built = out.trimEnd().split('\n');
      expect(built.map((line) => (JSON.parse(line) as { view: string }).view).sort()).toEqual(['agents', 'lead-list']);
      expect(statesOf(await status())).toEqual(all('up to date'));
      expect(await cli(['rebuild', '--ahead'])).toEqual({
        code: 0,
        out: 'Every view of this release is built.\n',
        err: '',
      });
      expect(await cli(['tidy'])).toEqual({ code: 0, out: 'There is nothing to remove.\n', err: '' });
      expect(JSON.parse((await cli(['tidy', '--json'])).out)).toEqual({ removed: [] });
    },
  );
});

onEmbedded.log(describe)('when something is wrong with the log', () => {
  const contactId = uniqueId('contact');
  let stream: string;
  let fine: string;

  beforeAll(async () => {
    await app.start();
    const first = await openClosedLead(app, 'lost', { contactId });
    const { position } = await postInteraction(app, { contactId });
    await getLead(app, first.id, position);
    stream = `contact-default-${first.id.replace(/-1$/, '')}`;
    const other = await openLead(app);
    await postStatus(app, other.id, 'qualified');
    fine = (await cli(['verify', '--json'])).out;
  });

  const of = (version: number) => `stream = (SELECT id FROM streams WHERE name = '${stream}') AND version = ${version}`;
  const problems = async () => {
    const { code, out } = await cli(['verify', '--json']);
    expect(code).toBe(1);
    return (JSON.parse(out) as { problems: { stream: string; version: number; what: string }[] }).problems.map(
      ({ stream: at, version, what }) => `${at}@${version}: ${what}`,
    );
  };
  const kept = 'CREATE TABLE IF NOT EXISTS kept AS SELECT position, version, body FROM events';
  const putBack = () =>
    byHand(`UPDATE events SET body = kept.body, version = kept.version FROM kept WHERE kept.position = events.position;
      DROP TABLE kept`);

  test.each([
    [
      'an event that can not be read',
      () => `UPDATE events SET body = '{' WHERE ${of(2)}`,
      () => [`${stream}@2: it can't be read: it is not JSON`],
    ],
    [
      'a gap',
      () => `UPDATE events SET version = 9 WHERE ${of(6)}`,
      () => [`${stream}@9: its version is 9 where 6 was due`],
    ],
    [
      'an id that is there twice',
      () =>
        `UPDATE events SET body = json_set(body, '$.id', (SELECT body ->> '$.id' FROM events WHERE ${of(1)})) WHERE ${of(2)}`,
      () => [`${stream}@2: its id is that of an event before it`],
    ],
    [
      'two active leads of one contact',
      () => `UPDATE events SET body = json_set(body, '$.data.to', 'qualified') WHERE ${of(4)}`,
      () => [expect.stringMatching(`^${stream}@5: lead .*-2 is active while lead .*-1 is$`)],
    ],
  ])('verify finds %s', async (_, damage, found) => {
    byHand(kept);
    byHand(damage());
    expect(await problems()).toEqual(found());
    const { code, out } = await cli(['verify']);
    expect(code).toBe(1);
    expect(out).toMatch(/^AT +EVENT +WHAT IS WRONG\n/);
    expect(out).toMatch(/\n1 of .* is not as they should be\.\n$/);
    putBack();
    expect((await cli(['verify', '--json'])).out).toBe(fine);
  });

  test('stream shows what can be read of it, and what can not', async () => {
    byHand(kept);
    byHand(`UPDATE events SET body = '{' WHERE ${of(2)}`);
    const { code, out } = await cli(['stream', stream]);
    putBack();
    expect(code).toBe(1);
    expect(out.split('\n').map((line) => line.slice(0, 7).trim())).toEqual(['1', '2', '3', '4', '5', '6', '']);
    expect(out.split('\n')[1]).toBe("    2  can't be read: it is not JSON");
  });

  onEmbedded.views(test)(
    'status tells where a view stands still and why, and rebuild gets it going once that is put right',
    async () => {
      await app.stop();
      byHand(kept);
      byHand(`UPDATE events SET body = json_set(body, '$.type', 'LeadTeleported') WHERE ${of(4)}`);
      const { code, err } = await cli(['rebuild', 'lead-list']);
      expect(code).toBe(1);
      expect(err).toMatch(
        /lead-list stands still at event [0-9a-f-]{36}: .*LeadTeleported is not known.*goes on serving/,
      );
      expect(statesOf(await status())).toEqual(all('up to date'));
      expect((await cli(['status'])).out).toMatch(/^The rebuild of lead-list is stopped since .* is not known$/m);

      forget('lead-list');
      await app.start({ ready: false });
      await app.waitForOutput('view stands still');
      expect(statesOf(await status())).toEqual({ ...all('up to date'), 'lead-list': 'stopped' });
      const { out } = await cli(['status']);
      expect(out).toMatch(/^lead-list is stopped since .* at event [0-9a-f-]{36}: .*LeadTeleported is not known$/m);
      putBack();
      expect(await cli(['rebuild', 'lead-list'])).toMatchObject({ code: 0 });
      expect(statesOf(await status())).toEqual(all('up to date'));
      const { position } = await postInteraction(app, { contactId });
      expect(expectSuccess(await app.get('/v1/leads', { contactId, after: position }))).toMatchObject({
        items: { length: 2 },
      });
    },
  );

  test('a log that another program holds is said to be locked', async () => {
    await app.stop();
    const db = new DatabaseSync(join(app.dataDir, 'events.db'));
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; CREATE TABLE mine (id); ROLLBACK');
    const { code, out, err } = await cli(['status']);
    db.close();
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^the event log .* cannot be opened: it is locked by another program\n$/);
  });
});

describe('what can not be', () => {
  const nowhere = join(tmpdir(), 'leadstream-is-not-here');

  onEmbedded.log(test).each(['status', 'verify', 'stream x', 'rebuild lead-list', 'tidy'])(
    'a folder without a log: %s',
    async (args) => {
      expect(await cli(args.split(' '), { DATA_DIR: nowhere })).toEqual({
        code: 1,
        out: '',
        err: `There is no event log at sqlite:${nowhere}/events.db. Set DATA_DIR (or EVENT_STORE_URL) to what the service uses; npm start makes a new one.\n`,
      });
      expect(existsSync(nowhere)).toBe(false);
    },
  );

  test('settings that make no sense', async () => {
    expect(await cli(['status'], { PORT: 'many' })).toMatchObject({ code: 1, err: expect.stringContaining('PORT is') });
  });

  test('a stream that is not there', async () => {
    expect(await cli(['stream', 'agent:nobody'])).toEqual({
      code: 1,
      out: '',
      err: 'There is no stream agent-default-nobody.\n',
    });
  });

  onEmbedded.log(test)('a contact whose key is missing: none is made up', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'leadstream-'));
    const { code, err } = await cli(['stream', 'contact:x'], {
      DATA_DIR: folder,
      EVENT_STORE_URL: `sqlite:${app.dataDir}/events.db`,
    });
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('id.key, and no contact can be found') });
    expect(existsSync(join(folder, 'id.key'))).toBe(false);
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['', 'Commands:'],
    ['statu', "unknown command 'statu'\n(Did you mean status?)"],
    ['status now', 'too many arguments'],
    ['status --loud', "unknown option '--loud'"],
    ['rebuild', 'name a view, or say --ahead'],
    ['rebuild agents --ahead', 'name a view, or say --ahead'],
    ['rebuild leads', `There is no view "leads". Views: ${views.map(({ name }) => name).join(', ')}.`],
    ['stream', "missing required argument 'id'"],
    ['demo --contacts few', 'It must be a whole number from 10'],
  ])('"%s" as what is asked', async (args, said) => {
    const { code, out, err } = await cli(args.split(' ').filter(Boolean));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(said);
  });

  test('help is no failure', async () => {
    expect(await cli(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('rebuild [options] [view]') });
  });
});
