import {
  toBulkJobResource,
  type BulkJobResource,
  toBulkResultResource,
  type BulkResultResource,
} from '#resources/bulk.resource';
import type { RowQuery, RowReader } from '#read-model/view-store';
import { bulkKey, type BlockRow, type JobRow } from './bulk-jobs.projection.js';

/** Undefined when the organization has no such bulk. */
export async function loadJob(reader: RowReader, org: string, bulkId: string): Promise<BulkJobResource | undefined> {
  const key = bulkKey(org, bulkId);
  const row = (await reader.get<JobRow>('jobs', [key])).get(key);
  return row?.org === org ? toBulkJobResource(row.job) : undefined;
}

/** A job that is not at its end. */
export interface OpenJob {
  readonly org: string;
  readonly id: string;
}

/** So many jobs take turns; the others wait. */
const mostOpen = 100;

/** Of all organizations, oldest first. */
export async function listOpenJobs(reader: RowReader): Promise<readonly OpenJob[]> {
  const { rows } = await reader.find<JobRow>('jobs', {
    where: [{ column: 'open', in: [1] }],
    sort: { column: 'requestedAt', descending: false },
    limit: mostOpen,
  });
  return rows.map(({ row: { org, job } }) => ({ org, id: job.id }));
}

/** So many blocks are read at once. */
const chunk = 20;

/** What became of the items, in their order, as far as they were carried out; of a failed bulk, what would have. */
export async function* readResults(
  reader: RowReader,
  org: string,
  { id, state }: Pick<BulkJobResource, 'id' | 'state'>,
): AsyncGenerator<BulkResultResource> {
  let after: RowQuery['after'];
  for (;;) {
    const { rows, hasMore: more } = await reader.find<BlockRow>('results', {
      where: [{ column: 'bulk', in: [bulkKey(org, id)] }],
      sort: { column: 'block', descending: false },
      limit: chunk,
      ...(after ? { after } : {}),
    });
    for (const { row } of rows) yield* ((state === 'failed' ? row.checked : row.done) ?? []).map(toBulkResultResource);
    if (!more) return;
    const last = rows.at(-1)!;
    after = { value: last.sortValue, key: last.key };
  }
}
