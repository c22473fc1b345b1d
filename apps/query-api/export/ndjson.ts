import type { LeadResource } from '#resources/lead.resource';
import { createLocalClock } from './cells.js';
import { columns, serializeLead } from './columns.js';
import { HashingEncoder, type LeadBatches, createManifest, type ExportSpec } from './manifest.js';

/** One JSON line per lead: the whole lead, or an object of the requested columns. The last line is the manifest. */
export async function* writeNdjson(spec: ExportSpec, leads: LeadBatches): AsyncGenerator<Buffer> {
  const encoder = new HashingEncoder();
  const toLocalTime = createLocalClock(spec.timeZone);
  const formatTime = (time: string): string => toLocalTime(time).text;
  const serializeColumns = (lead: LeadResource): string =>
    JSON.stringify(
      Object.fromEntries(
        spec.columns.map((name) => {
          const { kind, read } = columns[name];
          const value = read(lead);
          return [name, kind === 'time' && typeof value === 'string' ? formatTime(value) : value];
        }),
      ),
    );
  const serialize =
    spec.columns.length > 0 ? serializeColumns : (lead: LeadResource) => serializeLead(lead, formatTime);
  for await (const batch of leads) yield encoder.encode(batch.map((lead) => `${serialize(lead)}\n`).join(''));
  yield Buffer.from(`${JSON.stringify({ manifest: createManifest(spec, encoder.sha256()) })}\n`);
}
