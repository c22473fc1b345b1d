import { showFollowUp, type ShownFollowUp } from '#domain/lead/lead.shown';
import type { Position } from '#domain/event';
import type { Condition, Query, ViewReader } from '#read-model/view-store';
import { namesOf } from '../agent-names.js';
import { paged, type Page } from '../page.js';
import type { FollowUpRow } from './follow-ups.projection.js';

/** Due first first. `now`, RFC 3339, tells what is overdue. */
export async function listFollowUps(
  reader: ViewReader,
  org: string,
  where: readonly Condition[],
  now: string,
  page: Pick<Query, 'limit' | 'after'>,
): Promise<Page<ShownFollowUp>> {
  const found = await reader.find<FollowUpRow>('followUps', {
    where: [{ column: 'org', in: [org] }, ...where],
    sort: { column: 'dueAt', descending: false },
    ...page,
  });
  const nameOf = await namesOf(
    reader,
    org,
    found.rows.map(({ row }) => row.assigneeId),
  );
  return paged(
    found,
    found.rows.map(({ row }) => showFollowUp(row, { id: row.leadId, contactId: row.contactId }, nameOf, now)),
  );
}

/** A follow-up whose reminder has not fired, and how far the view was that says so. */
export interface ToRemind {
  readonly row: FollowUpRow;
  readonly checkpoint: Position | null;
}

/** Of all organizations: open follow-ups that are due before a time and were not reminded of since, those due first first. */
export async function* remindersBefore(reader: ViewReader, time: string): AsyncGenerator<ToRemind> {
  let after: Query['after'];
  for (;;) {
    const { rows, more, checkpoint } = await reader.find<FollowUpRow>('followUps', {
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
