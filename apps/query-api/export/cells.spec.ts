import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'csv-parse/sync';
import { readXlsx } from 'hucre/xlsx';
import { buffer } from 'node:stream/consumers';
import { evolveLead } from '#domain/lead/lead.evolve';
import { toLeadResource, type LeadResource } from '#resources/lead.resource';
import { createLocalClock, escapeCsvText, escapeFormula } from './cells.js';
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
const leadNamed = (name: string, phone: string | null = null): LeadResource => ({
  ...lead,
  contact: { name, phone, email: null },
});

const spec: ExportSpec = {
  exportId: 'e-1',
  scope: 'all',
  format: 'csv',
  columns: ['name', 'score', 'createdAt'],
  timeZone: 'UTC',
  sort: 'name',
  filter: [],
  position: 'p1',
  count: 1,
  createdAt: '2026-03-02T10:00:00.000Z',
};
async function* batchOf(...leads: readonly LeadResource[]) {
  yield leads;
}
const readCsvRows = async (
  spec: ExportSpec,
  ...leads: readonly LeadResource[]
): Promise<readonly (readonly string[])[]> =>
  parse(await buffer(writeCsv(spec, batchOf(...leads), () => undefined)), {
    bom: true,
    record_delimiter: '\r\n',
  });
const readXlsxRows = async (spec: ExportSpec, ...leads: readonly LeadResource[]) =>
  (await readXlsx(await buffer(writeXlsx(spec, batchOf(...leads))))).sheets[0]!.rows;

/** Arbitrary texts, many of which a spreadsheet would run as a formula. */
const arbitraryText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc
    .tuple(fc.constantFrom('=', '+', '-', '@', '\t', '\r', '\n', '"', ',', "'", ' ', '+49', '_x0041_'), fc.string())
    .map((parts) => parts.join('')),
);

describe('a text in an export', () => {
  test.each([
    '=1+1',
    '+',
    '+49 151 1',
    '+0151',
    '-2',
    '@x',
    '\tx',
    '\rx',
    '\nx',
    '=',
    '＝1+1',
    '＋1',
    '－1',
    '＠SUM(1)',
    '+4915112345678901',
  ])('escapeFormula prefixes %j with an apostrophe', (text) => expect(escapeFormula(text)).toBe(`'${text}`));

  test.each(['', 'x', ' =1', "'=1", '+4915112345678', '+12', '1-2', 'x\n-1'])(
    'escapeFormula leaves %j as it is',
    (text) => expect(escapeFormula(text)).toBe(text),
  );

  test.each([
    ["x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0"],
    ['x\t+1', "x\t'+1"],
    ['x\n-1\r\n@y', "x\n'-1\r\n'@y"],
    ['x;＝1', "x;'＝1"],
    [';;=1', ";;'=1"],
    ['\n=1+1', "'\n'=1+1"],
    ['a; b - c, =d', 'a; b - c, =d'],
  ])('escapeCsvText makes %j harmless also where a semicolon or a tab separates cells', (text, escaped) =>
    expect(escapeCsvText(text)).toBe(escaped),
  );

  test('no cell of a CSV file begins like a formula, with whatever separator it is read', async () => {
    const run = /^[=+\-@\t\r\n＝＋－＠]/;
    const attack = fc
      .array(fc.constantFrom(';', '\t', ',', '"', '\r', '\n', '=1', '+', '－', '＠x', 'a', ' '), { maxLength: 8 })
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(fc.array(attack, { minLength: 1, maxLength: 5 }), async (texts) => {
        const leads = texts.map((text) => leadNamed(text, text));
        const csv = { ...spec, columns: ['id', 'name', 'phone', 'id'] as const, count: leads.length };
        const file = (await buffer(writeCsv(csv, batchOf(...leads), () => undefined))).toString('utf8');
        // A reader with another separator takes quotes literally, because they do not begin its cells.
        for (const cell of file.split(/[;\t\r\n]/)) expect(cell).not.toMatch(run);
        for (const row of await readCsvRows(csv, ...leads)) for (const cell of row) expect(cell).not.toMatch(run);
      }),
    );
  });

  test('escapeFormula escapes every text that a spreadsheet would run, except complete phone numbers, and loses nothing', () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        const escaped = escapeFormula(text);
        expect(/^[=+\-@\t\r]/.test(escaped)).toBe(/^\+[1-9]\d{1,14}$/.test(text));
        expect([text, `'${text}`]).toContain(escaped);
      }),
    );
  });

  test('a CSV file contains every text as escapeCsvText returned it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryText, { minLength: 1, maxLength: 5 }), async (texts) => {
        const wellFormed = texts.map((text) => Buffer.from(text).toString());
        const rows = await readCsvRows({ ...spec, columns: ['name', 'id'] }, ...texts.map((text) => leadNamed(text)));
        expect(rows.slice(1).map(([name]) => name)).toEqual(wellFormed.map(escapeCsvText));
      }),
    );
  });

  test('an XLSX file contains every text as escapeFormula returned it, never as a formula', async () => {
    // Characters that XML cannot contain are escaped as spreadsheets expect. The reader in this test does not decode them.
    const plainText = arbitraryText.filter((text) => !/[\p{Cc}\p{Cs}\uFFFE\uFFFF]|_x/u.test(text));
    await fc.assert(
      fc.asyncProperty(fc.array(plainText, { minLength: 1, maxLength: 5 }), async (texts) => {
        const rows = await readXlsxRows({ ...spec, columns: ['name', 'id'] }, ...texts.map((text) => leadNamed(text)));
        expect(rows.slice(1).map(([name]) => name ?? '')).toEqual(texts.map(escapeFormula));
      }),
      { numRuns: 30 },
    );
  });
});

