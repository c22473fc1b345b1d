import type { Position } from '#domain/event-envelope';
import type { ViewReader } from '#read-model/view-store';
import type { WaitingLead } from './waiting-leads.projection.js';

/** Those that wait longest, first. */
export async function listLongestWaiting(
  reader: ViewReader,
  org: string,
  most: number,
): Promise<readonly { readonly leadId: string; readonly waitingSince: string }[]> {
  const { rows } = await reader.find<WaitingLead>('leads', {
    where: [
      { column: 'org', in: [org] },
      { column: 'waitingSince', notNull: true },
    ],
    sort: { column: 'waitingSince', descending: false },
    limit: most,
  });
  return rows.map(({ row: { leadId, waitingSince } }) => ({ leadId, waitingSince: waitingSince! }));
}

/** Where in the log the agent's last turn stands; null when it never had one. */
export async function findLastRotation(reader: ViewReader, org: string, agentId: string): Promise<Position | null> {
  const { rows } = await reader.find<WaitingLead>('leads', {
    where: [
      { column: 'org', in: [org] },
      { column: 'turnOf', in: [agentId] },
    ],
    sort: { column: 'turn', descending: true },
    limit: 1,
  });
  return rows[0]?.row.turn?.position ?? null;
}
