import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'csv-parse/sync';
import { readXlsx } from 'hucre/xlsx';
import { buffer } from 'node:stream/consumers';
import { evolveLead } from '#domain/lead/lead.evolve';
import { toLeadResource, type LeadResource } from '#resources/lead.resource';
import { createLocalClock, escapeFormula } from './cells.js';
import { writeCsv } from './csv.js';
import { toAsciiJson, type Manifest, createManifest, type ExportSpec } from './manifest.js';
import { writeXlsx } from './xlsx.js';

const opened = {
  type: 'LeadOpened',
  id: 'e',
  data: { leadId: 'l', contactKey: 'k', ordinal: 1, previousLeadId: null, channel: 'sms', origin: { kind: 'chat' } },
  personal: { contactId: 'c', name: null, phone: null, email: null },
  meta: { occurredAt: '2026-03-02T09:00:00.000Z' },
};
const lead = toLeadResource(evolveLead(undefined, opened as never)!, () => null);
const named = (name: string, phone: string | null = null): LeadResource => ({
  ...lead,
  contact: { name, phone, email: null },
});

const order: ExportSpec = {
  exportId: 'e-1',
  ...{ scope: 'all', format: 'csv', columns: ['name', 'score', 'createdAt'], timeZone: 'UTC', sort: 'name' },
  ...{ filter: [], position: 'p1', count: 1, createdAt: '2026-03-02T10:00:00.000Z' },
};
async function* leadsOf(...leads: readonly LeadResource[]) {
  yield leads;
}
const inCsv = async (of: ExportSpec, ...leads: readonly LeadResource[]): Promise<readonly (readonly string[])[]> =>
  parse(await buffer(writeCsv(of, leadsOf(...leads), () => undefined)), {
    bom: true,
    record_delimiter: '\r\n',
  });
const inXlsx = async (of: ExportSpec, ...leads: readonly LeadResource[]) =>
  (await readXlsx(await buffer(writeXlsx(of, leadsOf(...leads))))).sheets[0]!.rows;

/** Texts of all kinds, many of which a spreadsheet would run. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc
    .tuple(fc.constantFrom('=', '+', '-', '@', '\t', '\r', '\n', '"', ',', "'", ' ', '+49', '_x0041_'), fc.string())
    .map((parts) => parts.join('')),
);

describe('a text', () => {
  test.each(['=1+1', '+', '+49 151 1', '+0151', '-2', '@x', '\tx', '\rx', '=', '+4915112345678901'])(
    '%j is defused by an apostrophe',
    (it) => expect(escapeFormula(it)).toBe(`'${it}`),
  );

  test.each(['', 'x', ' =1', "'=1", '+4915112345678', '+12', '1-2', '\nx'])('%j is left as it is', (it) =>
    expect(escapeFormula(it)).toBe(it),
  );

  test('never begins so that a spreadsheet runs it, unless it is a whole phone number; and loses nothing', () => {
    fc.assert(
      fc.property(text, (it) => {
        const safe = escapeFormula(it);
        expect(/^[=+\-@\t\r]/.test(safe)).toBe(/^\+[1-9]\d{1,14}$/.test(it));
        expect([it, `'${it}`]).toContain(safe);
      }),
    );
  });

  test('comes back from CSV as it was defused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 5 }), async (texts) => {
        const wellFormed = texts.map((it) => Buffer.from(it).toString());
        const rows = await inCsv({ ...order, columns: ['name', 'id'] }, ...texts.map((it) => named(it)));
        expect(rows.slice(1).map(([name]) => name)).toEqual(wellFormed.map(escapeFormula));
      }),
    );
  });

  test('comes back from XLSX as it was defused, never as a formula', async () => {
    // What XML can't hold is written as spreadsheets read it; the reader of this test does not.
    const plain = text.filter((it) => !/[\p{Cc}\p{Cs}\uFFFE\uFFFF]|_x/u.test(it));
    await fc.assert(
      fc.asyncProperty(fc.array(plain, { minLength: 1, maxLength: 5 }), async (texts) => {
        const rows = await inXlsx({ ...order, columns: ['name', 'id'] }, ...texts.map((it) => named(it)));
        expect(rows.slice(1).map(([name]) => name ?? '')).toEqual(texts.map(escapeFormula));
      }),
      { numRuns: 30 },
    );
  });
});

describe('a time', () => {
  test.each([
    ['UTC', '2026-03-02T09:00:00.000Z'],
    ['Europe/London', '2026-03-02T09:00:00.000Z'],
    ['Asia/Kolkata', '2026-03-02T14:30:00.000+05:30'],
    ['America/St_Johns', '2026-03-02T05:30:00.000-03:30'],
  ])('in %s is %s', (zone, told) => expect(createLocalClock(zone)('2026-03-02T09:00:00.000Z').text).toBe(told));

  test('is the same moment in every zone', () => {
    const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Apia', 'UTC');
    fc.assert(
      fc.property(zone, fc.date({ min: new Date(0), noInvalidDate: true }), (name, date) => {
        fc.pre(date.getUTCFullYear() < 9_999);
        expect(Date.parse(createLocalClock(name)(date.toISOString()).text)).toBe(date.getTime());
      }),
    );
  });

  test('is a date in XLSX, by the clock of the zone; before March 1900, which spreadsheets get wrong, a text', async () => {
    const columns = ['createdAt'] as const;
    const early = { ...lead, createdAt: '1900-02-28T00:00:00.000Z' };
    const [, first, second] = await inXlsx({ ...order, columns, timeZone: 'Asia/Tokyo' }, lead, early);
    expect(first).toEqual([new Date('2026-03-02T18:00:00.000Z')]);
    expect(second![0]).toMatch(/^1900-02-28T/);
  });
});

test('a lead that was never scored has an empty cell, one scored 0 a 0', async () => {
  const zero = { ...lead, qualification: { ...lead.qualification, score: 0 } };
  expect(await inCsv({ ...order, columns: ['id', 'score'] }, lead, zero)).toEqual([
    ['id', 'score'],
    ['l', ''],
    ['l', '0'],
  ]);
  const [, unscored, scored] = await inXlsx({ ...order, columns: ['id', 'score', 'channel'] }, lead, zero);
  expect([unscored![1] ?? null, scored![1]]).toEqual([null, 0]);
});

test('a text longer than a cell of XLSX can be is cut, and the manifest counts it', async () => {
  const file = await buffer(writeXlsx(order, leadsOf(named('x'.repeat(40_000)), named('y'.repeat(32_767)))));
  const [leads, manifest] = (await readXlsx(file)).sheets;
  expect(leads!.rows.slice(1).map(([name]) => [String(name).length, String(name).at(-1)])).toEqual([
    [32_767, '…'],
    [32_767, 'y'],
  ]);
  expect(manifest!.rows).toContainEqual(['cutCells', 1]);
});

test('a manifest fits into a header, whatever was searched for', () => {
  const manifest = createManifest({ ...order, filter: [{ name: 'q', value: 'é 李\r\n🙂' }] }, 'abc');
  expect(toAsciiJson(manifest)).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(toAsciiJson(manifest)) as Manifest).toEqual(manifest);
});