describe('a time in an export', () => {
  test.each([
    ['UTC', '2026-03-02T09:00:00.000Z'],
    ['Europe/London', '2026-03-02T09:00:00.000Z'],
    ['Asia/Kolkata', '2026-03-02T14:30:00.000+05:30'],
    ['America/St_Johns', '2026-03-02T05:30:00.000-03:30'],
  ])('a local clock in %s shows 09:00 UTC as %s', (zone, text) =>
    expect(createLocalClock(zone)('2026-03-02T09:00:00.000Z').text).toBe(text),
  );

  test('a local time in an export is the same instant in every time zone', () => {
    const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Apia', 'UTC');
    fc.assert(
      fc.property(zone, fc.date({ min: new Date(0), noInvalidDate: true }), (name, date) => {
        fc.pre(date.getUTCFullYear() < 9_999);
        expect(Date.parse(createLocalClock(name)(date.toISOString()).text)).toBe(date.getTime());
      }),
    );
  });

  test('an XLSX file contains times as local dates, but as text before March 1900, which spreadsheets get wrong', async () => {
    const columns = ['createdAt'] as const;
    const early = { ...lead, createdAt: '1900-02-28T00:00:00.000Z' };
    const [, first, second] = await readXlsxRows({ ...spec, columns, timeZone: 'Asia/Tokyo' }, lead, early);
    expect(first).toEqual([new Date('2026-03-02T18:00:00.000Z')]);
    expect(second![0]).toMatch(/^1900-02-28T/);
  });
});

test('a lead that was never scored has an empty score cell, and a score of 0 is exported as 0', async () => {
  const zero = { ...lead, qualification: { ...lead.qualification, score: 0 } };
  expect(await readCsvRows({ ...spec, columns: ['id', 'score'] }, lead, zero)).toEqual([
    ['id', 'score'],
    ['l', ''],
    ['l', '0'],
  ]);
  const [, unscored, scored] = await readXlsxRows({ ...spec, columns: ['id', 'score', 'channel'] }, lead, zero);
  expect([unscored![1] ?? null, scored![1]]).toEqual([null, 0]);
});

test('a text that is too long for an XLSX cell is truncated, and the manifest counts it', async () => {
  const file = await buffer(writeXlsx(spec, batchOf(leadNamed('x'.repeat(40_000)), leadNamed('y'.repeat(32_767)))));
  const [leads, manifest] = (await readXlsx(file)).sheets;
  expect(leads!.rows.slice(1).map(([name]) => [String(name).length, String(name).at(-1)])).toEqual([
    [32_767, '…'],
    [32_767, 'y'],
  ]);
  expect(manifest!.rows).toContainEqual(['cutCells', 1]);
});

test('a manifest fits into an HTTP header, whatever the search text contains', () => {
  const manifest = createManifest({ ...spec, filter: [{ name: 'q', value: 'é 李\r\n🙂' }] }, 'abc');
  expect(toAsciiJson(manifest)).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(toAsciiJson(manifest)) as Manifest).toEqual(manifest);
});
