import type { Position } from '#domain/event';
import { showFollowUp, type ShownFollowUp } from '#domain/lead/lead.shown';
import type { ColumnValue } from '#read-model/view';
import type { Condition, Query, ViewReader } from '#read-model/view-store';
import { namesOf } from '../agent-names.js';
import type { FollowUpRow } from './follow-ups.projection.js';

export interface FollowUpPage {
  readonly items: readonly ShownFollowUp[];
  readonly last: { readonly value: ColumnValue; readonly key: string } | null;
  readonly checkpoint: Position | null;
}

/** Due first first. `now`, RFC 3339, tells what is overdue. */
export async function listFollowUps(
  reader: ViewReader,
  org: string,
  where: readonly Condition[],
  now: string,
  page: Pick<Query, 'limit' | 'after'>,
): Promise<FollowUpPage> {
  const { rows, more, checkpoint } = await reader.find<FollowUpRow>('followUps', {
    where: [{ column: 'org', in: [org] }, ...where],
    sort: { column: 'dueAt', descending: false },
    ...page,
  });
  const nameOf = await namesOf(
    reader,
    org,
    rows.map(({ row }) => row.assigneeId),
  );
  const last = rows.at(-1);
  return {
    items: rows.map(({ row }) => showFollowUp(row, { id: row.leadId, contactId: row.contactId }, nameOf, now)),
    last: more && last ? { value: last.sortValue, key: last.key } : null,
    checkpoint,
  };
}

export const countFollowUps = (reader: ViewReader, org: string, where: readonly Condition[]): Promise<number> =>
  reader.count('followUps', { where: [{ column: 'org', in: [org] }, ...where] });
