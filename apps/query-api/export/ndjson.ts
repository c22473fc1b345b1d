import type { LeadResource } from '#resources/lead.resource';
import { createLocalClock } from './cells.js';
import { columns, serializeLead } from './columns.js';
import { HashingEncoder, type LeadBatches, createManifest, type ExportSpec } from './manifest.js';

/** A line of JSON for each lead: the whole lead as lists show it, or an object of the columns asked for. The last one is the manifest. */
export async function* writeNdjson(order: ExportSpec, leads: LeadBatches): AsyncGenerator<Buffer> {
  const [hashed, clock] = [new HashingEncoder(), createLocalClock(order.timeZone)];
  const told = (time: string): string => clock(time).text;
  const inColumns = (lead: LeadResource): string =>
    JSON.stringify(
      Object.fromEntries(
        order.columns.map((name) => {
          const { kind, read: of } = columns[name];
          const value = of(lead);
          return [name, kind === 'time' && typeof value === 'string' ? told(value) : value];
        }),
      ),
    );
  const line = order.columns.length > 0 ? inColumns : (lead: LeadResource) => serializeLead(lead, told);
  for await (const some of leads) yield hashed.encode(some.map((lead) => `${line(lead)}\n`).join(''));
  yield Buffer.from(`${JSON.stringify({ manifest: createManifest(order, hashed.sha256()) })}\n`);
}
