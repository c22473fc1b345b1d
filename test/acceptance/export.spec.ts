import { beforeAll, describe, expect, test } from '@jest/globals';
import { columnNames, defaultColumns } from '#apps/query-api/export/columns';
import type { LeadResource } from '#domain/lead/lead.shown';
import { maxSnapshots } from '#read-model/view-store';
import { invalid } from '../support/expected-responses.js';
import { setupApp, App, type LeadPage, type QueryParams } from '../support/app.js';
import {
  startDownload,
  downloadExport,
  parseCsv,
  parseNdjson,
  parseXlsx,
  type ExportManifest,
  readZipEntry,
  sha256,
  readDownload,
} from '../support/download.js';
import { canExport, onEmbedded, onSnapshots } from '../support/engines.js';
import {
  getAllItems,
  getAllLeads,
  postAgent,
  postAssignment,
  expectSuccess,
  postFollowUp,
  interactionBody,
  openLead,
  retryWhileUnavailable,
  postStatus,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp({ QUALIFICATION: 'off' });
const path = '/v1/leads/export';

/** Names that spreadsheets would run, or that break CSV. */
const names = ['=1+1', '+cmd', '-2', '@SUM(A1)', '\tx', '"A", B', 'Zoë', '李雷 🙂', "'quoted", '_x0041_'].map((it) =>
  it.replace('\t', ' '),
);
let after = '';

beforeAll(async () => {
  const agent = await postAgent(app, { name: '=Ana' });
  for (let from = 0; from < 60; from += 15)
    await Promise.all(
      Array.from({ length: 15 }, async (_, more) => {
        const nth = from + more;
        const profile = { name: names[nth % names.length], phone: `+49151${String(nth).padStart(6, '0')}` };
        const { id } = await openLead(app, { profile, channel: nth % 2 ? 'sms' : 'email' });
        if (nth % 3 === 0) await postAssignment(app, id, agent.id);
        if (nth % 4 === 0) await postFollowUp(app, id, { dueAt: '2999-01-10T09:30:00+01:00' });
        if (nth % 5 === 0) await postStatus(app, id, 'qualified', { qualificationScore: nth, reason: '-line\r\n=two' });
        if (nth % 7 === 0) await postStatus(app, id, 'lost');
      }),
    );
  after = expectSuccess(await app.post('/v1/agents', { name: 'Last' })).position;
  await app.get('/v1/leads', { after });
});

onSnapshots(describe)('an export in CSV', () => {
  test('is UTF-8 with a byte order mark, lines that end with CRLF, and its manifest behind it', async () => {
    const file = await downloadExport(app, { after });
    expect(file.status).toBe(200);
    expect(file.headers['content-type']).toMatch(/^text\/csv; charset=utf-8/);
    expect(file.headers['content-disposition']).toMatch(/^attachment; filename="leads-\d{8}T\d{6}Z\.csv"$/);
    expect(file.headers['trailer']).toMatch(/^x-export-manifest$/i);
    expect(file.body.subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]));
    const text = file.body.toString('utf8');
    expect(text.slice(1).split('\r\n', 1)).toEqual([defaultColumns.join(',')]);
    expect(text.endsWith('\r\n')).toBe(true);

    const { rows, manifest } = parseCsv(file);
    const leads = await getAllLeads(app);
    expect(rows.map((it) => it['id'])).toEqual(leads.map((it) => it.id));
    expect(manifest).toMatchObject({ count: leads.length, filter: {}, position: file.headers['x-position'] });
    expect(manifest.sha256).toBe(sha256(file.body));
  });

  test('has every column, in the order that was asked for', async () => {
    const chosen = columnNames.toReversed();
    const { rows } = parseCsv(await downloadExport(app, { columns: chosen.join(), sort: 'createdAt', after }));
    const leads = await getAllLeads(app, { sort: 'createdAt' });
    expect(Object.keys(rows[0]!)).toEqual(chosen);
    const safe = (it: string | null) => (it === null ? '' : /^[=+\-@\t\r]/.test(it) ? `'${it}` : it);
    for (const [nth, lead] of leads.entries())
      expect(rows[nth]).toMatchObject({
        id: lead.id,
        name: safe(lead.contact.name),
        phone: lead.contact.phone,
        reason: safe(lead.reason),
        agentName: lead.agent ? "'=Ana" : '',
        active: String(lead.active),
        score: lead.qualification.score === null ? '' : String(lead.qualification.score),
        nextFollowUpAt: lead.followUps.nextDueAt ?? '',
        openFollowUps: String(lead.followUps.open),
        createdAt: lead.createdAt,
        version: String(lead.version),
      });
    expect(rows.some((it) => it['score'] === '')).toBe(true);
    expect(rows.some((it) => it['score'] === '0')).toBe(true);
  });

  test('tells times in the asked zone', async () => {
    const query = { columns: 'nextFollowUpAt', sort: 'nextFollowUpAt', timeZone: 'Asia/Kolkata', after };
    const { rows } = parseCsv(await downloadExport(app, query));
    expect(rows[0]).toEqual({ nextFollowUpAt: '2999-01-10T14:00:00.000+05:30' });
  });
});

