import { showFollowUp, type ShownFollowUp } from '#domain/lead/lead.shown';
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

export const countFollowUps = (reader: ViewReader, org: string, where: readonly Condition[]): Promise<number> =>
  reader.count('followUps', { where: [{ column: 'org', in: [org] }, ...where] });
