import { stringify } from 'csv-stringify/sync';
import { createLocalClock, escapeCsvText } from './cells.js';
import { columns, type CellValue } from './columns.js';
import { HashingEncoder, type LeadBatches, type Manifest, createManifest, type ExportSpec } from './manifest.js';

/** Makes spreadsheets read the file as UTF-8. */
const byteOrderMark = '\uFEFF';

// By default, the library quotes only fields that contain its own delimiters.
const rfc4180 = { record_delimiter: '\r\n', quoted_match: /[\r\n;\t]/ };

/** CSV as in RFC 4180: a header line, then one line per lead. The manifest cannot be part of a CSV file and is passed to `onEnd`. */
export async function* writeCsv(
  spec: ExportSpec,
  leads: LeadBatches,
  onEnd: (manifest: Manifest) => void,
): AsyncGenerator<Buffer> {
  const encoder = new HashingEncoder();
  const toLocalTime = createLocalClock(spec.timeZone);
  const selected = spec.columns.map((name) => columns[name]);
  const formatCell = (value: CellValue, kind: string): string => {
    if (value === null) return '';
    if (typeof value !== 'string') return String(value);
    return kind === 'time' ? toLocalTime(value).text : escapeCsvText(value);
  };
  yield encoder.encode(byteOrderMark + stringify([[...spec.columns]], rfc4180));
  for await (const batch of leads) {
    const lines = batch.map((lead) => selected.map(({ read, kind }) => formatCell(read(lead), kind)));
    yield encoder.encode(stringify(lines, rfc4180));
  }
  onEnd(createManifest(spec, encoder.sha256()));
}
