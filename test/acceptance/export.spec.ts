import { beforeAll, describe, expect, test } from '@jest/globals';
import { columnNames, defaultColumns } from '#apps/query-api/export/columns';
import type { LeadResource } from '#resources/lead.resource';
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
  expectSuccess,
  getAllItems,
  getAllLeads,
  interactionBody,
  openLead,
  postAgent,
  postAssignment,
  postFollowUp,
  postStatus,
  retryWhileUnavailable,
  uniqueId,
  waitUntil,
} from '../support/api-steps.js';

const app = setupApp();
const path = '/v1/leads/export';

/** Names that spreadsheets would evaluate as formulas, or that need quoting in CSV. */
const names = ['=1+1', '+cmd', '-2', '@SUM(A1)', '＝1+1', '\tx', '"A", B', 'Zoë', '李雷 🙂', "'quoted", '_x0041_'].map(
  (name) => name.replace('\t', ' '),
);
let after = '';

beforeAll(async () => {
  const agent = await postAgent(app, { name: '=Ana' });
  for (let from = 0; from < 60; from += 15)
    await Promise.all(
      Array.from({ length: 15 }, async (_, offset) => {
        const index = from + offset;
        const profile = { name: names[index % names.length], phone: `+49151${String(index).padStart(6, '0')}` };
        const { id } = await openLead(app, { profile, channel: index % 2 ? 'sms' : 'email' });
        if (index % 3 === 0) await postAssignment(app, id, agent.id);
        if (index % 4 === 0) await postFollowUp(app, id, { dueAt: '2999-01-10T09:30:00+01:00' });
        if (index % 5 === 0)
          await postStatus(app, id, 'qualified', { qualificationScore: index, reason: '-line\r\n=two' });
        if (index % 7 === 0) await postStatus(app, id, 'lost');
      }),
    );
  after = expectSuccess(await app.post('/v1/agents', { name: 'Last' })).position;
  await app.get('/v1/leads', { after });
});

onSnapshots(describe)('an export as CSV', () => {
  test('a CSV export is UTF-8 with a byte order mark and CRLF, and has its manifest in a trailer', async () => {
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
    expect(rows.map((row) => row['id'])).toEqual(leads.map((lead) => lead.id));
    expect(manifest).toMatchObject({ count: leads.length, filter: {}, position: file.headers['x-position'] });
    expect(manifest.sha256).toBe(sha256(file.body));
  });

  test('a CSV export has the requested columns in the requested order', async () => {
    const columns = columnNames.toReversed();
    const { rows } = parseCsv(await downloadExport(app, { columns: columns.join(), sort: 'createdAt', after }));
    const leads = await getAllLeads(app, { sort: 'createdAt' });
    expect(Object.keys(rows[0]!)).toEqual(columns);
    const escapeFormula = (text: string | null) =>
      text === null ? '' : /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
    for (const [index, lead] of leads.entries())
      expect(rows[index]).toMatchObject({
        id: lead.id,
        name: escapeFormula(lead.contact.name),
        phone: lead.contact.phone,
        // The formula behind the line break is escaped, too.
        reason: escapeFormula(lead.reason).replace('\n=', "\n'="),
        agentName: lead.agent ? "'=Ana" : '',
        active: String(lead.active),
        score: lead.qualification.score === null ? '' : String(lead.qualification.score),
        nextFollowUpAt: lead.followUps.nextDueAt ?? '',
        openFollowUps: String(lead.followUps.open),
        createdAt: lead.createdAt,
        version: String(lead.version),
      });
    expect(rows.some((row) => row['score'] === '')).toBe(true);
    expect(rows.some((row) => row['score'] === '0')).toBe(true);
  });

  test('a CSV export shows times in the requested time zone', async () => {
    const query = { columns: 'nextFollowUpAt', sort: 'nextFollowUpAt', timeZone: 'Asia/Kolkata', after };
    const { rows } = parseCsv(await downloadExport(app, query));
    expect(rows[0]).toEqual({ nextFollowUpAt: '2999-01-10T14:00:00.000+05:30' });
  });
});

