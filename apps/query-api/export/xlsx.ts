import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { createLocalClock, escapeFormula, type LocalTime } from './cells.js';
import { columns, type CellValue } from './columns.js';
import { HashingEncoder, type LeadBatches, type Manifest, createManifest, type ExportSpec } from './manifest.js';

/*
 * A workbook of two sheets, the leads and the manifest, by hand: SpreadsheetML (ECMA-376) is little where nothing is pretty. What
 * writes workbooks for Node.js keeps them in memory, or writes them on without waiting for a slow reader. The archive around it is
 * yazl's, which waits.
 */

/** Of a sheet; the first one holds the names. */
export const maxRows = 1_048_576;
/** Characters of a cell: with more, spreadsheets call the file damaged. */
const mostCharacters = 32_767;
const day = 86_400_000;
/** Day 0 of spreadsheets, as they count since March 1900: earlier days they count wrongly, or not at all. */
const [dayZero, firstDay] = [Date.UTC(1899, 11, 30), Date.UTC(1900, 2, 1)];

const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const packages = 'http://schemas.openxmlformats.org/package/2006';
const media = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

const parts: Readonly<Record<string, string>> = {
  '[Content_Types].xml': `<Types xmlns="${packages}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="${media}.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="${media}.styles+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${media}.worksheet+xml"/><Override PartName="/xl/worksheets/sheet2.xml" ContentType="${media}.worksheet+xml"/></Types>`,
  '_rels/.rels': `<Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
  'xl/workbook.xml': `<workbook ${main} xmlns:r="${office}"><sheets><sheet name="Leads" sheetId="1" r:id="rId1"/><sheet name="Manifest" sheetId="2" r:id="rId2"/></sheets></workbook>`,
  'xl/_rels/workbook.xml.rels': `<Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${office}/worksheet" Target="worksheets/sheet2.xml"/><Relationship Id="rId3" Type="${office}/styles" Target="styles.xml"/></Relationships>`,
  // Of cells: 0 as it is, 1 a time, 2 a name in bold.
  'xl/styles.xml': `<styleSheet ${main}><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`,
};

const sheetBegin = `<worksheet ${main}><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>`;
const sheetEnd = '</sheetData></worksheet>';

/** The whole file, made as fast as it is read. */
export function writeXlsx(order: ExportSpec, leads: LeadBatches): Readable {
  const zip = new ZipFile();
  const out = zip.outputStream as Readable;
  const options = { mtime: new Date(order.createdAt) };
  for (const [name, xml] of Object.entries(parts)) zip.addBuffer(Buffer.from(head + xml), name, options);
  const hashed = new HashingEncoder();
  let cut = 0;
  const sheet = Readable.from(
    sheetOf(order, leads, hashed, () => cut++),
    { objectMode: false },
  );
  sheet.on('error', (error) => out.destroy(error));
  out.on('close', () => sheet.destroy());
  zip.on('error', (error: Error) => out.destroy(error));
  zip.addReadStream(sheet, 'xl/worksheets/sheet1.xml', options);
  zip.addReadStreamLazy('xl/worksheets/sheet2.xml', options, (give) => {
    give(null, Readable.from([Buffer.from(manifestSheet(createManifest(order, hashed.sha256()), cut))]));
  });
  zip.end();
  return out;
}

async function* sheetOf(
  order: ExportSpec,
  leads: LeadBatches,
  hashed: HashingEncoder,
  cut: () => void,
): AsyncGenerator<Buffer> {
  const clock = createLocalClock(order.timeZone);
  const chosen = order.columns.map((name, nth) => ({ ...columns[name], letters: lettersOf(nth) }));
  yield hashed.encode(
    `${head}${sheetBegin}${rowOf(
      1,
      order.columns.map((name, nth) => cellOf(`${lettersOf(nth)}1`, name, 2)),
    )}`,
  );
  let row = 1;
  for await (const some of leads) {
    let xml = '';
    for (const lead of some) {
      row++;
      const cells = chosen.map(({ read: of, kind, letters }) => {
        const value = of(lead);
        const at = `${letters}${row}`;
        if (kind === 'time' && typeof value === 'string') return timeCell(at, clock(value));
        if (typeof value === 'string' && isTooLong(value)) cut();
        return cellOf(at, value);
      });
      xml += rowOf(row, cells);
    }
    yield hashed.encode(xml);
  }
  yield hashed.encode(sheetEnd);
}

/** What was too long for a cell is told, for it was cut. */
function manifestSheet({ filter, columns: names, createdAt, ...rest }: Manifest, cut: number): string {
  const lines: (readonly [string, CellValue])[] = [
    ...Object.entries(rest),
    ['columns', names.join(',')],
    ...Object.entries(filter).map(([name, value]) => [`filter.${name}`, value] as const),
    ['cutCells', cut],
  ];
  const rows = lines.map(([name, value], nth) =>
    rowOf(nth + 2, [cellOf(`A${nth + 2}`, name), cellOf(`B${nth + 2}`, value)]),
  );
  const last = lines.length + 2;
  const made = [cellOf(`A${last}`, 'createdAt'), timeCell(`B${last}`, createLocalClock('UTC')(createdAt))];
  const titles = [cellOf('A1', 'manifest', 2), cellOf('B1', 'value', 2)];
  return `${head}${sheetBegin}${rowOf(1, titles)}${rows.join('')}${rowOf(last, made)}${sheetEnd}`;
}

const rowOf = (nth: number, cells: readonly string[]): string => `<row r="${nth}">${cells.join('')}</row>`;

function cellOf(at: string, value: CellValue, style = 0): string {
  if (value === null) return '';
  if (typeof value === 'number') return `<c r="${at}"><v>${value}</v></c>`;
  if (typeof value === 'boolean') return `<c r="${at}" t="b"><v>${value ? 1 : 0}</v></c>`;
  const styled = style === 0 ? '' : ` s="${style}"`;
  return `<c r="${at}"${styled} t="inlineStr"><is><t xml:space="preserve">${inXml(shortened(escapeFormula(value)))}</t></is></c>`;
}

const timeCell = (at: string, { wallClockMs: wall, text }: LocalTime): string =>
  wall < firstDay ? cellOf(at, text) : `<c r="${at}" s="1"><v>${(wall - dayZero) / day}</v></c>`;

const isTooLong = (text: string): boolean =>
  text.length >= mostCharacters && escapeFormula(text).length > mostCharacters;

function shortened(text: string): string {
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 1)}…`;
}

/** What XML can't hold is written as spreadsheets write it: `_x0001_`, and what only looks so, with its underscore so. */
const inXml = (text: string): string =>
  text
    .replace(/\p{Cs}/gu, '\uFFFD')
    .replace(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    // Control characters are what is looked for: the rule takes them for a slip.
    // eslint-disable-next-line no-control-regex
    .replace(/[\0-\x08\x0b-\x1f\x7f\uFFFE\uFFFF]/g, (letter) => `_x${hex(letter)}_`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');

const hex = (letter: string): string => letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');

/** A, B, … Z, AA, AB, … */
const lettersOf = (nth: number): string =>
  (nth >= 26 ? lettersOf(Math.floor(nth / 26) - 1) : '') + String.fromCharCode(65 + (nth % 26));
