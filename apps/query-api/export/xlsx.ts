import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { createLocalClock, escapeFormula, type LocalTime } from './cells.js';
import { columns, type CellValue } from './columns.js';
import { HashingEncoder, type LeadBatches, type Manifest, createManifest, type ExportSpec } from './manifest.js';

/*
 * Writes a workbook with two sheets, leads and manifest, in SpreadsheetML (ECMA-376). Existing libraries for Node.js keep the whole
 * workbook in memory, or do not wait for a slow reader. The library yazl, which does wait, writes the ZIP archive.
 */

/** Maximum number of rows of a sheet, including the header row. */
export const maxRows = 1_048_576;
/** Maximum number of characters of a cell. With more, spreadsheets report the file as damaged. */
const maxCharacters = 32_767;
const dayMs = 86_400_000;
/** Day 0 of spreadsheet dates. Correct only from March 1900, because spreadsheets assume that 1900 was a leap year. */
const epochMs = Date.UTC(1899, 11, 30);
const firstSafeDateMs = Date.UTC(1900, 2, 1);

/** Cell styles, by their index in `cellXfs` of styles.xml. */
const styles = { plain: 0, time: 1, bold: 2 };

const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const mainNamespace = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const packages = 'http://schemas.openxmlformats.org/package/2006';
const mediaType = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

const fixedParts: Readonly<Record<string, string>> = {
  '[Content_Types].xml': `<Types xmlns="${packages}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="${mediaType}.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="${mediaType}.styles+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${mediaType}.worksheet+xml"/><Override PartName="/xl/worksheets/sheet2.xml" ContentType="${mediaType}.worksheet+xml"/></Types>`,
  '_rels/.rels': `<Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
  'xl/workbook.xml': `<workbook ${mainNamespace} xmlns:r="${office}"><sheets><sheet name="Leads" sheetId="1" r:id="rId1"/><sheet name="Manifest" sheetId="2" r:id="rId2"/></sheets></workbook>`,
  'xl/_rels/workbook.xml.rels': `<Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${office}/worksheet" Target="worksheets/sheet2.xml"/><Relationship Id="rId3" Type="${office}/styles" Target="styles.xml"/></Relationships>`,
  'xl/styles.xml': `<styleSheet ${mainNamespace}><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`,
};

const sheetBegin = `<worksheet ${mainNamespace}><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>`;
const sheetEnd = '</sheetData></worksheet>';

/** Writes the file as fast as it is read. */
export function writeXlsx(spec: ExportSpec, leads: LeadBatches): Readable {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  const options = { mtime: new Date(spec.createdAt) };
  for (const [name, xml] of Object.entries(fixedParts)) zip.addBuffer(Buffer.from(xmlDeclaration + xml), name, options);
  const encoder = new HashingEncoder();
  let cutCells = 0;
  const onCut = (): void => {
    cutCells++;
  };
  const sheet = Readable.from(leadSheet(spec, leads, encoder, onCut), { objectMode: false });
  sheet.on('error', (error) => output.destroy(error));
  output.on('close', () => sheet.destroy());
  zip.on('error', (error: Error) => output.destroy(error));
  zip.addReadStream(sheet, 'xl/worksheets/sheet1.xml', options);
  zip.addReadStreamLazy('xl/worksheets/sheet2.xml', options, (callback) => {
    const xml = manifestSheet(createManifest(spec, encoder.sha256()), cutCells);
    callback(null, Readable.from([Buffer.from(xml)]));
  });
  zip.end();
  return output;
}