onSnapshots(test)('an XLSX export has typed cells, no formulas, and the manifest on a second sheet', async () => {
  const query = { format: 'xlsx', columns: 'id,name,phone,score,active,nextFollowUpAt', sort: 'nextFollowUpAt', after };
  const file = await downloadExport(app, query);
  expect(file.headers['content-type']).toMatch(/spreadsheetml\.sheet$/);
  const { names: sheets, rows, manifest } = await parseXlsx(file);
  expect(sheets).toEqual(['Leads', 'Manifest']);
  const leads = await getAllLeads(app, { sort: 'nextFollowUpAt' });
  expect(rows[0]).toEqual(['id', 'name', 'phone', 'score', 'active', 'nextFollowUpAt']);
  expect(rows).toHaveLength(leads.length + 1);
  for (const [index, { id, contact, qualification, active, followUps }] of leads.entries()) {
    const [idCell, name, phone, score = null, isActive, due = null] = rows[index + 1]!;
    expect([idCell, phone, score, isActive]).toEqual([id, contact.phone, qualification.score, active]);
    expect(name).toBe(/^[=+\-@＝]/.test(contact.name!) ? `'${contact.name!}` : contact.name);
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

onSnapshots(test)(
  'an NDJSON export has the leads as the list returns them, and the manifest on the last line',
  async () => {
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
  },
);

onSnapshots(test).each<QueryParams>([
  { status: 'lost,new' },
  { q: 'ana' },
  { q: '李雷' },
  { q: '49151' },
  { channel: 'sms', sort: '-score' },
  { scored: true, scoreMin: 10, sort: 'name' },
  { agentId: 'none', active: true, sort: '-updatedAt' },
  { followUpDue: 'none' },
  { contactId: 'unknown' },
])('an export of %j has the rows of the list', async (query) => {
  const { rows, manifest } = parseCsv(await downloadExport(app, { ...query, after }));
  expect(rows.map((row) => row['id'])).toEqual((await getAllLeads(app, query)).map((lead) => lead.id));
  const { sort: _, ...filter } = Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, String(value)]),
  );
  expect(manifest).toMatchObject({ count: rows.length, filter });
});

onSnapshots(test)('an export with scope page has the rows of that page', async () => {
  const first = (await app.get<LeadPage>('/v1/leads', { limit: 20, channel: 'sms', sort: 'name' })).body;
  const page = { scope: 'page', limit: 7, cursor: first.nextCursor };
  const second = (await app.get<LeadPage>('/v1/leads', { limit: 7, cursor: first.nextCursor })).body;
  const { rows, manifest } = parseCsv(await downloadExport(app, { ...page, timeZone: 'Asia/Tokyo' }));
  expect(rows.map((row) => row['id'])).toEqual(second.items.map((lead) => lead.id));
  expect(rows[0]!['createdAt']).toMatch(/\+09:00$/);
  expect(manifest).toMatchObject({ count: 7, filter: { channel: 'sms' }, sort: 'name' });
  expect(parseCsv(await downloadExport(app, { scope: 'page' })).rows).toHaveLength(50);
});

describe('an invalid export', () => {
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
  ])('an export with %j is rejected, naming the field', async (query, field) => {
    expect(await app.get(path, query)).toMatchObject(invalid(field));
  });
});

if (!canExport)
  test('an export is rejected with the reason if the view store has no snapshots', async () => {
    expect(await app.get(path)).toMatchObject({
      status: 503,
      body: { code: 'unavailable', detail: expect.stringContaining('replica set') },
    });
  });

