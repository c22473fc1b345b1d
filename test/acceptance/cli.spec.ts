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

/** Removes the stored data of a view, as if it had never been built. */
function removeView(view: string): void {
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

async function readStatus(): Promise<Status> {
  const { code, out, err } = await cli(['status', '--json']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as Status;
}

const statesOf = ({ views }: Status) => Object.fromEntries(views.map(({ view, state }) => [view, state]));
const allViews = (state: string) => Object.fromEntries(views.map(({ name }) => [name, state]));

async function poll<T>(read: () => Promise<T>, isWanted: (value: T) => boolean): Promise<T> {
  for (let attempts = 100; ; attempts--) {
    const value = await read();
    if (isWanted(value) || attempts === 0) return value;
  }
}

/** Changes the file of the log as a database tool would. */
function executeSql(sql: string): void {
  const db = new DatabaseSync(join(app.dataDir, 'events.db'), { timeout: 30_000 });
  db.exec(sql);
  db.close();
}

/** Responses of the API from every kind of view. */
async function readEverything(contactId: string, after: string): Promise<object> {
  return {
    leads: await getAllLeads(app, { after }),
    history: await getContactHistory(app, contactId, { after }),
    followUps: (await app.get('/v1/follow-ups', { after })).body,
    agents: (await app.get('/v1/agents', { after })).body,
  };
}

describe('the CLI, while the service runs', () => {
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

  test('status reports that all views are up to date, as text and as JSON', async () => {
    const status = await poll(readStatus, (current) =>
      Object.values(statesOf(current)).every((state) => state === 'up to date'),
    );
    expect(statesOf(status)).toEqual(allViews('up to date'));
    // EventStoreDB does not count events.
    const { events } = status.log;
    expect(events ?? 41).toBeGreaterThan(40);
    for (const view of status.views)
      expect(view).toMatchObject({ lag: { events: 0, seconds: 0 }, checkpoint: status.log.head });
    const running = reactorNames.filter((name) => name !== 'assign-leads');
    expect(status.reactions).toMatchObject(running.map((reaction) => ({ reaction, parked: [] })));
    expect(status.duties).toEqual(scheduledTaskNames.map((duty) => ({ duty, parked: [] })));

    const { out } = await cli(['status']);
    expect(out).toContain(`${events === null ? '' : `${events} events, `}head ${status.log.head}`);
    for (const { name } of views) expect(out).toMatch(new RegExp(`^${name} +\\d+ +up to date +- +p`, 'm'));
  });

  test.each(views.map(({ name }) => name))(
    'rebuild %s shows the same rows as before, and the view stays up to date',
    async (view) => {
      const { position } = await postInteraction(app, { contactId });
      const before = await readEverything(contactId, position);
      const { code, out, err } = await cli(['rebuild', view]);
      expect({ code, out }).toEqual({
        code: 0,
        out: expect.stringMatching(
          new RegExp(
            `^Rebuilding ${view} v\\d+\\. The live generation keeps serving .*\n${view} v\\d+ is built: applied [0-9,]+ events .*\n$`,
          ),
        ),
      });
      // There is no progress bar if the number of events is not known.
      expect(err).toMatch((await readStatus()).log.events === null ? /^$/ : /^([0-9,]+) of \1 events$/m);
      expect(await readEverything(contactId, position)).toEqual(before);

      const { position: next } = await postInteraction(app, { contactId });
      expect(await readEverything(contactId, next)).not.toEqual(before);
      const { out: json } = await cli(['rebuild', view, '--json']);
      expect(JSON.parse(json)).toMatchObject({ view, checkpoint: next });
    },
  );

  test('rebuild loses nothing while events are being written', async () => {
    const opened: string[] = [];
    let position = '';
    let isRebuilding = true;
    const writing = (async () => {
      while (isRebuilding) {
        const interaction = await postInteraction(app);
        opened.push(interaction.leadId);
        ({ position } = interaction);
      }
    })();
    for (let i = 0; i < 3; i++) expect(await cli(['rebuild', 'lead-list', '--json'])).toMatchObject({ code: 0 });
    isRebuilding = false;
    await writing;
    const listed = new Set((await getAllLeads(app, { after: position })).map(({ id }) => id));
    expect(opened.filter((id) => !listed.has(id))).toEqual([]);
  });

  test('stream escapes control characters in texts and prints one line per event', async () => {
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

  test('stream prints the events of a lead, contact, agent or stream as sentences', async () => {
    const ofLead = await cli(['stream', leadId]);
    const lines = ofLead.out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^ {4}1 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z {2}Contact registered — service api$/);
    for (const text of ['Lead 1 opened (chat)', 'Status changed from new to lost, on lead 1', 'Lead 2 opened (chat)'])
      expect(ofLead.out).toContain(text);
    expect(ofLead.out).toContain('Assigned to Ana Pérez, on lead 2');

    expect(await cli(['stream', `contact:${contactId}`])).toEqual(ofLead);
    const json = await cli(['stream', leadId, '--json']);
    const events = json.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { stream: string; version: number });
    expect(events.map(({ version }) => version)).toEqual(lines.map((_, index) => index + 1));
    expect(await cli(['stream', events[0]!.stream])).toEqual(ofLead);

    const agent = await cli(['stream', `agent:${agentId}`]);
    expect(agent).toMatchObject({
      code: 0,
      out: expect.stringContaining('Ana Pérez registered (capacity: 3 leads)'),
    });
  });

  test('verify reports a consistent log', async () => {
    expect(await cli(['verify'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Verified [0-9,]+ events in [0-9,]+ streams: all events can be read/),
    });
    expect(JSON.parse((await cli(['verify', '--json'])).out)).toMatchObject({ problems: [] });
  });
});

describe('the CLI, while no service runs', () => {
  beforeAll(() => app.stop());

  test('status shows dead letters', async () => {
    const store = await openViews(parseSettings(await app.env()), { readerThread: false });
    const writer = await store.openForWriting(createAutomationView({ name: 'free-leads' }));
    const { checkpoint } = await writer.state();
    const position = checkpoint!;
    const since = '2026-03-01T09:00:00.000Z';
    const parked = { eventId: 'e-1', type: 'AgentDeactivated', position, reason: 'It rains.', attempts: 6, since };
    await writer.save([{ table: 'parked', key: 'e-1', row: parked, position, columns: { since } }], position, position);
    await store.close();

    expect((await readStatus()).reactions).toContainEqual(
      expect.objectContaining({ reaction: 'free-leads', parked: [parked] }),
    );
    expect((await cli(['status'])).out).toContain(`AgentDeactivated e-1  ${since}  It rains.`);
  });

  onEmbedded.views(test)('status reports a view that was never built, and rebuild builds it', async () => {
    removeView('lead-list');
    expect(statesOf(await readStatus())).toEqual({ ...allViews('up to date'), 'lead-list': 'never built' });
    const { code, out } = await cli(['rebuild', 'lead-list']);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^Building lead-list v\d+\.\n/),
    });
    expect(statesOf(await readStatus())).toEqual(allViews('up to date'));
  });

  onEmbedded.views(test)(
    'rebuild --ahead builds the views that are missing, and tidy finds no older versions',
    async () => {
      for (const view of ['agents', 'lead-list']) removeView(view);
      const { code, out } = await cli(['rebuild', '--ahead', '--json']);
      expect(code).toBe(0);
      const built = out.trimEnd().split('\n');
      expect(built.map((line) => (JSON.parse(line) as { view: string }).view).sort()).toEqual(['agents', 'lead-list']);
      expect(statesOf(await readStatus())).toEqual(allViews('up to date'));
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

onEmbedded.log(describe)('the CLI, on a damaged log', () => {
  const contactId = uniqueId('contact');
  let stream: string;
  let verifiedBefore: string;

  beforeAll(async () => {
    await app.start();
    const first = await openClosedLead(app, 'lost', { contactId });
    const { position } = await postInteraction(app, { contactId });
    await getLead(app, first.id, position);
    stream = `contact-default-${first.id.replace(/-1$/, '')}`;
    const other = await openLead(app);
    await postStatus(app, other.id, 'qualified');
    verifiedBefore = (await cli(['verify', '--json'])).out;
  });

  const atVersion = (version: number) =>
    `stream = (SELECT id FROM streams WHERE name = '${stream}') AND version = ${version}`;
  const findProblems = async () => {
    const { code, out } = await cli(['verify', '--json']);
    expect(code).toBe(1);
    return (JSON.parse(out) as { problems: { stream: string; version: number; what: string }[] }).problems.map(
      (problem) => `${problem.stream}@${problem.version}: ${problem.what}`,
    );
  };
  const copyEvents = 'CREATE TABLE IF NOT EXISTS kept AS SELECT position, version, body FROM events';
  const restoreEvents = () =>
    executeSql(`UPDATE events SET body = kept.body, version = kept.version FROM kept WHERE kept.position = events.position;
      DROP TABLE kept`);

  test.each([
    [
      'an event that cannot be read',
      () => `UPDATE events SET body = '{' WHERE ${atVersion(2)}`,
      () => [`${stream}@2: cannot be read: it is not JSON`],
    ],
    [
      'a gap',
      () => `UPDATE events SET version = 9 WHERE ${atVersion(6)}`,
      () => [`${stream}@9: its version is 9, expected 6`],
    ],
    [
      'an id that occurs twice',
      () =>
        `UPDATE events SET body = json_set(body, '$.id', (SELECT body ->> '$.id' FROM events WHERE ${atVersion(1)})) WHERE ${atVersion(2)}`,
      () => [`${stream}@2: an earlier event has the same id`],
    ],
    [
      'two active leads of one contact',
      () => `UPDATE events SET body = json_set(body, '$.data.to', 'qualified') WHERE ${atVersion(4)}`,
      () => [expect.stringMatching(`^${stream}@5: lead .*-2 is active while lead .*-1 is active$`)],
    ],
  ])('verify reports %s', async (_, damage, expected) => {
    executeSql(copyEvents);
    executeSql(damage());
    expect(await findProblems()).toEqual(expected());
    const { code, out } = await cli(['verify']);
    expect(code).toBe(1);
    expect(out).toMatch(/^EVENT AT +EVENT ID +PROBLEM\n/);
    expect(out).toMatch(/\n1 problem in [0-9,]+ events in [0-9,]+ streams\.\n$/);
    restoreEvents();
    expect((await cli(['verify', '--json'])).out).toBe(verifiedBefore);
  });

  test('stream prints the events that can be read, and reports the others', async () => {
    executeSql(copyEvents);
    executeSql(`UPDATE events SET body = '{' WHERE ${atVersion(2)}`);
    const { code, out } = await cli(['stream', stream]);
    restoreEvents();
    expect(code).toBe(1);
    expect(out.split('\n').map((line) => line.slice(0, 7).trim())).toEqual(['1', '2', '3', '4', '5', '6', '']);
    expect(out.split('\n')[1]).toBe('    2  cannot be read: it is not JSON');
  });

  onEmbedded.views(test)(
    'status reports where and why a view stopped, and rebuild repairs it once the event is restored',
    async () => {
      await app.stop();
      executeSql(copyEvents);
      executeSql(`UPDATE events SET body = json_set(body, '$.type', 'LeadTeleported') WHERE ${atVersion(4)}`);
      const { code, err } = await cli(['rebuild', 'lead-list']);
      expect(code).toBe(1);
      expect(err).toMatch(
        /lead-list stopped at event [0-9a-f-]{36}, which it cannot apply: .*LeadTeleported.*The live generation keeps serving/,
      );
      expect(statesOf(await readStatus())).toEqual(allViews('up to date'));
      expect((await cli(['status'])).out).toMatch(/^The rebuild of lead-list stopped at .*LeadTeleported/m);

      removeView('lead-list');
      await app.start({ ready: false });
      await app.waitForOutput('view stopped on an event it cannot apply');
      expect(statesOf(await readStatus())).toEqual({ ...allViews('up to date'), 'lead-list': 'stopped' });
      const { out } = await cli(['status']);
      expect(out).toMatch(/^lead-list stopped at .*, at event [0-9a-f-]{36}: .*LeadTeleported/m);
      restoreEvents();
      expect(await cli(['rebuild', 'lead-list'])).toMatchObject({ code: 0 });
      expect(statesOf(await readStatus())).toEqual(allViews('up to date'));
      const { position } = await postInteraction(app, { contactId });
      expect(expectSuccess(await app.get('/v1/leads', { contactId, after: position }))).toMatchObject({
        items: { length: 2 },
      });
    },
  );

  test('status reports that another program has locked the log', async () => {
    await app.stop();
    const db = new DatabaseSync(join(app.dataDir, 'events.db'));
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; CREATE TABLE mine (id); ROLLBACK');
    const { code, out, err } = await cli(['status']);
    db.close();
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      /^The event log .* it is locked by another program\. The other process may be the running service[^\n]*\n$/,
    );
  });
});

describe('the CLI, with arguments or settings that cannot work', () => {
  const nowhere = join(tmpdir(), 'leadstream-is-not-here');

  onEmbedded.log(test).each(['status', 'verify', 'stream x', 'rebuild lead-list', 'tidy'])(
    '%s reports a folder without an event log, and creates nothing',
    async (args) => {
      expect(await cli(args.split(' '), { DATA_DIR: nowhere })).toEqual({
        code: 1,
        out: '',
        err: `There is no event log at sqlite:${nowhere}/events.db. Set DATA_DIR to what the service uses; npm start creates a new log.\n`,
      });
      expect(existsSync(nowhere)).toBe(false);
    },
  );

  test('status reports an invalid setting', async () => {
    expect(await cli(['status'], { PORT: 'many' })).toMatchObject({ code: 1, err: expect.stringContaining('PORT is') });
  });

  test('stream reports a stream that does not exist', async () => {
    expect(await cli(['stream', 'agent:nobody'])).toEqual({
      code: 1,
      out: '',
      err: 'There is no stream agent-default-nobody. Check the id and --org.\n',
    });
  });

  onEmbedded.log(test)('stream needs the key to find a contact, and does not create one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'leadstream-'));
    const { code, err } = await cli(['stream', 'contact:x'], {
      DATA_DIR: folder,
      EVENT_STORE_URL: `sqlite:${app.dataDir}/events.db`,
    });
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('id.key, and contacts cannot be found') });
    expect(existsSync(join(folder, 'id.key'))).toBe(false);
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['', 'Commands:'],
    ['statu', "unknown command 'statu'\n(Did you mean status?)"],
    ['status now', 'too many arguments'],
    ['status --loud', "unknown option '--loud'"],
    ['rebuild', 'name a view or use --ahead, not both'],
    ['rebuild agents --ahead', 'name a view or use --ahead, not both'],
    ['rebuild leads', `There is no view "leads". Views: ${views.map(({ name }) => name).join(', ')}.`],
    ['stream', "missing required argument 'id'"],
  ])('the arguments "%s" are rejected with exit code 2: %s', async (args, message) => {
    const { code, out, err } = await cli(args.split(' ').filter(Boolean));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });

  test('--help prints the usage with exit code 0', async () => {
    expect(await cli(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('rebuild [options] [view]') });
  });
});
