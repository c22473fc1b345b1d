import { stringify } from 'csv-stringify/sync';
import { clockOf, defused } from './cells.js';
import { columns, type Value } from './columns.js';
import { Hashed, type Leads, type Manifest, manifestOf, type Order } from './manifest.js';

/** So that spreadsheets take it for UTF-8. */
const byteOrderMark = '\uFEFF';

// The library looks for its own line end alone.
const rfc4180 = { record_delimiter: '\r\n', quoted_match: /[\r\n]/ };

/** CSV as RFC 4180 has it: a line of names, then a line for each lead. `ended` hears the manifest, which CSV has no place for. */
export async function* csvOf(order: Order, leads: Leads, ended: (manifest: Manifest) => void): AsyncGenerator<Buffer> {
  const [hashed, clock] = [new Hashed(), clockOf(order.timeZone)];
  const chosen = order.columns.map((name) => columns[name]);
  const cell = (value: Value, kind: string): string => {
    if (value === null) return '';
    if (typeof value !== 'string') return String(value);
    return kind === 'time' ? clock(value).text : defused(value);
  };
  yield hashed.bytes(byteOrderMark + stringify([[...order.columns]], rfc4180));
  for await (const some of leads) {
    const lines = some.map((lead) => chosen.map(({ of, kind }) => cell(of(lead), kind)));
    yield hashed.bytes(stringify(lines, rfc4180));
  }
  ended(manifestOf(order, hashed.sha256()));
}