onSnapshots(test)('an export in XLSX has typed cells, no formulas, and the manifest on a second sheet', async () => {
  const query = { format: 'xlsx', columns: 'id,name,phone,score,active,nextFollowUpAt', sort: 'nextFollowUpAt', after };
  const file = await downloadExport(app, query);
  expect(file.headers['content-type']).toMatch(/spreadsheetml\.sheet$/);
  const { names: sheets, rows, manifest } = await parseXlsx(file);
  expect(sheets).toEqual(['Leads', 'Manifest']);
  const leads = await getAllLeads(app, { sort: 'nextFollowUpAt' });
  expect(rows[0]).toEqual(['id', 'name', 'phone', 'score', 'active', 'nextFollowUpAt']);
  expect(rows).toHaveLength(leads.length + 1);
  for (const [nth, { id, contact, qualification, active, followUps }] of leads.entries()) {
    const [itsId, name, phone, score = null, isActive, due = null] = rows[nth + 1]!;
    expect([itsId, phone, score, isActive]).toEqual([id, contact.phone, qualification.score, active]);
    expect(name).toBe(/^[=+\-@]/.test(contact.name!) ? `'${contact.name!}` : contact.name);
    expect(due instanceof Date ? due.toISOString() : due).toBe(followUps.nextDueAt);
  }
  const sheet = await readZipEntry(file.body, 'xl/worksheets/sheet1.xml');
  expect(sheet.toString('utf8')).not.toContain('<f>');
  expect(manifest).toMatchObject({
    count: leads.length,
    position: file.headers['x-position'],
    sha256: sha256(sheet),
    sort: 'nextFollowUpAt',
    cutCells: 0,
  });
});

onSnapshots(test)('an export in NDJSON is the leads as lists show them, and the manifest at the end', async () => {
  const file = await downloadExport(app, { format: 'ndjson', active: true, after });
  const { lines, manifest } = parseNdjson<LeadResource>(file);
  expect(lines).toEqual(await getAllLeads(app, { active: true }));
  expect(manifest).toMatchObject({ count: lines.length, filter: { active: 'true' } });
  const end = file.body.lastIndexOf('\n', file.body.length - 2) + 1;
  expect(manifest.sha256).toBe(sha256(file.body.subarray(0, end)));
  expect(file.headers['trailer']).toBeUndefined();

  const zoned = await downloadExport(app, {
    format: 'ndjson',
    columns: 'score,nextFollowUpAt',
    sort: 'score',
    timeZone: 'Asia/Tokyo',
  });
  expect(parseNdjson(zoned).lines[0]).toEqual({ score: 0, nextFollowUpAt: null });
});

