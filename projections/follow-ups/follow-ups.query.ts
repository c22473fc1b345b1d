import { toFollowUpResource, type FollowUpResource } from '#resources/follow-up.resource';
import type { Position } from '#domain/event-envelope';
import type { Condition, RowQuery, ViewReader } from '#read-model/view-store';
import { loadAgentNames } from '../agent-names.js';
import { toListPage, type ListPage } from '../page.js';
import type { FollowUpRow } from './follow-ups.projection.js';

/** Due first first. `now`, RFC 3339, tells what is overdue. */
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

/** A follow-up whose reminder has not fired, and how far the view was that says so. */
export interface PendingReminder {
  readonly row: FollowUpRow;
  readonly checkpoint: Position | null;
}

/** Of all organizations: open follow-ups that are due before a time and were not reminded of since, those due first first. */
export async function* listRemindersDueBefore(reader: ViewReader, time: string): AsyncGenerator<PendingReminder> {
  let after: RowQuery['after'];
  for (;;) {
    const {
      rows,
      hasMore: more,
      checkpoint,
    } = await reader.find<FollowUpRow>('followUps', {
      where: [
        { column: 'state', in: ['open'] },
        { column: 'remindAt', to: time },
      ],
      sort: { column: 'remindAt', descending: false },
      limit: 100,
      ...(after ? { after } : {}),
    });
    for (const { row, key, sortValue } of rows) {
      after = { value: sortValue, key };
      yield { row, checkpoint };
    }
    if (!more) return;
  }
}

export const countFollowUps = (reader: ViewReader, org: string, where: readonly Condition[]): Promise<number> =>
  reader.count('followUps', { where: [{ column: 'org', in: [org] }, ...where] });
