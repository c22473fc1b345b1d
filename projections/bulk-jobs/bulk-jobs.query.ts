import {
  toBulkJobResource,
  type BulkJobResource,
  toBulkResultResource,
  type BulkResultResource,
} from '#resources/bulk.resource';
import { readPages, type RowReader } from '#read-model/view-store';
import { bulkKey, type BlockRow, type JobRow } from './bulk-jobs.projection.js';

/** Undefined if the organization has no such bulk job. */
export async function loadJob(reader: RowReader, org: string, bulkId: string): Promise<BulkJobResource | undefined> {
  const key = bulkKey(org, bulkId);
  const row = (await reader.get<JobRow>('jobs', [key])).get(key);
  return row?.org === org ? toBulkJobResource(row.job) : undefined;
}

/** A queued or running job. */
export interface OpenJob {
  readonly org: string;
  readonly id: string;
}

/** Any further open job waits until one of these is closed. */
const maxOpenJobs = 100;

/** The oldest open jobs of all organizations, oldest first. */
export async function listOpenJobs(reader: RowReader): Promise<readonly OpenJob[]> {
  const { rows } = await reader.find<JobRow>('jobs', {
    where: [{ column: 'open', in: [1] }],
    sort: { column: 'requestedAt', descending: false },
    limit: maxOpenJobs,
  });
  return rows.map(({ row: { org, job } }) => ({ org, id: job.id }));
}

const blocksPerPage = 20;

/** The results of executed items, in the order of the items; of a failed job, the results of its check. */
export async function* readResults(
  reader: RowReader,
  org: string,
  { id, state }: Pick<BulkJobResource, 'id' | 'state'>,
): AsyncGenerator<BulkResultResource> {
  const pages = readPages<BlockRow>(reader, 'results', {
    where: [{ column: 'bulk', in: [bulkKey(org, id)] }],
    sort: { column: 'block', descending: false },
    limit: blocksPerPage,
  });
  for await (const { rows } of pages)
    for (const { row } of rows) yield* ((state === 'failed' ? row.checked : row.done) ?? []).map(toBulkResultResource);
}