onSnapshots(test).each<QueryParams>([
  { status: 'lost,new' },
  { q: 'ana' },
  { q: '李雷' },
  { q: '49151' },
  { channel: 'sms', sort: '-score' },
  { scored: true, scoreMin: 10, sort: 'name' },
  { agentId: 'none', active: true, sort: '-updatedAt' },
  { followUpDue: 'none' },
  { contactId: 'nobody' },
])('an export of %j is what the list shows', async (query) => {
  const { rows, manifest } = parseCsv(await downloadExport(app, { ...query, after }));
  expect(rows.map((it) => it['id'])).toEqual((await getAllLeads(app, query)).map((it) => it.id));
  const { sort: _, ...filter } = Object.fromEntries(Object.entries(query).map(([name, it]) => [name, String(it)]));
  expect(manifest).toMatchObject({ count: rows.length, filter });
});

onSnapshots(test)('an export of a page is what that page shows', async () => {
  const first = (await app.get<LeadPage>('/v1/leads', { limit: 20, channel: 'sms', sort: 'name' })).body;
  const page = { scope: 'page', limit: 7, cursor: first.nextCursor };
  const second = (await app.get<LeadPage>('/v1/leads', { limit: 7, cursor: first.nextCursor })).body;
  const { rows, manifest } = parseCsv(await downloadExport(app, { ...page, timeZone: 'Asia/Tokyo' }));
  expect(rows.map((it) => it['id'])).toEqual(second.items.map((it) => it.id));
  expect(rows[0]!['createdAt']).toMatch(/\+09:00$/);
  expect(manifest).toMatchObject({ count: 7, filter: { channel: 'sms' }, sort: 'name' });
  expect(parseCsv(await downloadExport(app, { scope: 'page' })).rows).toHaveLength(50);
});

describe('an export is refused', () => {
  test.each<[QueryParams, string]>([
    [{ format: 'pdf' }, 'format'],
    [{ scope: 'some' }, 'scope'],
    [{ columns: 'id,shoeSize' }, 'columns'],
    [{ columns: '' }, 'columns'],
    [{ timeZone: 'Mars/Olympus' }, 'timeZone'],
    [{ limit: 5 }, 'limit'],
    [{ cursor: 'x' }, 'cursor'],
    [{ scope: 'page', cursor: 'x' }, 'cursor'],
    [{ scope: 'page', limit: 201 }, 'limit'],
    [{ count: true }, 'count'],
    [{ status: 'sold' }, 'status'],
    [{ after: 'nowhere' }, 'after'],
  ])('for %j, naming the field', async (query, field) => {
    expect(await app.get(path, query)).toMatchObject(invalid(field));
  });
});

if (!canExport)
  test('an export of views that lie where no moment can be held is refused, and says why', async () => {
    expect(await app.get(path)).toMatchObject({
      status: 503,
      body: { code: 'unavailable', detail: expect.stringContaining('replica set') },
    });
  });

