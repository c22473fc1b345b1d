import { toFollowUpResource, type FollowUpResource } from '#resources/follow-up.resource';
import type { Position } from '#domain/event-envelope';
import { readPages, type Condition, type RowQuery, type ViewReader } from '#read-model/view-store';
import { loadAgentNames } from '../agent-names.js';
import { toListPage, type ListPage } from '../page.js';
import type { FollowUpRow } from './follow-ups.projection.js';

/** Soonest due first. `now` (RFC 3339) decides which follow-ups are overdue. */
export async function listFollowUps(
  reader: ViewReader,
  org: string,
  where: readonly Condition[],
  now: string,
  page: Pick<RowQuery, 'limit' | 'after'>,
): Promise<ListPage<FollowUpResource>> {
  const found = await reader.find<FollowUpRow>('followUps', {
    where: [{ column: 'org', in: [org] }, ...where],
    sort: { column: 'dueAt', descending: false },
    ...page,
  });
  const nameOf = await loadAgentNames(
    reader,
    org,
    found.rows.map(({ row }) => row.assigneeId),
  );
  return toListPage(
    found,
    found.rows.map(({ row }) => toFollowUpResource(row, { id: row.leadId, contactId: row.contactId }, nameOf, now)),
  );
}

/** A follow-up whose reminder has not fired, and the view's checkpoint when the row was read. */
export interface PendingReminder {
  readonly row: FollowUpRow;
  readonly checkpoint: Position | null;
}

/** Open follow-ups of all organizations that are due before `time` and whose reminder has not fired, soonest due first. */
export async function* listRemindersDueBefore(reader: ViewReader, time: string): AsyncGenerator<PendingReminder> {
  const pages = readPages<FollowUpRow>(reader, 'followUps', {
    where: [
      { column: 'state', in: ['open'] },
      { column: 'remindAt', to: time },
    ],
    sort: { column: 'remindAt', descending: false },
    limit: 100,
  });
  for await (const { rows, checkpoint } of pages) for (const { row } of rows) yield { row, checkpoint };
}

export const countFollowUps = (reader: ViewReader, org: string, where: readonly Condition[]): Promise<number> =>
  reader.count('followUps', { where: [{ column: 'org', in: [org] }, ...where] });
