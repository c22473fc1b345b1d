import type { Position } from '#domain/event-envelope';
import type { ViewReader } from '#read-model/view-store';
import type { WaitingLead } from './waiting-leads.projection.js';

/** The leads that wait for an agent, longest waiting first; at most `limit`. */
export async function listLongestWaiting(
  reader: ViewReader,
  org: string,
  limit: number,
): Promise<readonly { readonly leadId: string; readonly waitingSince: string }[]> {
  const { rows } = await reader.find<WaitingLead>('leads', {
    where: [
      { column: 'org', in: [org] },
      { column: 'waitingSince', notNull: true },
    ],
    sort: { column: 'waitingSince', descending: false },
    limit,
  });
  return rows.map(({ row: { leadId, waitingSince } }) => ({ leadId, waitingSince: waitingSince! }));
}

/** The position of the last automatic assignment to the agent; null if there was none. */
export async function findLastAutoAssignment(
  reader: ViewReader,
  org: string,
  agentId: string,
): Promise<Position | null> {
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