onSnapshots(test)('asked by HEAD, it tells its headers, and nothing is exported', async () => {
  const before = (await recorded()).length;
  const head = await app.call('HEAD', `${path}?format=xlsx`);
  expect(head).toMatchObject({ status: 200, text: '' });
  expect(head.headers.get('content-disposition')).toMatch(/\.xlsx"$/);
  expect(await recorded()).toHaveLength(before);
});

onSnapshots(test)('every export is on record, with who asked for what, before it is told', async () => {
  const answer = await startDownload(app, path, { q: 'ana', status: 'new', format: 'ndjson', columns: 'id' });
  const { manifest } = parseNdjson(await readDownload(answer));
  const event = (await recorded()).at(-1);
  expect(event).toMatchObject({
    actor: { type: 'service', id: 'api' },
    data: {
      exportId: manifest.exportId,
      ...{ scope: 'all', format: 'ndjson', columns: ['id'], timeZone: 'UTC', sort: '-createdAt' },
      filter: [{ name: 'status', value: 'new' }],
      ...{ position: manifest.position, count: manifest.count, q: 'ana', contactId: null },
    },
  });
});

interface Recorded {
  readonly actor: object;
  readonly data: Pick<ExportManifest, 'exportId' | 'count'>;
}
const recorded = (): Promise<readonly Recorded[]> => getAllItems(app, '/v1/events', { type: 'LeadsExported' });

onSnapshots(describe)('while leads change', () => {
  const texts = 'x'.repeat(10_000);
  const busyApp = setupApp({ QUALIFICATION: 'off' });

  beforeAll(async () => {
    const ask = (path: string, body: object) =>
      retryWhileUnavailable(() => busyApp.post(path, body)).then(expectSuccess);
    for (let from = 0; from < 2_000; from += 20)
      await Promise.all(
        Array.from({ length: 20 }, async (_, nth) => {
          const { leadId } = await ask('/v1/interactions', interactionBody({ profile: { name: uniqueId('Lead') } }));
          if (nth % 2) await ask(`/v1/leads/${leadId}/status`, { status: 'contacted', reason: texts });
        }),
      );
  }, 240_000);

  test('a slow download has each lead once, as all were at its position', async () => {
    const fresh = { after: busyApp.latestPosition, wait: 30_000 };
    const answer = await startDownload(busyApp, path, { format: 'ndjson', sort: 'updatedAt', ...fresh });
    const position = answer.headers['x-position'] as string;
    let busy = true;
    const ids = (await getAllLeads(busyApp, { sort: '-updatedAt' })).map((it) => it.id);
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let nth = writer; busy; nth += 8) {
        const id = ids[nth % ids.length]!;
        await busyApp.post(`/v1/leads/${id}/status`, { status: nth % 3 ? 'qualifying' : 'qualified', note: 'n' });
        await busyApp.post('/v1/interactions', interactionBody());
      }
    });
    const chunks: Buffer[] = [];
    for await (const chunk of answer) {
      chunks.push(chunk as Buffer);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    busy = false;
    await Promise.all(writers);
    const { lines, manifest } = parseNdjson<LeadResource>({
      ...{ status: 200, headers: {}, trailers: {} },
      body: Buffer.concat(chunks),
    });
    expect(manifest).toMatchObject({ count: lines.length, position });
    expect(new Set(lines.map((it) => it.id)).size).toBe(2_000);
    expect(lines).toHaveLength(2_000);
    expect(lines.map((it) => it.updatedAt)).toEqual(lines.map((it) => it.updatedAt).toSorted());
    // Some of them have changed since: each is told as it was at the position.
    for (const lead of lines.filter((_, nth) => nth % 100 === 0)) {
      const { body } = await busyApp.get<LeadResource>(`/v1/leads/${lead.id}`, { asOf: position });
      expect(lead).toEqual(body);
    }
  });

  /** An export that has just ended may take up its room for a moment still. */
  const asManyAsMayBe = () =>
    Promise.all(
      Array.from({ length: maxSnapshots }, async () => {
        for (;;) {
          const answer = await startDownload(busyApp, path, { columns: columnNames.join() });
          if (answer.statusCode === 200) return answer;
          expect(answer.statusCode).toBe(503);
          answer.destroy();
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }),
    );

  test('who goes away in the middle leaves room for others', async () => {
    for (let round = 0; round < 2; round++) {
      const all = await asManyAsMayBe();
      for (const each of all) each.destroy();
      const next = async () => (await busyApp.get(path, { scope: 'page', limit: 1 })).status;
      while ((await next()) === 503) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await next()).toBe(200);
      while ((await Promise.all(all.map(next))).includes(503)) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  test('more than so many at once are told to come again', async () => {
    const all = await asManyAsMayBe();
    expect(await busyApp.get(path)).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    for (const each of all) each.destroy();
  });
});

onEmbedded.log(test)('a process that may only read the log exports nothing, and says why', async () => {
  const reading = new App({ ...(await app.env()), QUALIFICATION: 'off' }, 'query-api');
  try {
    await reading.start();
    expect(await reading.get(path)).toMatchObject({
      status: 503,
      body: { code: 'unavailable', detail: expect.stringContaining('read-only') },
    });
  } finally {
    await reading.dispose();
  }
});
