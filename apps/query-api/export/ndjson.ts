import type { ShownLead } from '#domain/lead/lead.shown';
import { clockOf } from './cells.js';
import { columns, wholeLead } from './columns.js';
import { Hashed, type Leads, manifestOf, type Order } from './manifest.js';

/** A line of JSON for each lead: the whole lead as lists show it, or an object of the columns asked for. The last one is the manifest. */
export async function* ndjsonOf(order: Order, leads: Leads): AsyncGenerator<Buffer> {
  const [hashed, clock] = [new Hashed(), clockOf(order.timeZone)];
  const told = (time: string): string => clock(time).text;
  const inColumns = (lead: ShownLead): string =>
    JSON.stringify(
      Object.fromEntries(
        order.columns.map((name) => {
          const { kind, of } = columns[name];
          const value = of(lead);
          return [name, kind === 'time' && typeof value === 'string' ? told(value) : value];
        }),
      ),
    );
  const line = order.columns.length > 0 ? inColumns : (lead: ShownLead) => wholeLead(lead, told);
  for await (const some of leads) yield hashed.bytes(some.map((lead) => `${line(lead)}\n`).join(''));
  yield Buffer.from(`${JSON.stringify({ manifest: manifestOf(order, hashed.sha256()) })}\n`);
}
