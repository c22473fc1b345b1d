import { evolveJob, isOpen, type BulkJob } from '#domain/bulk/bulk.job';
import type { BulkEvent } from '#domain/bulk/bulk.events';
import type { BulkResult } from '#domain/bulk/bulk.results';
import type { Table, View } from '#read-model/view';

export interface JobRow {
  readonly org: string;
  readonly job: BulkJob;
}

/** The results of a block of items. */
export interface BlockRow {
  readonly bulk: string;
  readonly block: number;
  /** What would have become of them; null: nobody asked, or they were carried out. */
  readonly checked: readonly BulkResult[] | null;
  /** What became of them; null: they were not carried out. */
  readonly done: readonly BulkResult[] | null;
}

type OfBulk = { readonly org: string; readonly data: { readonly bulkId: string } };
export const bulkKey = (org: string, bulkId: string): string => `${org}/${bulkId}`;
const itself = ({ org, data }: OfBulk): readonly string[] => [bulkKey(org, data.bulkId)];
const itsBlock = ({ org, data }: OfBulk & { readonly data: { readonly block: number } }): readonly string[] => [
  `${bulkKey(org, data.bulkId)}/${data.block}`,
];

const jobs: Table<JobRow> = {
  keys: {
    BulkRequested: itself,
    BulkItemsChecked: itself,
    BulkItemsDone: itself,
    BulkRetried: itself,
    BulkCancelled: itself,
    BulkCompleted: itself,
    BulkFailed: itself,
  },
  evolve(row, event) {
    const job = evolveJob(row?.job, event as BulkEvent);
    return job && { org: event.org, job };
  },
  columns: {
    open: ({ job }) => (isOpen(job) ? 1 : 0),
    requestedAt: ({ job }) => job.requestedAt,
  },
  indexes: [{ prefix: ['open'], sort: 'requestedAt', where: { open: 1 } }],
};

const results: Table<BlockRow> = {
  keys: { BulkItemsChecked: itsBlock, BulkItemsDone: itsBlock },
  evolve(row, event) {
    if (event.type !== 'BulkItemsChecked' && event.type !== 'BulkItemsDone') return row;
    const { bulkId, block, results } = event.data;
    const before = row ?? { bulk: bulkKey(event.org, bulkId), block, checked: null, done: null };
    if (event.type === 'BulkItemsChecked') return { ...before, checked: results };
    // What was tried again takes the place of what it was before.
    const again = new Map(results.map((it) => [it.index, it]));
    return { ...before, checked: null, done: before.done?.map((it) => again.get(it.index) ?? it) ?? results };
  },
  columns: { bulk: (row) => row.bulk, block: (row) => row.block },
  indexes: [{ prefix: ['bulk'], sort: 'block' }],
};

export const bulkJobs: View = { name: 'bulk-jobs', version: 1, tables: { jobs, results } };