onSnapshots(test)('HEAD of an export returns its headers and records no export', async () => {
  const before = (await getExports()).length;
  const head = await app.call('HEAD', `${path}?format=xlsx`);
  expect(head).toMatchObject({ status: 200, text: '' });
  expect(head.headers.get('content-disposition')).toMatch(/\.xlsx"$/);
  expect(await getExports()).toHaveLength(before);
});

onSnapshots(test)('every export is recorded with its actor and request', async () => {
  const response = await startDownload(app, path, { q: 'ana', status: 'new', format: 'ndjson', columns: 'id' });
  const { manifest } = parseNdjson(await readDownload(response));
  const event = (await getExports()).at(-1);
  expect(event).toMatchObject({
    actor: { type: 'service', id: 'api' },
    data: {
      exportId: manifest.exportId,
      scope: 'all',
      format: 'ndjson',
      columns: ['id'],
      timeZone: 'UTC',
      sort: '-createdAt',
      filter: [{ name: 'status', value: 'new' }],
      position: manifest.position,
      count: manifest.count,
      q: 'ana',
      contactId: null,
    },
  });
});

interface ExportEvent {
  readonly actor: object;
  readonly data: Pick<ExportManifest, 'exportId' | 'count'>;
}
const getExports = (): Promise<readonly ExportEvent[]> => getAllItems(app, '/v1/events', { type: 'LeadsExported' });

onSnapshots(describe)('an export while leads change', () => {
  const longText = 'x'.repeat(10_000);
  const busyApp = setupApp();

  beforeAll(async () => {
    const post = (path: string, body: object) =>
      retryWhileUnavailable(() => busyApp.post(path, body)).then(expectSuccess);
    for (let from = 0; from < 2_000; from += 20)
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const { leadId } = await post('/v1/interactions', interactionBody({ profile: { name: uniqueId('Lead') } }));
          if (index % 2) await post(`/v1/leads/${leadId}/status`, { status: 'contacted', reason: longText });
        }),
      );
  }, 240_000);

  test('a slow download has each lead once, in its state at the export’s position', async () => {
    const fromLatest = { after: busyApp.latestPosition, wait: 30_000 };
    const response = await startDownload(busyApp, path, { format: 'ndjson', sort: 'updatedAt', ...fromLatest });
    const position = response.headers['x-position'] as string;
    let busy = true;
    const ids = (await getAllLeads(busyApp, { sort: '-updatedAt' })).map((lead) => lead.id);
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let index = writer; busy; index += 8) {
        const id = ids[index % ids.length]!;
        await busyApp.post(`/v1/leads/${id}/status`, { status: index % 3 ? 'qualifying' : 'qualified', note: 'n' });
        await busyApp.post('/v1/interactions', interactionBody());
      }
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    busy = false;
    await Promise.all(writers);
    const { lines, manifest } = parseNdjson<LeadResource>({
      status: 200,
      headers: {},
      trailers: {},
      body: Buffer.concat(chunks),
    });
    expect(manifest).toMatchObject({ count: lines.length, position });
    expect(new Set(lines.map((lead) => lead.id)).size).toBe(2_000);
    expect(lines).toHaveLength(2_000);
    expect(lines.map((lead) => lead.updatedAt)).toEqual(lines.map((lead) => lead.updatedAt).toSorted());
    // Some leads have changed since then. Each line must be the lead as of the position of the export.
    for (const lead of lines.filter((_, index) => index % 100 === 0)) {
      const { body } = await busyApp.get<LeadResource>(`/v1/leads/${lead.id}`, { asOf: position });
      expect(lead).toEqual(body);
    }
  });

  /** Retries, because an export may release its snapshot shortly after it has ended. */
  const startMaxExports = () =>
    Promise.all(
      Array.from({ length: maxSnapshots }, async () => {
        for (;;) {
          const response = await startDownload(busyApp, path, { columns: columnNames.join() });
          if (response.statusCode === 200) return response;
          expect(response.statusCode).toBe(503);
          response.destroy();
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }),
    );

  test('an aborted export releases its snapshot', async () => {
    for (let round = 0; round < 2; round++) {
      const downloads = await startMaxExports();
      for (const download of downloads) download.destroy();
      const nextStatus = async () => (await busyApp.get(path, { scope: 'page', limit: 1 })).status;
      await waitUntil(async () => (await nextStatus()) !== 503);
      expect(await nextStatus()).toBe(200);
      await waitUntil(async () => !(await Promise.all(downloads.map(nextStatus))).includes(503));
    }
  });

  test('an export beyond the maximum number of snapshots gets 503', async () => {
    const downloads = await startMaxExports();
    expect(await busyApp.get(path)).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    for (const download of downloads) download.destroy();
  });
});

onEmbedded.log(test)('a process that opens the log read-only rejects exports with the reason', async () => {
  const readOnlyApp = new App(await app.env(), 'query-api');
  try {
    await readOnlyApp.start();
    expect(await readOnlyApp.get(path)).toMatchObject({
      status: 503,
      body: { code: 'unavailable', detail: expect.stringContaining('read-only') },
    });
  } finally {
    await readOnlyApp.dispose();
  }
});
