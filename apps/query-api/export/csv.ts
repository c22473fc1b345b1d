import { stringify } from 'csv-stringify/sync';
import { createLocalClock, escapeFormula } from './cells.js';
import { columns, type CellValue } from './columns.js';
import { HashingEncoder, type LeadBatches, type Manifest, createManifest, type ExportSpec } from './manifest.js';

/** So that spreadsheets take it for UTF-8. */
const byteOrderMark = '\uFEFF';

// The library looks for its own line end alone.
const rfc4180 = { record_delimiter: '\r\n', quoted_match: /[\r\n]/ };

/** CSV as RFC 4180 has it: a line of names, then a line for each lead. `ended` hears the manifest, which CSV has no place for. */
export async function* writeCsv(
  order: ExportSpec,
  leads: LeadBatches,
  ended: (manifest: Manifest) => void,
): AsyncGenerator<Buffer> {
  const [hashed, clock] = [new HashingEncoder(), createLocalClock(order.timeZone)];
  const chosen = order.columns.map((name) => columns[name]);
  const cell = (value: CellValue, kind: string): string => {
    if (value === null) return '';
    if (typeof value !== 'string') return String(value);
    return kind === 'time' ? clock(value).text : escapeFormula(value);
  };
  yield hashed.encode(byteOrderMark + stringify([[...order.columns]], rfc4180));
  for await (const some of leads) {
    const lines = some.map((lead) => chosen.map(({ read: of, kind }) => cell(of(lead), kind)));
    yield hashed.encode(stringify(lines, rfc4180));
  }
  ended(createManifest(order, hashed.sha256()));
}