/** Yields the sheet of leads. Calls `onCut` for each text that is too long for a cell and is therefore truncated. */
async function* leadSheet(
  spec: ExportSpec,
  leads: LeadBatches,
  encoder: HashingEncoder,
  onCut: () => void,
): AsyncGenerator<Buffer> {
  const toLocalTime = createLocalClock(spec.timeZone);
  const selected = spec.columns.map((name, index) => ({ ...columns[name], letters: columnLetters(index) }));
  const headerCells = spec.columns.map((name, index) => cell(`${columnLetters(index)}1`, name, styles.bold));
  yield encoder.encode(`${xmlDeclaration}${sheetBegin}${row(1, headerCells)}`);
  let rowNumber = 1;
  for await (const batch of leads) {
    let xml = '';
    for (const lead of batch) {
      rowNumber++;
      const cells = selected.map(({ read, kind, letters }) => {
        const value = read(lead);
        const reference = `${letters}${rowNumber}`;
        if (kind === 'time' && typeof value === 'string') return timeCell(reference, toLocalTime(value));
        if (typeof value === 'string' && isTooLong(value)) onCut();
        return cell(reference, value);
      });
      xml += row(rowNumber, cells);
    }
    yield encoder.encode(xml);
  }
  yield encoder.encode(sheetEnd);
}

function manifestSheet({ filter, columns: names, createdAt, ...fields }: Manifest, cutCells: number): string {
  const entries: (readonly [string, CellValue])[] = [
    ...Object.entries(fields),
    ['columns', names.join(',')],
    ...Object.entries(filter).map(([name, value]) => [`filter.${name}`, value] as const),
    ['cutCells', cutCells],
  ];
  const firstRow = 2;
  const entryRows = entries.map(([name, value], index) => {
    const number = firstRow + index;
    return row(number, [cell(`A${number}`, name), cell(`B${number}`, value)]);
  });
  const lastRow = firstRow + entries.length;
  const createdAtCells = [
    cell(`A${lastRow}`, 'createdAt'),
    timeCell(`B${lastRow}`, createLocalClock('UTC')(createdAt)),
  ];
  const headerCells = [cell('A1', 'manifest', styles.bold), cell('B1', 'value', styles.bold)];
  const rows = [row(1, headerCells), ...entryRows, row(lastRow, createdAtCells)];
  return `${xmlDeclaration}${sheetBegin}${rows.join('')}${sheetEnd}`;
}

const row = (number: number, cells: readonly string[]): string => `<row r="${number}">${cells.join('')}</row>`;

function cell(reference: string, value: CellValue, style = styles.plain): string {
  if (value === null) return '';
  if (typeof value === 'number') return `<c r="${reference}"><v>${value}</v></c>`;
  if (typeof value === 'boolean') return `<c r="${reference}" t="b"><v>${value ? 1 : 0}</v></c>`;
  const styleAttribute = style === styles.plain ? '' : ` s="${style}"`;
  const text = escapeXml(truncate(escapeFormula(value)));
  return `<c r="${reference}"${styleAttribute} t="inlineStr"><is><t xml:space="preserve">${text}</t></is></c>`;
}

const timeCell = (reference: string, { wallClockMs, text }: LocalTime): string =>
  wallClockMs < firstSafeDateMs
    ? cell(reference, text)
    : `<c r="${reference}" s="${styles.time}"><v>${(wallClockMs - epochMs) / dayMs}</v></c>`;

const isTooLong = (text: string): boolean => text.length >= maxCharacters && escapeFormula(text).length > maxCharacters;

function truncate(text: string): string {
  return text.length <= maxCharacters ? text : `${text.slice(0, maxCharacters - 1)}…`;
}

/**
 * Writes characters that XML cannot contain as spreadsheets do, such as `_x0001_`. In text that only looks like such an escape, the
 * underscore is escaped.
 */
const escapeXml = (text: string): string =>
  text
    .replace(/\p{Cs}/gu, '\uFFFD')
    .replace(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    // eslint-disable-next-line no-control-regex -- searches for control characters on purpose
    .replace(/[\0-\x08\x0b-\x1f\x7f\uFFFE\uFFFF]/g, (character) => `_x${toHex(character)}_`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');

const toHex = (character: string): string => character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');

/** A, B, … Z, AA, AB, … */
const columnLetters = (index: number): string =>
  (index >= 26 ? columnLetters(Math.floor(index / 26) - 1) : '') + String.fromCharCode(65 + (index % 26));
